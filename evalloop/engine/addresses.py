"""Addresses of files as DuckDB and Hadoop (Spark) read them."""

from __future__ import annotations

from pathlib import Path


def quoted(text: str) -> str:
    """A string in SQL."""
    return "'" + text.replace("'", "''") + "'"


def unglobbed(path: str) -> str:
    """The path with DuckDB's wildcards switched off."""
    return path if "://" in path else "".join(f"[{char}]" if char in "*?[" else char for char in path)


def hadoop_address(path: Path) -> str:
    """The address of a file as Hadoop reads it: nothing is escaped, a folder ``day=1`` keeps its name."""
    return f"file://{path.absolute()}"


def hadoop_unglobbed(address: str) -> str:
    """The address with Hadoop's wildcards switched off."""
    return "".join(f"\\{char}" if char in "*?[]{}\\" else char for char in address)

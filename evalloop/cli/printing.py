"""What verbs print for people, no wider than their terminal."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from evalloop.terminal import columns, fold, table


def say(text: str = "", *, hang: int | None = None, err: bool = False) -> None:
    """Prints lines; on a terminal they are broken at blanks, and what follows a break is indented by ``hang``."""
    click.echo(fold(text, columns(sys.stderr if err else sys.stdout), hang=hang), err=err)


def width_for(output: Path | None) -> int | None:
    """The width of the terminal where no file is written instead."""
    return None if output else columns(sys.stdout)


def show_table(*given: Any, **how: Any) -> None:
    """Prints a ``terminal.table`` that fits."""
    click.echo(table(*given, width=columns(sys.stdout), **how))

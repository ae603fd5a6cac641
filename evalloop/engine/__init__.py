"""The one door to the analysis engine: Ibis expressions, run by DuckDB here or by Apache Spark beyond one machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalloop.engine.files import BATCH, JSON_SUFFIXES, SUFFIXES, TEXT_SUFFIXES, read_rows, read_table
from evalloop.engine.once import built_once
from evalloop.engine.warehouse import read_warehouse

if TYPE_CHECKING:
    from evalloop.engine.backend import Engine

__all__ = ["BATCH", "JSON_SUFFIXES", "SUFFIXES", "TEXT_SUFFIXES", "Engine", "built_once", "ibis", "open_engine",
           "read_rows", "read_table", "read_warehouse"]


def open_engine(address: str = "duckdb", **options: Any) -> Engine:
    """An engine: ``duckdb``; ``local[*]``, ``spark://host:port`` or ``sc://host:port`` for Spark; see ``backend``."""
    from evalloop.engine.backend import open_engine as opened

    return opened(address, **options)


def __getattr__(name: str) -> Any:
    """``engine.ibis`` is the library itself, loaded when an expression is first written."""
    if name == "ibis":
        import ibis

        return ibis
    if name == "Engine":
        from evalloop.engine.backend import Engine

        return Engine
    raise AttributeError(name)

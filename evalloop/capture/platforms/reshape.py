"""What a mapping cannot say about the rows of a platform: each function takes the rows of an export and gives those
that the platform's mapping reads. What is broken passes through; nothing raises."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from evalloop.contracts import RawRow
from evalloop.errors import RecordError

Row = Mapping[str, Any]


def unchanged(rows: Iterator[RawRow]) -> Iterator[RawRow]:
    """The rows as they are."""
    return rows


def _each(change: Callable[[Row], Row]) -> Callable[[Iterator[RawRow]], Iterator[RawRow]]:
    """Changes one row at a time."""
    def rows(given: Iterator[RawRow]) -> Iterator[RawRow]:
        for line, row in given:
            yield line, row if isinstance(row, RecordError) else change(row)
    return rows


def _map(value: Any) -> Row:
    return value if isinstance(value, Mapping) else {}


def _langfuse(row: Row) -> Row:
    """Version 3 names its subject by kind and id, version 2 by three columns."""
    subject = _map(row.get("subject"))
    column = {"observation": "observationId", "session": "sessionId", "trace": "traceId"}.get(str(subject.get("kind")))
    return {**row, column: subject.get("id")} if column else row


langfuse = _each(_langfuse)

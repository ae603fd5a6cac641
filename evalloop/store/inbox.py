"""Writes rows of events, each once, whoever else is writing: the one path into the table on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING

from evalloop.store.body import Row

if TYPE_CHECKING:
    from sqlalchemy import Connection

STORED, ALREADY, CONFLICT = "stored", "already", "conflict"
STATEMENT = 1000
"""Rows of one statement: 8,000 values, under the limits of both databases."""


def write(connection: Connection, rows: Sequence[Row]) -> list[str]:
    """What became of each row: ``stored``, ``already`` (same id and body) or ``conflict`` (same id, other body).

    Of two rows with one id the first counts. Nothing is durable before the transaction of ``connection`` is.
    """
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(row.event_id, row)
    taken = _write_distinct(connection, [first[name] for name in sorted(first)])
    return [STORED if taken[row.event_id] is None and first[row.event_id] is row
            else ALREADY if (taken[row.event_id] or first[row.event_id].body_hash) == row.body_hash
            else CONFLICT for row in rows]


def _write_distinct(connection: Connection, rows: Sequence[Row]) -> dict[str, bytes | None]:
    """None for each id that was stored now, else the hash that was there before.

    In the order of ids, so that two writers of the same events wait for each other and never in a circle.
    """
    found: dict[str, bytes | None] = {}
    for start in range(0, len(rows), STATEMENT):
        part = rows[start:start + STATEMENT]
        sql = _insert(connection.dialect.name, len(part))
        done = connection.exec_driver_sql(sql, tuple(chain.from_iterable(part)))
        found.update(dict.fromkeys(done.scalars()))
        if missing := [row.event_id for row in part if row.event_id not in found]:
            sql = _select(connection.dialect.name, len(missing))
            found.update({name: bytes(digest) for name, digest in connection.exec_driver_sql(sql, tuple(missing))})
    return found


@lru_cache(maxsize=64)
def _insert(dialect: str, number: int) -> str:
    values = ",".join([f"({_marks(dialect, len(Row._fields))})"] * number)
    return (f"INSERT INTO events ({','.join(Row._fields)}) VALUES {values} "  # noqa: S608  # names of our columns
            "ON CONFLICT (event_id) DO NOTHING RETURNING event_id")


@lru_cache(maxsize=64)
def _select(dialect: str, number: int) -> str:
    return f"SELECT event_id, body_hash FROM events WHERE event_id IN ({_marks(dialect, number)})"  # noqa: S608


def _marks(dialect: str, number: int) -> str:
    return ",".join(["?" if dialect == "sqlite" else "%s"] * number)

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
    insert = _insert_alone if connection.dialect.name == "sqlite" else _insert_among_others
    found: dict[str, bytes | None] = {}
    for start in range(0, len(rows), STATEMENT):
        found.update(insert(connection, rows[start:start + STATEMENT]))
    return found


def _insert_alone(connection: Connection, rows: Sequence[Row]) -> dict[str, bytes | None]:
    """SQLite, whose transaction shuts out other writers: what is new lies above the highest ``seq`` of before.

    No row is given back one by one, as each would need Python's lock, which the thread that serves requests holds.
    """
    last = connection.exec_driver_sql("SELECT coalesce(max(seq), 0) FROM events").scalar_one()
    sql = _insert("sqlite", len(rows))
    names = [row.event_id for row in rows]
    if connection.exec_driver_sql(sql, tuple(chain.from_iterable(rows))).rowcount == len(rows):
        return dict.fromkeys(names)
    sql = _select("sqlite", len(rows))
    return {name: None if seq > last else bytes(digest)
            for name, digest, seq in connection.exec_driver_sql(sql, tuple(names))}


def _insert_among_others(connection: Connection, rows: Sequence[Row]) -> dict[str, bytes | None]:
    """PostgreSQL, where others write at the same time: the statement itself says what it stored."""
    found: dict[str, bytes | None] = {}
    sql = _insert("postgresql", len(rows)) + " RETURNING event_id"
    found.update(dict.fromkeys(connection.exec_driver_sql(sql, tuple(chain.from_iterable(rows))).scalars()))
    if missing := [row.event_id for row in rows if row.event_id not in found]:
        sql = _select("postgresql", len(missing))
        found.update({name: bytes(digest) for name, digest, _ in connection.exec_driver_sql(sql, tuple(missing))})
    return found


@lru_cache(maxsize=64)
def _insert(dialect: str, number: int) -> str:
    values = ",".join([f"({_marks(dialect, len(Row._fields))})"] * number)
    return (f"INSERT INTO events ({','.join(Row._fields)}) VALUES {values} "  # noqa: S608  # names of our columns
            "ON CONFLICT (event_id) DO NOTHING")


@lru_cache(maxsize=64)
def _select(dialect: str, number: int) -> str:
    return f"SELECT event_id, body_hash, seq FROM events WHERE event_id IN ({_marks(dialect, number)})"  # noqa: S608


def _marks(dialect: str, number: int) -> str:
    return ",".join(["?" if dialect == "sqlite" else "%s"] * number)

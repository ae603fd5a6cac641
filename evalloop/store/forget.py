"""Erases one user from the log of events: the inbox, the lake, signals and dead letters; what is left is a receipt."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evalloop.errors import StoreError
from evalloop.records.times import moment_of, now_text, time_text
from evalloop.store.database import transaction
from evalloop.store.lake import without
from evalloop.store.log import EventLog
from evalloop.store.traces import Traces

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Connection

CHUNK = 500
WORDED = frozenset({"events", "signals", "dead_letters", "theme_weeks", "theme_moves"})
"""Tables that may hold words of users."""


def erase(log: EventLog, traces: Traces) -> dict[str, int]:
    """Takes it all out, also of the free pages of the database file; how many of what."""
    with transaction(log.store.engine) as connection:
        counts = {"inbox": _delete(connection, log, traces), "signals": _signals(connection, log, traces),
                  "dead_letters": _letters(connection, log, traces)}
    counts["lake"] = log.lake.rewrite(lambda table: without(table, traces.events))
    compact(log)
    return counts


def compact(log: EventLog) -> None:
    """Gives free pages back, so that no deleted row is left in the file or in its write-ahead log."""
    from sqlalchemy import inspect

    engine = log.store.engine
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        raw: Any = connection.connection.driver_connection
        if engine.dialect.name == "sqlite":
            raw.execute("PRAGMA temp_store=FILE")
            raw.execute("VACUUM")
            if raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]:
                raise StoreError("the write-ahead log still holds what was deleted: another process reads the store",
                                 fix="stop it and run the command again")
        else:
            for table in sorted(WORDED.intersection(inspect(connection).get_table_names())):
                connection.exec_driver_sql(f"VACUUM FULL {table}")


def _delete(connection: Connection, log: EventLog, traces: Traces) -> int:
    from sqlalchemy import delete

    table, ids, gone = log.store.table, sorted(traces.events), 0
    for start in range(0, len(ids), CHUNK):
        gone += connection.execute(delete(table).where(table.c.event_id.in_(ids[start:start + CHUNK]))).rowcount
    return gone


def _signals(connection: Connection, log: EventLog, traces: Traces) -> int:
    from sqlalchemy import delete, select

    table = log.store.metadata.tables["signals"]
    rows = connection.execute(select(table.c.signal_id, table.c.user_key, table.c.response_id, table.c.session_id,
                                     table.c.event_ids)).all()
    ids = [row[0] for row in rows if row[1] in traces.keys or traces.events.intersection(json.loads(row[4]))
           or (row[1] is None and traces.about({"response_id": row[2], "session_id": row[3]}))]
    for start in range(0, len(ids), CHUNK):
        connection.execute(delete(table).where(table.c.signal_id.in_(ids[start:start + CHUNK])))
    return len(ids)


def _letters(connection: Connection, log: EventLog, traces: Traces) -> int:
    from sqlalchemy import delete, select

    table = log.store.metadata.tables["dead_letters"]
    needles = [*traces.keys, *(json.dumps(words, ensure_ascii=False)[1:-1] for words in traces.words)]
    ids = [row[0] for row in connection.execute(select(table.c.id, table.c.body))
           if any(needle in row[1] for needle in needles)]
    for start in range(0, len(ids), CHUNK):
        connection.execute(delete(table).where(table.c.id.in_(ids[start:start + CHUNK])))
    return len(ids)


def expire(log: EventLog, until: str) -> dict[str, int]:
    """Drops what happened before ``until`` (``2026-01-31T...``), what its own ``privacy.expires_at`` ends now, and dead
    letters of before; how many of what."""
    from sqlalchemy import delete, select

    now, table = now_text(), log.store.table
    letters = log.store.metadata.tables["dead_letters"]
    with log.store.engine.connect().execution_options(read_only=True) as connection:
        rows = connection.execute(select(table.c.event_id, table.c.body).where(table.c.body.contains('"expires_at"')))
        ended = {row[0] for row in rows if _ended(json.loads(row[1]), now)}
    with transaction(log.store.engine) as connection:
        counts = {"inbox": connection.execute(delete(table).where(table.c.occurred_at < until)).rowcount,
                  "dead_letters": connection.execute(delete(letters).where(letters.c.last_at < until)).rowcount}
        counts["inbox"] += _delete(connection, log, Traces(frozenset(), events=ended))
    counts["lake"] = log.lake.rewrite(lambda part: _younger(part, until, now))
    compact(log)
    return counts


def _ended(event: Mapping[str, Any], now: str) -> bool:
    ends = (event.get("privacy") or {}).get("expires_at")
    try:
        return isinstance(ends, str) and time_text(moment_of(ends)) <= now
    except ValueError:
        return False


def _younger(table: pa.Table, until: str, now: str) -> pa.Table | None:
    """The rows of a part that stay; None when all do."""
    import pyarrow as pa
    import pyarrow.compute as pc

    at, ends = table.column("occurred_at"), table.column("expires_at")
    kept = pc.and_(pc.greater_equal(at, pa.scalar(moment_of(until), at.type)),
                   pc.fill_null(pc.greater(ends, pa.scalar(moment_of(now), ends.type)), True))
    return None if pc.all(kept).as_py() else table.filter(kept)

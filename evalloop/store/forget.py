"""Erases one user from the log of events: the inbox, the lake, signals and dead letters; what is left is a receipt."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evalloop.errors import StoreError
from evalloop.records.times import moment_of, now_text, time_text
from evalloop.store.database import transaction
from evalloop.store.lake import without
from evalloop.store.log import EventLog

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Connection

ERASED = "privacy.erased"
SAID = ("text", "ideal", "after", "explanation", "comment")
CHUNK = 500
WORDED = frozenset({"events", "signals", "dead_letters", "theme_weeks", "theme_moves"})
"""Tables that may hold words of users."""


@dataclass
class Traces:
    """Where a user left something: ids of events, of responses and sessions, and the user's own words."""

    keys: frozenset[str]
    events: set[str] = field(default_factory=set)
    responses: set[str] = field(default_factory=set)
    sessions: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)

    def owns(self, event: Mapping[str, Any]) -> bool:
        """True for an event of the user; one that names no user goes by its response or session."""
        if event["event_type"] == ERASED:
            return False
        user = (event.get("actor") or {}).get("user_key")
        if user is not None:
            return user in self.keys
        if (event.get("payload") or {}).get("user_key") in self.keys:
            return True
        return self.about(event.get("subject") or {})

    def about(self, subject: Mapping[str, Any]) -> bool:
        """True for what is known to belong to the user's responses or sessions."""
        return subject.get("response_id") in self.responses or subject.get("session_id") in self.sessions

    def learn(self, event: Mapping[str, Any]) -> None:
        """Takes the ids of an event that names the user."""
        subject = event.get("subject") or {}
        self.responses |= {subject["response_id"]} if subject.get("response_id") else set()
        self.sessions |= {subject["session_id"]} if subject.get("session_id") else set()

    def keep(self, event: Mapping[str, Any]) -> None:
        """Takes the id and the words of an event that is to go."""
        self.events.add(event["event_id"])
        self.words.update(words_of(event))


def words_of(event: Mapping[str, Any]) -> Iterator[str]:
    """What the user wrote in an event: comments, corrections, and the messages of the role ``user``."""
    payload = event.get("payload") or {}
    yield from (payload[name] for name in SAID if isinstance(payload.get(name), str))
    side = payload.get("input")
    messages = side.get("messages") if isinstance(side, Mapping) else None
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, Mapping) and message.get("role") == "user":
            yield from _texts(message.get("content", message.get("parts")))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def find(log: EventLog, keys: Collection[str]) -> Traces:
    """Two readings of the log: what names the user, then what belongs to it."""
    traces = Traces(frozenset(keys))
    for event in _events(log):
        if (event.get("actor") or {}).get("user_key") in traces.keys and event["event_type"] != ERASED:
            traces.learn(event)
    for event in _events(log):
        if traces.owns(event):
            traces.keep(event)
    return traces


def _events(log: EventLog) -> Iterator[dict[str, Any]]:
    """Every event of inbox and lake as a mapping."""
    from sqlalchemy import select

    with log.store.engine.connect().execution_options(read_only=True, yield_per=1000) as connection:
        for body in connection.execute(select(log.store.table.c.body)).scalars():
            yield json.loads(body)
    for table in log.lake.tables(["body"]):
        for body in table.column("body").to_pylist():
            yield json.loads(body)


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

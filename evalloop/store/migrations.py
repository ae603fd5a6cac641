"""The layout of the database and its versions: each step carries a store from one version to the next."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from evalloop.errors import ConfigError
from evalloop.store.body import row_of

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, MetaData, Table

LAYOUT = 3


def migrate(engine: Engine, metadata: MetaData, address: str, *, allowed: bool) -> None:
    """Makes what is missing and carries an older store over, in one transaction; ConfigError when that is not allowed.

    Two processes that start at once do it one after the other. A store of this layout is only read.
    """
    from sqlalchemy import insert, update

    layout = metadata.tables["layout"]
    with engine.connect().execution_options(read_only=True) as connection:
        if _version(connection, layout) == LAYOUT:
            return
    with engine.begin() as connection:
        _alone(connection)
        found = _version(connection, layout)
        if found == LAYOUT:
            return
        steps = [step for step, dialects in STEPS[(found or LAYOUT) - 1:] if engine.dialect.name in dialects]
        _check(found, address, allowed=allowed or not steps)
        for step in steps:
            step(connection)
        metadata.create_all(connection)
        change = insert(layout) if found is None else update(layout)
        connection.execute(change.values(version=LAYOUT))


def _version(connection: Connection, layout: Table) -> int | None:
    from sqlalchemy import inspect, select

    if not inspect(connection).has_table(layout.name):
        return None
    found: int | None = connection.execute(select(layout.c.version)).scalars().first()
    return found


def _alone(connection: Connection) -> None:
    """Waits for other processes that are here (SQLite's transactions take the write lock when they begin)."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7310577)")


def _check(found: int | None, address: str, *, allowed: bool) -> None:
    if found is not None and found > LAYOUT:
        raise ConfigError(f"the event store {address} has layout {found}, this version reads layout {LAYOUT}",
                          key="store", fix="use the version of evalloop that wrote it, or a newer one")
    if found is not None and not allowed:
        raise ConfigError(f"the event store has layout {found}, this version writes layout {LAYOUT}", key="store",
                          fix="stop collectors of the old version, then run: evalloop store migrate")


def _users_of_events(connection: Connection) -> None:
    """1 to 2: the user key beside each event; hashes of what the client said alone."""
    from sqlalchemy import text

    connection.execute(text("ALTER TABLE events ADD COLUMN user_key TEXT"))
    rows, last = text("SELECT seq, body FROM events WHERE seq > :last ORDER BY seq LIMIT 1000"), -1
    change = text("UPDATE events SET user_key = :user, body_hash = :hash, body = :body WHERE seq = :seq")
    while group := connection.execute(rows, {"last": last}).all():
        made = [(seq, row_of(json.loads(body), "")) for seq, body in group]
        connection.execute(change, [{"seq": seq, "user": row.user_key, "hash": row.body_hash, "body": row.body}
                                    for seq, row in made])
        last = group[-1][0]


def _numbers_used_once(connection: Connection) -> None:
    """2 to 3: SQLite gives no number of an event again after a drain took the last ones, so that a reader who asks for
    what came after one misses nothing."""
    from sqlalchemy import inspect, text

    lines = [
        "CREATE TABLE events_3 (seq INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, event_id VARCHAR(128) NOT NULL, "
        "event_type VARCHAR(64) NOT NULL, occurred_at VARCHAR(32) NOT NULL, received_at VARCHAR(32) NOT NULL, "
        "replaces VARCHAR(128), user_key TEXT, body_hash BLOB NOT NULL, body TEXT NOT NULL, UNIQUE (event_id))",
        f"INSERT INTO events_3 ({_EVENTS_3}) SELECT {_EVENTS_3} FROM events ORDER BY seq",  # noqa: S608  # our columns
        "DROP TABLE events", "ALTER TABLE events_3 RENAME TO events",
        "CREATE INDEX events_replaces ON events (replaces) WHERE replaces IS NOT NULL"]
    for line in lines:
        connection.execute(text(line))
    gone = "(SELECT coalesce(sum(rows), 0) FROM lake_parts)" if inspect(connection).has_table("lake_parts") else "0"
    most = connection.execute(text(f"SELECT max(coalesce(max(seq), 0), count(*) + {gone}) FROM events"))  # noqa: S608
    connection.execute(text("DELETE FROM sqlite_sequence WHERE name IN ('events', 'events_3')"))
    connection.execute(text("INSERT INTO sqlite_sequence VALUES ('events', :most)"), {"most": most.scalar_one()})


_EVENTS_3 = "seq, event_id, event_type, occurred_at, received_at, replaces, user_key, body_hash, body"
STEPS: tuple[tuple[Callable[[Connection], None], frozenset[str]], ...] = (
    (_users_of_events, frozenset({"sqlite", "postgresql"})), (_numbers_used_once, frozenset({"sqlite"})))
"""What carries a store from layout 1, 2 ... to the next one, and the databases that need it."""

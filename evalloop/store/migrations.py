"""The layout of the database and its versions: each step carries a store from one version to the next."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from evalloop.errors import ConfigError
from evalloop.store.body import row_of

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, MetaData, Table

LAYOUT = 2


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
        _check(found, address, allowed=allowed)
        for version in range(found or LAYOUT, LAYOUT):
            STEPS[version](connection)
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


STEPS: dict[int, Callable[[Connection], None]] = {1: _users_of_events}

"""The event store: append-only, idempotent, folded when read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from evalloop.records.event import Event
from evalloop.records.times import now_text
from evalloop.store.database import open_engine

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table

GROUP = 1000
"""Events per commit: what a kill can lose of an import that is then simply repeated."""

LOOKUP = 500


@dataclass(frozen=True)
class Added:
    """What became of the events given to ``add``; ``conflicts`` holds ids that are taken by another body."""

    stored: int = 0
    already: int = 0
    conflicts: tuple[str, ...] = ()

    def __add__(self, other: Added) -> Added:
        return Added(self.stored + other.stored, self.already + other.already, self.conflicts + other.conflicts)


def body_of(event: Event) -> tuple[str, bytes]:
    """The canonical JSON of an event without ``received_at``, and its SHA-256; ValueError for NaN or a broken text."""
    row = event.to_dict()
    row.pop("received_at", None)
    text = json.dumps(row, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text, hashlib.sha256(text.encode("utf-8")).digest()


class EventStore:
    """Events in one database; ``address`` is a path (SQLite) or a database URL."""

    def __init__(self, address: str) -> None:
        self.engine, self.metadata = open_engine(address)
        self.table = self.metadata.tables["events"]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Gives back the connections."""
        self.engine.dispose()

    def add(self, events: Iterable[Event]) -> Added:
        """Stores events in groups, one commit each.

        Same id and same body: nothing happens. Same id, other body: nothing is stored and the id is returned among
        the conflicts. When ``add`` returns, everything it counted as stored is on the disk.
        """
        total, waiting = Added(), iter(events)
        while group := list(islice(waiting, GROUP)):
            total += self._add_group(group)
        return total

    def _add_group(self, group: Sequence[Event]) -> Added:
        rows, again, conflicts = _distinct(group)
        with self.engine.begin() as connection:
            known = self._hashes(connection, list(rows))
            new = [row for name, row in rows.items() if name not in known]
            if new:
                connection.execute(_insert_new(connection, self.table), new)
        taken = [name for name, found in known.items() if found != rows[name]["body_hash"]]
        return Added(len(new), again + len(known) - len(taken), (*conflicts, *taken))

    def _hashes(self, connection: Connection, ids: Sequence[str]) -> dict[str, bytes]:
        """The stored body hash of each id that is taken."""
        from sqlalchemy import select

        table, found = self.table, {}
        for start in range(0, len(ids), LOOKUP):
            query = select(table.c.event_id, table.c.body_hash).where(table.c.event_id.in_(ids[start:start + LOOKUP]))
            found.update({name: bytes(digest) for name, digest in connection.execute(query)})
        return found

    def events(self, *, folded: bool = True) -> Iterator[Event]:
        """All events by time (ties by id), streamed; ``folded`` leaves out those superseded or retracted."""
        from sqlalchemy import select

        table = self.table
        query = select(table.c.body, table.c.received_at).order_by(table.c.occurred_at, table.c.event_id)
        if folded:
            replaced = select(table.c.replaces).where(table.c.replaces.is_not(None))
            query = query.where(table.c.event_id.not_in(replaced))
        with self._reader() as connection:
            for body, received_at in connection.execution_options(yield_per=GROUP).execute(query):
                yield Event.from_dict({**json.loads(body), "received_at": received_at})

    def count(self) -> dict[str, int]:
        """How many events of each type are stored, superseded ones included."""
        from sqlalchemy import func, select

        kind = self.table.c.event_type
        with self._reader() as connection:
            return {row[0]: row[1] for row in connection.execute(select(kind, func.count()).group_by(kind))}

    def _reader(self) -> Connection:
        return self.engine.connect().execution_options(read_only=True)


def _distinct(group: Sequence[Event]) -> tuple[dict[str, dict[str, Any]], int, list[str]]:
    """Rows by id, how many came twice with the same body, and the ids that came with two bodies (the first stays)."""
    rows: dict[str, dict[str, Any]] = {}
    again, conflicts, now = 0, [], now_text()
    for event in group:
        row = _event_row(event, now)
        first = rows.setdefault(event.event_id, row)
        if first is row:
            continue
        if first["body_hash"] == row["body_hash"]:
            again += 1
        else:
            conflicts.append(event.event_id)
    return rows, again, conflicts


def _event_row(event: Event, now: str) -> dict[str, Any]:
    body, digest = body_of(event)
    replaces = event.links.get("retracts") or event.links.get("supersedes")
    return {"event_id": event.event_id, "event_type": event.event_type, "occurred_at": event.occurred_at,
            "received_at": now, "replaces": replaces, "body_hash": digest, "body": body}


def _insert_new(connection: Connection, table: Table) -> Any:
    """An insert that passes over an id which another writer took in this moment."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as insert_postgresql

        return insert_postgresql(table).on_conflict_do_nothing(index_elements=["event_id"])
    from sqlalchemy.dialects.sqlite import insert as insert_sqlite

    return insert_sqlite(table).on_conflict_do_nothing(index_elements=["event_id"])

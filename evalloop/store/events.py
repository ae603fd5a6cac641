"""The event store: append-only, idempotent, folded when read."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from evalloop.records.event import Event
from evalloop.records.times import now_text
from evalloop.store.body import Row, row_of
from evalloop.store.database import LOG_PAGES, open_engine, transaction
from evalloop.store.deadletters import DeadLetters, Letter
from evalloop.store.deadletters import write as keep
from evalloop.store.erasures import Erasures
from evalloop.store.inbox import ALREADY, CONFLICT, STORED, write
from evalloop.store.keys import Keys

if TYPE_CHECKING:
    from sqlalchemy import Connection

GROUP = 1000
"""Events per commit: what a kill can lose of an import that is then simply repeated."""


@dataclass(frozen=True)
class Added:
    """What became of the events given to ``add``; ``conflicts`` holds ids that are taken by another body."""

    stored: int = 0
    already: int = 0
    conflicts: tuple[str, ...] = ()

    def __add__(self, other: Added) -> Added:
        return Added(self.stored + other.stored, self.already + other.already, self.conflicts + other.conflicts)


def added(rows: Sequence[Row], fates: Sequence[str]) -> Added:
    """The fates of rows, counted."""
    taken = tuple(row.event_id for row, fate in zip(rows, fates, strict=True) if fate == CONFLICT)
    return Added(fates.count(STORED), fates.count(ALREADY), taken)


class EventStore:
    """Events in one database; ``address`` is a path (SQLite) or a database URL. ``log_pages``: how long SQLite's log
    may become."""

    def __init__(self, address: str, *, mending: bool = False, log_pages: int = LOG_PAGES) -> None:
        self.address = address
        self.engine, self.metadata = open_engine(address, mending=mending, log_pages=log_pages)
        self.table = self.metadata.tables["events"]
        self.keys = Keys(self.engine, self.metadata)
        self.letters = DeadLetters(self.engine, self.metadata)
        self.erasures = Erasures(self.engine, self.metadata)

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
        now = now_text()
        return self.add_rows([row_of(event.to_dict(), now) for event in group])

    def add_rows(self, rows: Sequence[Row]) -> Added:
        """The same for rows, in one commit."""
        return added(rows, self.write(rows))

    def write(self, rows: Sequence[Row], letters: Sequence[Letter] = ()) -> list[str]:
        """Stores rows and dead letters in one transaction; what became of each row (``inbox.write``).

        On return everything is on the disk.
        """
        with transaction(self.engine) as connection:
            if letters:
                keep(connection, letters)
            return write(connection, rows)

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

    def page(self, after: int, limit: int) -> tuple[list[dict[str, Any]], int | None]:
        """Up to ``limit`` events of the inbox in the order of arrival, and where the next page begins (None: none).

        On PostgreSQL it waits for those who are writing: an event with a smaller number than one that was read would
        else appear later, and be missed.
        """
        from sqlalchemy import select

        table = self.table
        query = select(table.c.seq, table.c.body, table.c.received_at).where(table.c.seq > after)
        with self._reader() as connection:
            if connection.dialect.name == "postgresql":
                connection.exec_driver_sql("LOCK TABLE events IN SHARE MODE")
            rows = connection.execute(query.order_by(table.c.seq).limit(limit)).all()
        events = [{**json.loads(body), "received_at": received_at} for _, body, received_at in rows]
        return events, rows[-1][0] if len(rows) == limit else None

    def count(self) -> dict[str, int]:
        """How many events of each type are stored, superseded ones included."""
        from sqlalchemy import func, select

        kind = self.table.c.event_type
        with self._reader() as connection:
            return {row[0]: row[1] for row in connection.execute(select(kind, func.count()).group_by(kind))}

    def _reader(self) -> Connection:
        return self.engine.connect().execution_options(read_only=True)



"""The whole log of events: the lake, and what waits in the inbox for its day to settle; each event once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby, islice
from types import TracebackType
from typing import TYPE_CHECKING, Self

from evalloop.records.event import Event
from evalloop.store import columns
from evalloop.store.drain import Drained, drain, known_bodies, settled
from evalloop.store.events import EventStore
from evalloop.store.lake import Lake, Part

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Connection

BATCH = 20_000
LAST_DAY = "9999-99-99"
Waiting = tuple[str, str, str]
"""body, received_at, event_id."""


@dataclass(frozen=True)
class Snapshot:
    """The log at one moment: addresses of the lake's live parts, and the events of the inbox that these lack."""

    parts: Sequence[Part]
    addresses: Sequence[str]
    inbox: Iterator[pa.Table]
    digest: str
    """Changes whenever the events do."""


class EventLog:
    """Events of one project. ``store`` is the address of the inbox, ``lake`` a folder or fsspec address."""

    def __init__(self, store: str, lake: str) -> None:
        self.store = EventStore(store)
        self.lake = Lake(lake, self.store.engine, self.store.metadata)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.store.close()

    def drain(self, settle_days: int, *, today: datetime | None = None,
              progress: Callable[[str, int], None] = lambda step, rows: None) -> Drained:
        """Moves the days that ended at least ``settle_days`` days ago (UTC) from the inbox to the lake."""
        moment = today or datetime.now(UTC)
        return drain(self.lake, self.store.table, settled(moment.date(), settle_days), progress=progress, now=moment)

    @contextmanager
    def snapshot(self, since: str = "", until: str = LAST_DAY) -> Iterator[Snapshot]:
        """The log as it is now, of days in [since, until]; writers and drains go on meanwhile, unseen.

        ``inbox`` gives tables of at most ``BATCH`` rows and can be read once, inside the block.
        """
        with self._frozen() as connection:
            parts = self.lake.parts(since, until)
            addresses = [self.lake.folder.full(part.path) for part in parts]
            waiting = self._inbox(connection, {part.day for part in parts}, since, until)
            yield Snapshot(parts, addresses, waiting, self._digest(connection, parts))

    def _digest(self, connection: Connection, parts: Sequence[Part]) -> str:
        from sqlalchemy import func, select

        table = self.store.table
        held = connection.execute(select(func.count(), func.max(table.c.seq))).one()
        text = "\n".join([f"{held[0]} {held[1]}", *sorted(part.path for part in parts)])
        return hashlib.sha256(text.encode()).hexdigest()

    @contextmanager
    def _frozen(self) -> Iterator[Connection]:
        """A connection that sees one state of the database throughout."""
        engine = self.store.engine
        if engine.dialect.name == "postgresql":
            engine = engine.execution_options(isolation_level="REPEATABLE READ")
        with engine.connect().execution_options(read_only=True) as connection:
            yield connection

    def _inbox(self, connection: Connection, drained: set[str], since: str, until: str) -> Iterator[pa.Table]:
        from sqlalchemy import func, select

        table = self.store.table
        day = func.substr(table.c.occurred_at, 1, 10)
        query = select(table.c.body, table.c.received_at, table.c.event_id, day).where(
            table.c.occurred_at >= since, day <= until).order_by(table.c.occurred_at, table.c.seq)
        rows = connection.execution_options(yield_per=1000).execute(query)
        for of_day, waiting in groupby(rows, key=lambda row: str(row[3])):
            while some := [(row[0], row[1], row[2]) for row in islice(waiting, BATCH)]:
                fresh = self._lacking(of_day, some) if of_day in drained else some
                if fresh:
                    yield columns.arrow((body, received) for body, received, _ in fresh)

    def _lacking(self, day: str, rows: Sequence[Waiting]) -> list[Waiting]:
        known = known_bodies(self.lake, day, {row[2] for row in rows})
        return [row for row in rows if row[2] not in known]

    def events(self) -> Iterator[Event]:
        """Every event exactly as it was captured, superseded ones too: the inbox first, then the lake."""
        with self.snapshot() as log:
            for table in log.inbox:
                yield from columns.rebuilt(table)
            for part in log.parts:
                yield from columns.rebuilt(self.lake.folder.read(part.path, ["body", "received_at"]))

    def find(self, ids: Iterable[str]) -> dict[str, Event]:
        """The events with these ids, as they were captured (without the time of receipt)."""
        from sqlalchemy import select

        table, wanted = self.store.table, set(ids)
        with self._frozen() as connection:
            query = select(table.c.event_id, table.c.body).where(table.c.event_id.in_(sorted(wanted)))
            bodies = {str(row[0]): str(row[1]) for row in connection.execute(query)}
        if left := wanted - bodies.keys():
            bodies |= known_bodies(self.lake, "", left, LAST_DAY)
        return {name: Event.from_dict(json.loads(body)) for name, body in bodies.items()}

    def count(self) -> int:
        """How many events there are, superseded ones included."""
        return sum(part.rows for part in self.lake.parts()) + sum(self.store.count().values())

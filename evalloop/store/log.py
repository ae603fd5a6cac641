"""The whole log of events: the lake, and what waits in the inbox for its day to settle; each event once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from types import TracebackType
from typing import TYPE_CHECKING, Self

from evalloop.records.event import Event
from evalloop.store import columns
from evalloop.store.body import Row
from evalloop.store.conflicts import Conflict, accept, conflicts, drop
from evalloop.store.database import LOG_PAGES
from evalloop.store.drain import Drained, drain, settled
from evalloop.store.events import Added, EventStore, added
from evalloop.store.held import Held
from evalloop.store.lake import Lake, Part
from evalloop.store.twins import twins
from evalloop.store.waiting import LAST_DAY

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Connection

BATCH = 20_000


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

    def __init__(self, store: str, lake: str, *, log_pages: int = LOG_PAGES) -> None:
        self.store = EventStore(store, log_pages=log_pages)
        self.lake = Lake(lake, self.store.engine, self.store.metadata)
        self._held = Held(self.lake)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        self.store.close()

    def add_rows(self, rows: Sequence[Row], turn: Callable[[], AbstractContextManager[None]] = nullcontext) -> Added:
        """Stores rows in one commit within ``turn``, but for those whose ids the lake holds on their days: there
        already, or in conflict."""
        fates = self._held.fates(rows)
        with turn():
            written = iter(self.store.write([row for row, fate in zip(rows, fates, strict=True) if fate is None]))
        return added(rows, [fate or next(written) for fate in fates])

    def conflicts(self) -> list[Conflict]:
        """The events that stay in the inbox, unread, for the lake has something else under their ids."""
        return conflicts(self.lake, self.store.table)

    def settle(self, chosen: Sequence[Conflict], *, accepted: bool) -> None:
        """Ends conflicts: the events of the inbox take the place of the lake's, or are dropped."""
        (accept if accepted else drop)(self.lake, self.store.table, chosen)

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
            parts = self.lake.parts(since, until, connection)
            addresses = [self.lake.folder.full(part.path) for part in parts]
            waiting = self._inbox(connection, parts, since, until)
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

    def _inbox(self, connection: Connection, parts: Sequence[Part], since: str, until: str) -> Iterator[pa.Table]:
        """The events of the inbox that the parts lack."""
        from sqlalchemy import func, select

        table = self.store.table
        day = func.substr(table.c.occurred_at, 1, 10)
        known = self._known(connection, parts)
        rows = iter(connection.execution_options(yield_per=1000).execute(
            select(table.c.body, table.c.received_at, day, table.c.event_id).where(
                table.c.occurred_at >= since, day <= until).order_by(table.c.occurred_at, table.c.seq)))
        while some := list(islice(rows, BATCH)):
            if fresh := [(row[0], row[1]) for row in some if (row[2], row[3]) not in known]:
                yield columns.arrow(fresh)

    def _known(self, connection: Connection, parts: Sequence[Part]) -> set[tuple[str, str]]:
        """(day, id) of the events of the inbox that the parts have as well."""
        from sqlalchemy import func, select

        table = self.store.table
        of_days = func.substr(table.c.occurred_at, 1, 10).in_(sorted({part.day for part in parts}))
        ids = connection.execution_options(yield_per=1000).execute(select(table.c.event_id).where(of_days)).scalars()
        return {(part.day, name) for part, found in twins(self.lake, parts, ids)
                for name in found.column("event_id").to_pylist()}

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
            for _, found in twins(self.lake, self.lake.parts(), left, ("event_id", "body")):
                rows = zip(found.column("event_id").to_pylist(), found.column("body").to_pylist(), strict=True)
                bodies |= {name: body for name, body in rows if name in left}
        return {name: Event.from_dict(json.loads(body)) for name, body in bodies.items()}

    def count(self) -> int:
        """How many events there are, superseded ones included."""
        return sum(part.rows for part in self.lake.parts()) + sum(self.store.count().values())

"""Moves settled days out of the inbox into the lake; killed at any moment, it loses nothing and doubles nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from evalloop.records.times import time_text
from evalloop.store import columns
from evalloop.store.body import same_fact
from evalloop.store.lake import Lake, sorted_part
from evalloop.store.waiting import Inbox, days, of_day, take_out, twins_by_id, waiting

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Table

CHUNK = 100_000
"""Events of one part: what one transaction takes out of the inbox."""
CHUNK_BYTES = 200_000_000
GRACE = timedelta(hours=1)
"""How long an unfinished file is left alone: its writer may still live."""


@dataclass(frozen=True)
class Drained:
    """What a drain did: events moved, parts written, days touched, events that the lake had already, and ids whose
    other body the lake has (those stay in the inbox, and nothing reads them)."""

    moved: int = 0
    parts: int = 0
    days: int = 0
    already: int = 0
    conflicts: tuple[str, ...] = ()
    tidied: int = 0


def settled(today: date, days: int) -> str:
    """The last day (``2026-11-23``) whose events are taken to be complete ``days`` days later."""
    return (today - timedelta(days=days)).isoformat()


def drain(lake: Lake, events: Table, until: str, *, progress: Callable[[str, int], None] = lambda step, rows: None,
          chunk: int = CHUNK, now: datetime | None = None) -> Drained:
    """Moves all events with days up to ``until`` into the lake. ``progress`` hears (step, events) of each step.

    A late event of a day that is there already becomes another part of that day. An event whose twin is in the lake
    (a client tried again long after) is only taken out of the inbox. What arrives meanwhile is left for the next drain:
    so only parts that were there before can have twins, and each is looked through once.
    """
    total = Drained(tidied=lake.tidy(time_text((now or datetime.now(UTC)) - GRACE)))
    last = _arrived(lake, events)
    for day in days(lake, events, until):
        already, conflicts = _without_twins(lake, events, day, last)
        moved = parts = 0
        for rows in _chunks(lake, events, day, last, chunk):
            if fresh := [row for row in rows if row[1] not in conflicts]:
                _move(lake, events, day, fresh, progress)
                moved, parts = moved + len(fresh), parts + 1
        total = Drained(total.moved + moved, total.parts + parts, total.days + (parts > 0), total.already + already,
                        (*total.conflicts, *sorted(conflicts)), total.tidied)
    return total


def _arrived(lake: Lake, events: Table) -> int:
    """The highest number of an event; on PostgreSQL writers are waited for, so that every smaller one can be read."""
    from sqlalchemy import func, select

    with lake.engine.connect().execution_options(read_only=True) as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("LOCK TABLE events IN SHARE MODE")
        return int(connection.execute(select(func.coalesce(func.max(events.c.seq), 0))).scalar_one())


def _chunks(lake: Lake, events: Table, day: str, last: int, chunk: int) -> Iterator[list[Inbox]]:
    """The events of a day in groups, read anew each time."""
    query = of_day(events, day, last, "seq", "event_id", "received_at", "body").order_by(events.c.seq)
    after = -1
    while True:
        rows, size = [], 0
        with lake.engine.connect().execution_options(read_only=True) as connection:
            for row in connection.execution_options(yield_per=1000).execute(
                    query.where(events.c.seq > after).limit(chunk)):
                rows.append((row[0], row[1], row[2], row[3]))
                size += len(row[3])
                if size > CHUNK_BYTES:
                    break
        if not rows:
            return
        after = rows[-1][0]
        yield rows


def _without_twins(lake: Lake, events: Table, day: str, last: int) -> tuple[int, set[str]]:
    """Takes events out of the inbox that the lake has; how many, and the ids under which it has something else."""
    gone, clashing = 0, set()
    for known in twins_by_id(lake, events, day, last):
        with lake.engine.begin() as connection:
            rows = list(waiting(connection, events, list(known)))
            same = [row for row in rows if same_fact(known[row[1]], row[3])]
            take_out(connection, events, same)
        gone += len(same)
        clashing |= {row[1] for row in rows}.difference(row[1] for row in same)
    return gone, clashing


def _move(lake: Lake, events: Table, day: str, rows: Sequence[Inbox], progress: Callable[[str, int], None]) -> None:
    """Writes one part and takes its events out of the inbox."""
    count = len(rows)
    part = lake.announce(day, count)
    progress("announced", count)
    table: pa.Table = sorted_part(columns.arrow((body, received) for _, _, received, body in rows))
    lake.folder.write(part.path, table, lambda step: progress(step, count))
    with lake.engine.begin() as connection:
        take_out(connection, events, rows)
        progress("deleted", count)
        lake.commit(connection, live=[part])
        progress("listed", count)
    progress("committed", count)

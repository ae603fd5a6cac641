"""Moves settled days out of the inbox into the lake; killed at any moment, it loses nothing and doubles nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING

from evalloop.errors import EvalloopError
from evalloop.records.times import time_text
from evalloop.store import columns
from evalloop.store.body import same_fact
from evalloop.store.lake import Lake, sorted_part

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Connection, Table

CHUNK = 100_000
"""Events of one part: what one transaction takes out of the inbox."""
CHUNK_BYTES = 200_000_000
DELETE = 500
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
    (a client tried again long after) is only taken out of the inbox.
    """
    total = Drained(tidied=lake.tidy(time_text((now or datetime.now(UTC)) - GRACE)))
    for day in _days(lake, events, until):
        conflicts: set[str] = set()
        moved = parts = already = 0
        for rows in _chunks(lake, events, day, conflicts, chunk):
            fresh, twins, clashing = _new_to(lake, day, rows)
            conflicts |= clashing
            parts += _move(lake, events, day, fresh, twins, progress)
            moved, already = moved + len(fresh), already + len(twins)
        total = Drained(total.moved + moved, total.parts + parts, total.days + (parts > 0), total.already + already,
                        (*total.conflicts, *sorted(conflicts)), total.tidied)
    return total


Inbox = tuple[int, str, str, str]
"""seq, event_id, received_at, body."""


def _days(lake: Lake, events: Table, until: str) -> list[str]:
    from sqlalchemy import func, select

    day = func.substr(events.c.occurred_at, 1, 10)
    with lake.engine.connect().execution_options(read_only=True) as connection:
        return list(connection.execute(select(day).where(day <= until).distinct().order_by(day)).scalars())


def _chunks(lake: Lake, events: Table, day: str, passed: set[str], chunk: int) -> Iterator[list[Inbox]]:
    """The events of a day in groups, read anew each time; those in ``passed`` stay where they are."""
    from sqlalchemy import select

    query = select(events.c.seq, events.c.event_id, events.c.received_at, events.c.body).where(
        events.c.occurred_at >= day, events.c.occurred_at < day + "U").order_by(events.c.seq)
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
        yield [row for row in rows if row[1] not in passed]


def _new_to(lake: Lake, day: str, rows: Sequence[Inbox]) -> tuple[list[Inbox], list[Inbox], set[str]]:
    """Events that the lake lacks, those it has, and ids under which it has something else."""
    known = known_bodies(lake, day, {row[1] for row in rows})
    fresh = [row for row in rows if row[1] not in known]
    twins = [row for row in rows if row[1] in known and same_fact(known[row[1]], row[3])]
    return fresh, twins, {row[1] for row in rows}.difference(row[1] for row in (*fresh, *twins))


def known_bodies(lake: Lake, day: str, ids: set[str], until: str | None = None) -> dict[str, str]:
    """The events of a day (or of the days up to ``until``) that the lake has among these ids, as canonical JSON."""
    import pyarrow as pa
    import pyarrow.compute as pc

    found: dict[str, str] = {}
    wanted = pa.array(sorted(ids), type=pa.string())
    for part in lake.parts(day, until or day):
        names = lake.folder.read(part.path, ["event_id"]).column("event_id")
        hits = pc.is_in(names, value_set=wanted)
        if pc.any(hits).as_py():
            table = lake.folder.read(part.path, ["event_id", "body"]).filter(hits)
            found.update(zip(table.column("event_id").to_pylist(), table.column("body").to_pylist(), strict=True))
    return found


def _move(lake: Lake, events: Table, day: str, fresh: Sequence[Inbox], twins: Sequence[Inbox],
          progress: Callable[[str, int], None]) -> int:
    """Writes one part and takes its events out of the inbox; 1, or 0 where nothing was new."""
    if not fresh and not twins:
        return 0
    if not fresh:
        with lake.engine.begin() as connection:
            _delete(connection, events, twins)
        return 0
    rows = len(fresh)
    part = lake.announce(day, rows)
    progress("announced", rows)
    table: pa.Table = sorted_part(columns.arrow((body, received) for _, _, received, body in fresh))
    lake.folder.write(part.path, table, lambda step: progress(step, rows))
    with lake.engine.begin() as connection:
        _delete(connection, events, [*fresh, *twins])
        progress("deleted", rows)
        lake.commit(connection, live=[part])
        progress("listed", rows)
    progress("committed", rows)
    return 1


def _delete(connection: Connection, events: Table, rows: Sequence[Inbox]) -> None:
    from sqlalchemy import delete

    gone = 0
    for start in range(0, len(rows), DELETE):
        wanted = [row[0] for row in rows[start:start + DELETE]]
        gone += connection.execute(delete(events).where(events.c.seq.in_(wanted))).rowcount
    if gone != len(rows):
        raise EvalloopError("another process took events out of the inbox meanwhile", fix="run the command again")

"""The events that wait in the inbox, day by day, and what the lake has under their ids."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from evalloop.errors import EvalloopError
from evalloop.store.lake import Lake
from evalloop.store.twins import twins

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select, Table

DELETE = 500
LAST_DAY, LAST_SEQ = "9999-99-99", 2**63 - 1
Inbox = tuple[int, str, str, str]
"""seq, event_id, received_at, body."""


def days(lake: Lake, events: Table, until: str = LAST_DAY) -> list[str]:
    """The days up to ``until`` of which events wait."""
    from sqlalchemy import func, select

    day = func.substr(events.c.occurred_at, 1, 10)
    with lake.engine.connect().execution_options(read_only=True) as connection:
        return list(connection.execute(select(day).where(day <= until).distinct().order_by(day)).scalars())


def of_day(events: Table, day: str, last: int, *names: str) -> Select[Any]:
    """Columns of the events of a day, but for those that arrived after ``last``."""
    from sqlalchemy import select

    return select(*(events.c[name] for name in names)).where(
        events.c.occurred_at >= day, events.c.occurred_at < day + "U", events.c.seq <= last)


def twins_by_id(lake: Lake, events: Table, day: str, last: int = LAST_SEQ) -> Iterator[dict[str, str]]:
    """Bodies of the lake by the ids of a day's waiting events, part by part."""
    if parts := lake.parts(day, day):
        for _, table in twins(lake, parts, _ids(lake, events, day, last), ("event_id", "body")):
            yield dict(zip(table.column("event_id").to_pylist(), table.column("body").to_pylist(), strict=True))


def _ids(lake: Lake, events: Table, day: str, last: int) -> Iterator[str]:
    with lake.engine.connect().execution_options(read_only=True, yield_per=10_000) as connection:
        yield from connection.execute(of_day(events, day, last, "event_id")).scalars()


def waiting(connection: Connection, events: Table, ids: Sequence[str]) -> Iterator[Inbox]:
    """The events of the inbox among these ids."""
    from sqlalchemy import select

    for start in range(0, len(ids), DELETE):
        for row in connection.execute(
                select(events.c.seq, events.c.event_id, events.c.received_at, events.c.body)
                .where(events.c.event_id.in_(ids[start:start + DELETE]))):
            yield row[0], row[1], row[2], row[3]


def take_out(connection: Connection, events: Table, rows: Sequence[Inbox]) -> None:
    """Takes rows out of the inbox; EvalloopError when another process did so meanwhile."""
    from sqlalchemy import delete

    gone = 0
    for start in range(0, len(rows), DELETE):
        wanted = [row[0] for row in rows[start:start + DELETE]]
        gone += connection.execute(delete(events).where(events.c.seq.in_(wanted))).rowcount
    if gone != len(rows):
        raise EvalloopError("another process took events out of the inbox meanwhile", fix="run the command again")

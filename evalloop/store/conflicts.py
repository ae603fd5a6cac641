"""Events of the inbox whose ids the lake has with another body: nothing reads them until somebody decides."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalloop.errors import EvalloopError
from evalloop.store.body import canonical, same_fact
from evalloop.store.database import transaction
from evalloop.store.lake import Lake, without
from evalloop.store.waiting import days, take_out, twins_by_id, waiting

if TYPE_CHECKING:
    from sqlalchemy import Connection, Table


@dataclass(frozen=True)
class Difference:
    """A field (``payload.value``) and what it holds in the lake and in the inbox (None: nothing)."""

    field: str
    lake: Any
    inbox: Any


@dataclass(frozen=True)
class Conflict:
    """An event of the inbox that waits in vain, its day, and where the event of the lake differs."""

    event_id: str
    day: str
    differs: tuple[Difference, ...]


def conflicts(lake: Lake, events: Table) -> list[Conflict]:
    """The events that wait in vain, by id."""
    found = {}
    for day in days(lake, events):
        for known in twins_by_id(lake, events, day):
            with lake.engine.connect().execution_options(read_only=True) as connection:
                for _, name, _, body in waiting(connection, events, list(known)):
                    if not same_fact(known[name], body):
                        found[name] = Conflict(name, day, tuple(_differences(json.loads(known[name]),
                                                                             json.loads(body))))
    return [found[name] for name in sorted(found)]


def drop(lake: Lake, events: Table, chosen: Sequence[Conflict]) -> None:
    """Takes events out of the inbox: those of the lake count."""
    with transaction(lake.engine) as connection:
        take_out(connection, events, list(waiting(connection, events, [each.event_id for each in chosen])))


def accept(lake: Lake, events: Table, chosen: Sequence[Conflict]) -> None:
    """Takes events out of the lake: those of the inbox count, and the next drain moves them."""
    ids = {each.event_id for each in chosen}

    def still_there(connection: Connection) -> None:
        if {row[1] for row in waiting(connection, events, sorted(ids))} != ids:
            raise EvalloopError("another process took events out of the inbox meanwhile", fix="run the command again")

    parts = [part for day in sorted({each.day for each in chosen}) for part in lake.parts(day, day)]
    lake.rewrite(lambda table: without(table, ids), also=still_there, parts=parts)


def _differences(lake: Mapping[str, Any], inbox: Mapping[str, Any], above: str = "") -> Iterator[Difference]:
    for name in sorted({*lake, *inbox}):
        old, new = lake.get(name), inbox.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            yield from _differences(old, new, f"{above}{name}.")
        elif canonical(old) != canonical(new):
            yield Difference(f"{above}{name}", old, new)

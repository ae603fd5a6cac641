"""Turns as records with their events, for stages that read few of them closely."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evalloop import engine as door
from evalloop.records.event import Event
from evalloop.records.times import time_of_us
from evalloop.records.turn import Turn
from evalloop.store.columns import event_of

if TYPE_CHECKING:
    from evalloop.contracts import Evidence


@dataclass(frozen=True)
class Joined:
    """All turns, sorted by session and time, and what happened on the way; the figures are ``Evidence.counts``."""

    turns: tuple[Turn, ...]
    about: int = 0
    orphans: int = 0
    session_level: int = 0
    internal: int = 0
    doubled: int = 0

    @property
    def orphan_share(self) -> float | None:
        """Share of orphans among the events that speak of a response; None when there is none."""
        return self.orphans / self.about if self.about else None


def joined(evidence: Evidence) -> Joined:
    """The turns of the evidence as records, with its counts."""
    counts = evidence.counts
    return Joined(tuple(turns(evidence)), counts["about"], counts["orphans"], counts["session_level"],
                  counts["internal"], counts["doubled"])


def turns(evidence: Evidence, only: Any = None, acted: Any = None) -> Iterator[Turn]:
    """The turns by session and time, each with the events that speak of it by time; consent as users said last.

    ``only`` is a table whose ``response_id`` names the turns that are wanted (default: all), ``acted`` one of those
    whose events are wanted too (default: of all that are wanted).
    """
    engine, ibis = evidence.engine, door.ibis
    bodies = evidence.events.select("event_id", "body", *_MAY)
    acts = evidence.acts.select("response_id", "event_id", "at_us")
    whose = only if acted is None else acted
    acts = (acts if whose is None else acts.semi_join(whose, "response_id")).inner_join(bodies, "event_id")
    events: dict[str, list[Event]] = {}
    for row in engine.records(acts.order_by("at_us", "event_id")):
        events.setdefault(row["response_id"], []).append(_event(row))
    words, own = evidence.words(), evidence.turns
    own = own if only is None else own.semi_join(only, "response_id")
    first = words.select(of_turn="event_id", prompt="said", response="answered")
    second = words.view().select(of_next="event_id", following="said")
    rows = own.drop(*_MAY).left_join(bodies, own.event_id == bodies.event_id).drop("event_id_right")
    rows = rows.left_join(first, rows.event_id == first.of_turn)
    rows = rows.left_join(second, rows.following_event == second.of_next)
    ordered = rows.order_by("session_id", "at_us", ibis.coalesce(rows.turn_index, -1), "response_id")
    for row in engine.records(ordered):
        yield _turn(row, tuple(events.get(row["response_id"], ())))


_PURPOSES = ("ops", "analytics", "eval", "training", "notify")
_MAY = tuple(f"may_{purpose}" for purpose in _PURPOSES)


def _event(row: dict[str, Any]) -> Event:
    event = event_of(row["body"], None)
    allowed = [purpose for purpose in _PURPOSES if row[f"may_{purpose}"]]
    if event.purposes == frozenset(allowed):
        return event
    return replace(event, consent={**(event.consent or {"basis": "none"}), "purposes": sorted(allowed)})


def _turn(row: dict[str, Any], events: tuple[Event, ...]) -> Turn:
    following = row["following"]
    return Turn(
        response_id=row["response_id"], session_id=row["session_id"], user_key=row["user_key"],
        occurred_at=time_of_us(row["at_us"]), prompt=row["prompt"] or "", response=row["response"] or "",
        turn_index=row["turn_index"], following=following,
        following_at=time_of_us(row["following_us"]) if following else None,
        generation=_event(row) if row["body"] else None, events=events)

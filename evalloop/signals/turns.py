"""Turns as records with their events, for stages that read few of them closely."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from evalloop import engine as door
from evalloop.records.event import Event
from evalloop.records.times import time_of_us, us_of
from evalloop.records.turn import Turn
from evalloop.store.columns import event_of

if TYPE_CHECKING:
    from evalloop.contracts import Evidence

T = TypeVar("T")
REGENERATED = "signal.regenerated"


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


def in_order(evidence: Evidence, only: Any = None) -> Any:
    """(response_id, number) of the turns by session and time, kept: what travels beside turns is sorted by ``number``.

    ``only`` is a table whose ``response_id`` names the turns that are wanted (default: all).
    """
    ibis, own = door.ibis, evidence.turns
    own = own if only is None else own.semi_join(only, "response_id")
    keys = [own.session_id, own.at_us, ibis.coalesce(own.turn_index, -1), own.response_id]
    return evidence.engine.keep(own.select("response_id", number=ibis.row_number().over(ibis.window(order_by=keys))))


def first_answers(evidence: Evidence, since: str, until: str, count: int) -> Any:
    """(response_id) of the first ``count`` answers that each known user got in [since, until)."""
    ibis, own = door.ibis, evidence.turns
    met = own.filter(own.event_id.notnull() & own.user_key.notnull() & (own.at_us >= us_of(since))
                     & (own.at_us < us_of(until)))
    place = ibis.row_number().over(ibis.window(group_by=met.user_key, order_by=[met.at_us, met.response_id]))
    numbered = met.select("response_id", place=place)
    return numbered.filter(numbered.place < count).select("response_id")


def turns(evidence: Evidence, only: Any = None, acted: Any = None, *, order: Any = None) -> Iterator[Turn]:
    """The turns by session and time, each with the events that speak of it by time; consent as users said last.

    They are streamed: one turn is in memory. ``only`` names the turns that are wanted (see ``in_order``, of which
    ``order`` is the result where it is needed elsewhere), ``acted`` those whose events are wanted too (default: all);
    of the others come only the requests for another answer.
    """
    engine, order = evidence.engine, in_order(evidence, only) if order is None else order
    bodies = evidence.events.select("event_id", "body", *_MAY)
    acts = evidence.acts.select("response_id", "event_id", "at_us", "event_type").inner_join(order, "response_id")
    acts = acts if acted is None else _wanted(acts, acted)
    said = acts.inner_join(bodies, "event_id").order_by("number", "at_us", "event_id")
    events = InStep(engine.records(said.select("response_id", "body", *_MAY)), lambda row: str(row["response_id"]))
    words, own = evidence.words(), evidence.turns.drop(*_MAY).inner_join(order, "response_id")
    first = words.select(of_turn="event_id", prompt="said", response="answered")
    allowed = evidence.events.select(of_next="event_id", **{f"next_{name}": name for name in _MAY})
    second = words.view().select(of_next="event_id", following="said").inner_join(allowed, "of_next")
    rows = own.left_join(bodies, own.event_id == bodies.event_id).drop("event_id_right")
    rows = rows.left_join(first, rows.event_id == first.of_turn)
    rows = rows.left_join(second, rows.following_event == second.of_next)
    for row in engine.records(rows.order_by("number").select(*_READ, *_MAY, *(f"next_{name}" for name in _MAY))):
        yield _turn(row, tuple(map(_event, events.of(row["response_id"]))))


def _wanted(acts: Any, acted: Any) -> Any:
    """The acts on the responses ``acted``, and of all others those that asked for another answer."""
    wanted = acted.select(of_acted="response_id").distinct()
    both = acts.left_join(wanted, acts.response_id == wanted.of_acted)
    return both.filter(both.of_acted.notnull() | (both.event_type == REGENERATED))


class InStep(Generic[T]):
    """Rows that come in the order in which their keys are asked for: those of one key are in memory."""

    def __init__(self, rows: Iterable[T], key: Callable[[T], str | None]) -> None:
        self._groups = groupby(rows, key)
        self._ahead = next(self._groups, None)

    def of(self, key: str) -> list[T]:
        """The rows of this key; none when the next ones have another."""
        if self._ahead is None or self._ahead[0] != key:
            return []
        found = list(self._ahead[1])
        self._ahead = next(self._groups, None)
        return found


_PURPOSES = ("ops", "analytics", "eval", "training", "notify")
_READ = ("response_id", "session_id", "user_key", "at_us", "turn_index", "following_us", "following_event", "prompt",
         "response", "following", "regenerate_of", "body")
_MAY = tuple(f"may_{purpose}" for purpose in _PURPOSES)


def _event(row: dict[str, Any]) -> Event:
    event = event_of(row["body"], None)
    allowed = _allowed(row)
    if event.purposes == frozenset(allowed):
        return event
    return replace(event, consent={**(event.consent or {"basis": "none"}), "purposes": sorted(allowed)})


def _allowed(row: dict[str, Any], prefix: str = "") -> list[str]:
    return [purpose for purpose in _PURPOSES if row[f"{prefix}may_{purpose}"]]


def _turn(row: dict[str, Any], events: tuple[Event, ...]) -> Turn:
    following = row["following"]
    return Turn(
        response_id=row["response_id"], session_id=row["session_id"], user_key=row["user_key"],
        occurred_at=time_of_us(row["at_us"]), prompt=row["prompt"] or "", response=row["response"] or "",
        turn_index=row["turn_index"], following=following,
        following_at=time_of_us(row["following_us"]) if following else None,
        following_event=row["following_event"] if following else None,
        following_purposes=tuple(_allowed(row, "next_")) if following else (),
        generation=_event(row) if row["body"] else None, events=events, regenerate_of=row["regenerate_of"])

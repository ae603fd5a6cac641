"""How much is captured, where and when: by day, surface and segment, and what a surface stopped sending."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import exp
from typing import ClassVar

from evalloop.records.base import Record
from evalloop.records.signal import Signal
from evalloop.records.turn import Turn
from evalloop.signals.population import NONE, surface_of
from evalloop.signals.report import Share, capture_rate, explicit_rate, tier

LEVEL = 0.001
GENERATION = "generation.completed"


@dataclass(frozen=True)
class Slice(Record):
    """The turns with ``by`` = ``value``: capture rate of their sessions with its tier, rate of explicit signals.

    ``orphans`` are the responses that events speak of and that never came; the events say of which slice they are.
    """

    NESTED: ClassVar[Mapping[str, type[Record]]] = {"capture": Share, "explicit": Share}

    by: str
    value: str
    turns: int
    capture: Share
    tier: str
    explicit: Share
    orphans: int


@dataclass(frozen=True)
class Gap(Record):
    """``surface`` sent ``event_type`` on earlier days and none since ``since``, where ``expected`` would have come.

    ``p`` is the chance of none in so many turns at the earlier rate, with the spread over days that it had.
    """

    surface: str
    event_type: str
    since: str
    turns: int
    expected: float
    p: float


def slices(turns: Sequence[Turn], signals: Sequence[Signal]) -> tuple[Slice, ...]:
    """Capture by day (UTC), by surface and by each key of the users' segments."""
    groups: defaultdict[tuple[str, str], list[Turn]] = defaultdict(list)
    for turn in turns:
        for key in _keys(turn):
            groups[key].append(turn)
    of_response: defaultdict[str, list[Signal]] = defaultdict(list)
    for each in signals:
        of_response[each.response_id or ""].append(each)
    return tuple(_slice(by, value, members, of_response) for (by, value), members in sorted(groups.items()))


def _keys(turn: Turn) -> list[tuple[str, str]]:
    """The slices of a turn, by its answer or, for an orphan, by its first event; none for events on a session."""
    first = turn.generation or next(iter(turn.events), None)
    if first is None or turn.response_id == f"session {turn.session_id}":
        return []
    given = first.actor.get("segment")
    segment = given if isinstance(given, Mapping) else {}
    return [("day", turn.occurred_at[:10]), ("surface", str(first.context.get("surface") or NONE)),
            *((f"segment {key}", str(value)) for key, value in segment.items())]


def _slice(by: str, value: str, members: Sequence[Turn], of_response: Mapping[str, Sequence[Signal]]) -> Slice:
    turns = [turn for turn in members if turn.generation is not None]
    signals = [each for turn in turns for each in of_response.get(turn.response_id, ())]
    capture = capture_rate(turns, signals)
    return Slice(by, value, len(turns), capture, tier(capture.share), explicit_rate(turns, signals),
                 len(members) - len(turns))


def gaps(turns: Sequence[Turn]) -> tuple[Gap, ...]:
    """What a surface stopped sending: earlier there, none since, and not by chance (p < 0.001 / pairs looked at)."""
    volume: defaultdict[str, Counter[str]] = defaultdict(Counter)
    sent: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for turn in turns:
        surface, day = surface_of(turn), turn.occurred_at[:10]
        if turn.generation is None:
            continue
        volume[surface][day] += 1
        for event in turn.events:
            if event.event_type != GENERATION:
                sent[surface, event.event_type][day] += 1
    found = (_gap(surface, kind, counts, volume[surface]) for (surface, kind), counts in sorted(sent.items()))
    return tuple(gap for gap in found if gap and gap.p < LEVEL / len(sent))


def _gap(surface: str, kind: str, counts: Counter[str], volume: Counter[str]) -> Gap | None:
    last = max(counts)
    before = [day for day in volume if day <= last]
    since = sorted(day for day in volume if day > last)
    if not since:
        return None
    rate = counts.total() / sum(volume[day] for day in before)
    means = {day: rate * volume[day] for day in before}
    spread = sum((counts[day] - mean) ** 2 / mean for day, mean in means.items()) / max(len(before) - 1, 1)
    turns = sum(volume[day] for day in since)
    expected = rate * turns
    return Gap(surface, kind, since[0], turns, expected, exp(-expected / max(spread, 1.0)))

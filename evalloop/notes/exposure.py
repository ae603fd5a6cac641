"""Users as production shows them: each enters once, with the first answers that they got, and what let them down.

The unit is the user. A user enters a period when they have had ``answers`` answers in it, or ``settle_days`` after the
first; what happens to them later no longer counts there. So no heavy user outweighs the rest, nobody is judged on more
answers than the others, and a user's word is final when it enters, which a test that looks every day must rely on.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from evalloop.records.times import moment_of, time_text
from evalloop.records.turn import Turn

ANSWERS = 5
SETTLE_DAYS = 2.0


@dataclass(frozen=True)
class Exposure:
    """One user in one period: ``at`` is when they entered, ``stratum`` what kind of traffic they are.

    ``hits`` are the clusters that let them down within their first answers, each with what the user's word counts
    there, in (0, 1]: 1, less for a suspicious account; an account in quarantine hits nothing;
    ``variant`` is that of their answers in an experiment, None when they met more than one.
    """

    user: str
    at: str
    stratum: tuple[str, ...]
    hits: Mapping[str, float]
    variant: str | None = None


def exposures(turns: Iterable[Turn], members: Mapping[str, Mapping[str, float]], start: str, end: str, *,
              segments: Sequence[str] = (), answers: int = ANSWERS, settle_days: float = SETTLE_DAYS,
              seen: set[str] | None = None) -> list[Exposure]:
    """The users who entered in [start, end), by time.

    ``members`` maps a response to the clusters of its failures and what each counts. ``segments`` are keys of the
    context or of the user's segment that tell kinds of traffic apart; all keys that answers have go into ``seen``.
    """
    seen = set() if seen is None else seen
    by_user: defaultdict[str, list[_Met]] = defaultdict(list)
    for turn in turns:
        if turn.user_key and turn.generation is not None and start <= turn.occurred_at < end:
            kind = tuple(str(_value(turn, key)) for key in segments)
            seen.update(_keys(turn))
            by_user[turn.user_key].append(_Met(turn.occurred_at, turn.response_id, _variant(turn), kind))
    found = [_entered(user, met, members, answers, settle_days) for user, met in by_user.items()]
    return sorted((each for each in found if each.at < end), key=lambda each: (each.at, each.user))


@dataclass(frozen=True, slots=True)
class _Met:
    """What counts of an answer that a user met; the texts stay where they are."""

    at: str
    response_id: str
    variant: str | None
    kind: tuple[str, ...]


def _entered(user: str, met: Sequence[_Met], members: Mapping[str, Mapping[str, float]], answers: int,
             settle_days: float) -> Exposure:
    ordered = sorted(met, key=lambda each: (each.at, each.response_id))
    limit = time_text(moment_of(ordered[0].at) + timedelta(days=settle_days))
    counted = [each for each in ordered[:answers] if each.at <= limit]
    at = counted[-1].at if len(counted) == answers else limit
    hits: dict[str, float] = {}
    for each in counted:
        for cluster, weight in members.get(each.response_id, {}).items():
            hits[cluster] = max(hits.get(cluster, 0.0), weight)
    variants = {each.variant for each in counted}
    return Exposure(user, at, _stratum(counted), hits, variants.pop() if len(variants) == 1 else None)


def _stratum(met: Sequence[_Met]) -> tuple[str, ...]:
    """How many answers, whether the first came on a weekend, and the named segments."""
    count = len(met)
    size = "1" if count == 1 else "2" if count == 2 else "3 or more"
    weekend = "weekend" if moment_of(met[0].at).weekday() >= 5 else "weekday"
    return (size, weekend, *met[0].kind)


def _variant(turn: Turn) -> str | None:
    return context_of(turn).get("variant")


def _value(turn: Turn, key: str) -> Any:
    context = context_of(turn)
    return context[key] if key in context else _segment_of(turn).get(key, "unknown")


def _keys(turn: Turn) -> Iterator[str]:
    yield from context_of(turn)
    yield from _segment_of(turn)


def _segment_of(turn: Turn) -> Mapping[str, Any]:
    """The user's segment, as the first event that has one tells it."""
    events = (turn.generation, *turn.events) if turn.generation else turn.events
    return next((event.actor["segment"] for event in events if event.actor.get("segment")), {})


def context_of(turn: Turn) -> Mapping[str, Any]:
    """Where an answer was given: release, variant, surface, locale ..."""
    return turn.generation.context if turn.generation else {}


def days_between(start: str, end: str) -> Iterator[str]:
    """The ends of the days after ``start``, up to ``end``: the moments at which one looks."""
    moment, last = moment_of(start), moment_of(end)
    while moment < last:
        moment = min(moment + timedelta(days=1), last)
        yield time_text(moment)

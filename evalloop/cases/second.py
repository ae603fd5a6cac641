"""Second opinions: which cases to ask another reviewer about, and how far reviewers agree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from evalloop import stats
from evalloop.cases import opinions
from evalloop.cases.choose import digest
from evalloop.records.base import Record
from evalloop.records.opinion import Opinion


@dataclass(frozen=True)
class Agreement(Record):
    """How far reviewers agree on the cases that at least two of them judged.

    ``method`` is cohen (two reviewers), fleiss (as many opinions on each case) or krippendorff (any number); ``value``
    is None where chance alone explains everything or there is no such case. ``disputed`` maps each case that they do
    not agree on to the verdict of each reviewer.
    """

    cases: int
    reviewers: tuple[str, ...]
    method: str = ""
    agreement: float | None = None
    value: float | None = None
    low: float | None = None
    high: float | None = None
    disputed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


def sample(given: Iterable[Opinion], reviewer: str, count: int) -> list[str]:
    """Ids of up to ``count`` cases that others decided and this reviewer did not.

    The order is that of a hash of the id, half accepted and half rejected ones while there are both, so that several
    reviewers are asked about the same cases, and a rare verdict is looked at as often as a common one.
    """
    of_case = opinions.standing(given)
    open_to = {name: next(iter(said.values())).verdict for name, said in of_case.items() if reviewer not in said}
    sides = [sorted((name for name, verdict in open_to.items() if verdict == side), key=digest)
             for side in ("accept", "reject")]
    placed = sorted((place, side, name) for side, names in enumerate(sides) for place, name in enumerate(names))
    return [name for _, _, name in placed][:count]


def agreement(given: Iterable[Opinion], alpha: float = 0.05) -> Agreement:
    """Agreement on accept or reject, by the last word of each reviewer on each case."""
    twice = {name: {by: each.verdict for by, each in said.items()} for name, said in opinions.standing(given).items()
             if len(said) > 1}
    people = tuple(sorted({by for said in twice.values() for by in said}))
    if not twice:
        return Agreement(0, people)
    disputed = {name: said for name, said in twice.items() if len(set(said.values())) > 1}
    method, same, value, limits = _measured(list(twice.values()), people, alpha)
    low, high = limits or (None, None)
    return Agreement(len(twice), people, method, same, value, low, high, disputed)


def _measured(rows: Sequence[Mapping[str, str]], people: Sequence[str], alpha: float
              ) -> tuple[str, float, float | None, tuple[float, float] | None]:
    """(method, share of agreeing pairs, value, interval)."""
    if len(people) == 2:
        kappa = stats.cohen_kappa([row[people[0]] for row in rows], [row[people[1]] for row in rows], alpha)
        return "cohen", kappa.agreement, kappa.kappa, _limits(kappa.interval)
    if len({len(row) for row in rows}) == 1:
        many = stats.fleiss_kappa([list(row.values()) for row in rows], alpha)
        return "fleiss", many.agreement, many.value, _limits(many.interval)
    many = stats.krippendorff_alpha([[row.get(who) for who in people] for row in rows], alpha=alpha)
    return "krippendorff", many.agreement, many.value, _limits(many.interval)


def _limits(interval: stats.Interval | None) -> tuple[float, float] | None:
    return (interval.low, interval.high) if interval else None

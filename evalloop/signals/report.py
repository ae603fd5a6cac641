"""What the signals are worth: capture rate, coverage, agreement with votes, reviewers and outcomes, rates by group."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from evalloop.records.base import Record
from evalloop.records.signal import Signal
from evalloop.records.turn import Turn
from evalloop.signals.turns import Joined

if TYPE_CHECKING:
    from evalloop.stats import UnitSums

TIERS = ((0.50, "mature"), (0.25, "healthy"), (0.10, "building"), (0.0, "capture-only"))
JUDGMENT = "judgment.result"
VOTES = ("thumbs", "rating")


@dataclass(frozen=True)
class Share(Record):
    """A share with its interval, clustered by user (by session where no user is known); None when it cannot be said."""

    n: int
    share: float | None
    interval: tuple[float, float] | None
    n_effective: float | None
    users: int
    method: str


@dataclass(frozen=True)
class Agreement(Record):
    """How well a detector tells good from bad: ``auc`` over ``n`` turns that the reference judged (0.5 = not at all);
    on ``spoke`` of them the detector said something. ``reference`` is votes, reviewers or outcomes."""

    reference: str
    n: int
    good: int
    bad: int
    spoke: int
    auc: float | None
    interval: tuple[float, float] | None
    method: str


@dataclass(frozen=True)
class DetectorReport(Record):
    """What one detector found: signals, turns it speaks of, their share of all turns, and how it agrees."""

    detector: str
    kind: str
    signals: int
    turns: int
    coverage: float | None
    positive: int
    negative: int
    neutral: int
    users: int
    quarantined: int
    agreement: tuple[Agreement, ...]


@dataclass(frozen=True)
class Pair(Record):
    """Two detectors on the ``n`` turns where both take a side: how often it is the same side."""

    first: str
    second: str
    n: int
    same: float


@dataclass(frozen=True)
class Group(Record):
    """The share of turns in one group (``by`` = value) on which a detector spoke."""

    detector: str
    by: str
    value: str
    share: Share


@dataclass(frozen=True)
class GroupDifference(Record):
    """Second group minus first, clustered by user; a user in both groups is one unit."""

    detector: str
    first: str
    second: str
    delta: float
    interval: tuple[float, float] | None
    p: float | None
    users: int


@dataclass(frozen=True)
class SignalReport(Record):
    """All of it. ``capture_rate`` is the share of sessions with a usable implicit signal (weight and polarity not 0);
    ``explicit_rate`` the share of turns with an explicit one."""

    events: int
    turns: int
    sessions: int
    users: int
    capture_rate: Share
    tier: str
    explicit_rate: Share
    about: int
    orphans: int
    orphan_share: float | None
    session_level: int
    internal: int
    doubled: int
    detectors: tuple[DetectorReport, ...]
    pairs: tuple[Pair, ...] = ()
    groups: tuple[Group, ...] = ()
    differences: tuple[GroupDifference, ...] = ()


def report(joined: Joined, signals: Mapping[str, Sequence[Signal]], kinds: Mapping[str, str], *, events: int = 0,
           by: str | None = None) -> SignalReport:
    """The report on ``signals`` (by ``name@version``, empty lists too); ``by`` names a key of the events' context."""
    turns = [turn for turn in joined.turns if turn.generation]
    every = [each for found in signals.values() for each in found]
    capture = capture_rate(turns, every)
    sums = {name: _sums(found) for name, found in signals.items()}
    references = _references(joined.turns, sums)
    detectors = tuple(_detector(name, kinds[name], found, joined.turns, sums[name], references)
                      for name, found in signals.items())
    groups, differences = _groups(turns, sums, by) if by else ((), ())
    return SignalReport(
        events=events, turns=len(turns), sessions=len({_session(turn) for turn in turns}),
        users=len({turn.user_key for turn in turns if turn.user_key}), capture_rate=capture, tier=tier(capture.share),
        explicit_rate=explicit_rate(turns, every), about=joined.about, orphans=joined.orphans,
        orphan_share=joined.orphan_share, session_level=joined.session_level, internal=joined.internal,
        doubled=joined.doubled, detectors=detectors, pairs=_pairs(sums), groups=groups, differences=differences)


# ---- rates -----------------------------------------------------------------------------------------------------------


def capture_rate(turns: Sequence[Turn], signals: Iterable[Signal]) -> Share:
    """Share of sessions with a usable implicit signal; a turn without a session is a session of its own."""
    usable = {each.response_id for each in signals if each.kind == "implicit" and each.weight > 0 and each.polarity}
    sessions: dict[str, bool] = {}
    units: dict[str, str] = {}
    for turn in turns:
        name = _session(turn)
        sessions[name] = sessions.get(name, False) or turn.response_id in usable
        units.setdefault(name, unit_of(turn))
    return share_of([float(hit) for hit in sessions.values()], [units[name] for name in sessions])


def explicit_rate(turns: Sequence[Turn], signals: Iterable[Signal]) -> Share:
    """Share of turns with an explicit signal."""
    spoken = {each.response_id for each in signals if each.kind == "explicit"}
    return share_of([float(turn.response_id in spoken) for turn in turns], [unit_of(turn) for turn in turns])


def tier(rate: float | None) -> str:
    """How far a team is: below 10 % capture-only, 10-25 % building, 25-50 % healthy, above mature."""
    return "no sessions" if rate is None else next(name for limit, name in TIERS if rate >= limit)


def share_of(values: Sequence[float], units: Sequence[str]) -> Share:
    """The mean of ``values`` (0 or 1) with its interval clustered by ``units``."""
    if not values:
        return Share(0, None, None, None, 0, "no data")
    from evalloop import stats

    found = stats.share_interval_clustered(values, users=units)
    interval = (found.interval.low, found.interval.high) if found.interval else None
    return Share(found.n, found.share, interval, found.n_effective, found.units, found.method)


def share_of_sums(sums: UnitSums | None) -> Share:
    """The same from sums by unit; None where there is no row."""
    if sums is None:
        return Share(0, None, None, None, 0, "no data")
    from evalloop import stats

    found = stats.share_of_units(sums)
    interval = (found.interval.low, found.interval.high) if found.interval else None
    return Share(found.n, found.share, interval, found.n_effective, found.units, found.method)


def _session(turn: Turn) -> str:
    return turn.session_id or f"response {turn.response_id}"


def unit_of(turn: Turn) -> str:
    """The independent unit of a turn: its user, else its session."""
    return turn.user_key or _session(turn)


# ---- agreement -------------------------------------------------------------------------------------------------------


def _sums(signals: Iterable[Signal]) -> dict[str, float]:
    """polarity x weight of one detector, summed over each response it speaks of."""
    sums: defaultdict[str, float] = defaultdict(float)
    for each in signals:
        if each.response_id is not None:
            sums[each.response_id] += each.polarity * each.weight
    return dict(sums)


def _references(turns: Iterable[Turn], sums: Mapping[str, Mapping[str, float]]) -> dict[str, dict[str, int]]:
    """For each reference the responses it judged: 1 good, 0 bad; those it is undecided on are left out."""
    votes: defaultdict[str, float] = defaultdict(float)
    outcomes: defaultdict[str, float] = defaultdict(float)
    for name, found in sums.items():
        kind = name.partition("@")[0]
        if kind in VOTES or kind == "outcome":
            target = votes if kind in VOTES else outcomes
            for response, value in found.items():
                target[response] += value
    reviewers = reviewed(turns)
    return {name: {response: int(value > 0) for response, value in found.items() if value}
            for name, found in (("votes", votes), ("reviewers", reviewers), ("outcomes", outcomes))}


def reviewed(turns: Iterable[Turn]) -> dict[str, float]:
    """The reviewers' mean score of each turn that has one, -0.5 (bad) to 0.5 (good)."""
    return {turn.response_id: judged for turn in turns if (judged := _judged(turn)) is not None}


def _judged(turn: Turn) -> float | None:
    """Mean of the reviewers' scores, 0 bad to 1 good, moved to [-0.5, 0.5]; None without a score."""
    scores = [float(event.payload["score"]) for event in turn.events
              if event.event_type == JUDGMENT and event.source.get("kind") == "reviewer" and "score" in event.payload]
    return sum(scores) / len(scores) - 0.5 if scores else None


def _detector(name: str, kind: str, signals: Sequence[Signal], turns: Sequence[Turn], sums: Mapping[str, float],
              references: Mapping[str, Mapping[str, int]]) -> DetectorReport:
    units = {turn.response_id: unit_of(turn) for turn in turns}
    own = {"thumbs": "votes", "rating": "votes", "outcome": "outcomes"}.get(name.partition("@")[0])
    agreement = tuple(_agreement(reference, labels, sums, units) for reference, labels in references.items()
                      if labels and reference != own)
    counted = [value for value in sums.values() if value]
    return DetectorReport(
        detector=name, kind=kind, signals=len(signals), turns=len(sums),
        coverage=len(sums) / len(turns) if turns else None, positive=sum(value > 0 for value in counted),
        negative=sum(value < 0 for value in counted), neutral=len(sums) - len(counted),
        users=len({each.user_key for each in signals if each.user_key}),
        quarantined=sum(each.weight == 0 for each in signals), agreement=agreement if signals else ())


def _agreement(reference: str, labels: Mapping[str, int], sums: Mapping[str, float],
               units: Mapping[str, str]) -> Agreement:
    """AUC of the detector's sum (0 where it is silent) against the reference's good and bad."""
    responses = sorted(labels)
    values = [labels[response] for response in responses]
    good, spoke = sum(values), sum(response in sums for response in responses)
    if not good or good == len(values) or not spoke:
        why = "the detector is silent on all of them" if not spoke else "the reference knows only one side"
        return Agreement(reference, len(values), good, len(values) - good, spoke, None, None, why)
    from evalloop import stats

    found = stats.auc([sums.get(response, 0.0) for response in responses], values,
                      units=[units.get(response, response) for response in responses])
    interval = (found.interval.low, found.interval.high) if found.interval else None
    return Agreement(reference, len(values), good, len(values) - good, spoke, found.auc, interval, found.method)


def _pairs(sums: Mapping[str, Mapping[str, float]]) -> tuple[Pair, ...]:
    pairs = []
    for (first, ours), (second, theirs) in combinations(sums.items(), 2):
        both = [(ours[each], theirs[each]) for each in ours.keys() & theirs.keys() if ours[each] and theirs[each]]
        if both:
            pairs.append(Pair(first, second, len(both), sum((a > 0) == (b > 0) for a, b in both) / len(both)))
    return tuple(pairs)


# ---- groups ----------------------------------------------------------------------------------------------------------


def _groups(turns: Sequence[Turn], sums: Mapping[str, Mapping[str, float]],
            by: str) -> tuple[tuple[Group, ...], tuple[GroupDifference, ...]]:
    """For each detector that spoke: its rate in each group, and every difference of two groups."""
    members: defaultdict[str, list[Turn]] = defaultdict(list)
    for turn in turns:
        members[str(turn.generation.context.get(by, "(none)") if turn.generation else "(none)")].append(turn)
    groups, differences = [], []
    for name, found in sums.items():
        if not found:
            continue
        hits = {value: [float(turn.response_id in found) for turn in held] for value, held in sorted(members.items())}
        units = {value: [unit_of(turn) for turn in held] for value, held in members.items()}
        groups += [Group(name, by, value, share_of(hits[value], units[value])) for value in hits]
        differences += [_difference(name, first, second, hits, units) for first, second in combinations(hits, 2)]
    return tuple(groups), tuple(differences)


def _difference(name: str, first: str, second: str, hits: Mapping[str, Sequence[float]],
                units: Mapping[str, Sequence[Any]]) -> GroupDifference:
    from evalloop import stats

    found = stats.share_difference(hits[first], hits[second], first_users=units[first], second_users=units[second])
    interval = (found.interval.low, found.interval.high) if found.interval else None
    return GroupDifference(name, first, second, found.delta, interval, found.p, found.units)



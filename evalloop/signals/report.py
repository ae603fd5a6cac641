"""What the signals are worth: capture rate, coverage, agreement with votes, reviewers and outcomes, rates by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from evalloop.records.base import Record

if TYPE_CHECKING:
    from evalloop.contracts import Evidence
    from evalloop.signals.heard import Floats, Heard, Rows, TurnRows

Table = Any

if TYPE_CHECKING:
    from evalloop.stats import UnitSums

TIERS = ((0.50, "mature"), (0.25, "healthy"), (0.10, "building"), (0.0, "capture-only"))
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


def report(evidence: Evidence, signals: Mapping[str, Table], kinds: Mapping[str, str], *,
           by: str | None = None) -> SignalReport:
    """The report on ``signals`` (tables by ``name@version``, empty ones too); ``by`` names a key of the events'
    context. The engine counts: of each turn only numbers are in memory."""
    from evalloop.signals.heard import TurnRows, heard, reviewers

    turns = TurnRows.of(evidence)
    found = {name: heard(evidence, turns, table) for name, table in signals.items()}
    references = _references(turns, found, reviewers(evidence, turns))
    capture, explicit = _rates(evidence, turns, signals)
    pooled, differences = _groups(evidence, turns, found, by) if by else ((), ())
    counts = evidence.counts
    return SignalReport(
        events=counts["events"], turns=int(turns.answered.sum()), sessions=capture.n, users=turns.users,
        capture_rate=capture, tier=tier(capture.share), explicit_rate=explicit, about=counts["about"],
        orphans=counts["orphans"], orphan_share=counts["orphans"] / counts["about"] if counts["about"] else None,
        session_level=counts["session_level"], internal=counts["internal"], doubled=counts["doubled"],
        detectors=tuple(_detector(name, kinds[name], each, turns, references) for name, each in found.items()),
        pairs=_pairs(found), groups=pooled, differences=differences)


# ---- rates -----------------------------------------------------------------------------------------------------------


def _rates(evidence: Evidence, turns: TurnRows, signals: Mapping[str, Table]) -> tuple[Share, Share]:
    """Share of sessions with a usable implicit signal, share of turns with an explicit one."""
    import numpy as np

    from evalloop.signals.derive import together
    from evalloop.signals.heard import heard

    size, rows = len(turns.answered), np.flatnonzero(turns.answered)
    usable, spoken = np.zeros(size, bool), np.zeros(size, bool)
    if signals:
        every = together(signals)
        done = every.filter((every.kind == "implicit") & (every.weight > 0) & (every.polarity != 0))
        usable = heard(evidence, turns, done).on(size)
        spoken = heard(evidence, turns, every.filter(every.kind == "explicit")).on(size)
    _, first, session = np.unique(turns.sessions[rows], return_index=True, return_inverse=True)
    hits = np.bincount(session, weights=usable[rows]) > 0
    return (share_of(hits.astype(float), turns.units[rows][first]),
            share_of(spoken[rows].astype(float), turns.units[rows]))


def tier(rate: float | None) -> str:
    """How far a team is: below 10 % capture-only, 10-25 % building, 25-50 % healthy, above mature."""
    return "no sessions" if rate is None else next(name for limit, name in TIERS if rate >= limit)


def share_of(values: Sequence[float] | Floats, units: Sequence[str] | Rows) -> Share:
    """The mean of ``values`` (0 or 1) with its interval clustered by ``units``."""
    if not len(values):
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


# ---- agreement -------------------------------------------------------------------------------------------------------


def _references(turns: TurnRows, found: Mapping[str, Heard], judged: Heard) -> dict[str, Floats]:
    """For each reference (n,): above 0 where it found a turn good, below where bad, 0 where it says nothing."""
    import numpy as np

    size = len(turns.answered)
    votes, outcomes = np.zeros(size), np.zeros(size)
    for name, each in found.items():
        kind = name.partition("@")[0]
        if kind in VOTES or kind == "outcome":
            target = votes if kind in VOTES else outcomes
            target[each.rows] += each.sums
    return {"votes": votes, "reviewers": judged.values(size), "outcomes": outcomes}


def _detector(name: str, kind: str, found: Heard, turns: TurnRows, references: Mapping[str, Floats]) -> DetectorReport:
    answers = int(turns.answered.sum())
    own = {"thumbs": "votes", "rating": "votes", "outcome": "outcomes"}.get(name.partition("@")[0])
    agreement = tuple(_agreement(reference, values, found, turns) for reference, values in references.items()
                      if values.any() and reference != own)
    positive, negative = int((found.sums > 0).sum()), int((found.sums < 0).sum())
    return DetectorReport(
        detector=name, kind=kind, signals=found.signals, turns=len(found.rows),
        coverage=int(turns.answered[found.rows].sum()) / answers if answers else None,
        positive=positive, negative=negative,
        neutral=len(found.rows) - positive - negative, users=found.users, quarantined=found.quarantined,
        agreement=agreement if found.signals else ())


def _agreement(reference: str, values: Floats, found: Heard, turns: TurnRows) -> Agreement:
    """AUC of the detector's sum (0 where it is silent) against the reference's good and bad."""
    import numpy as np

    rows, size = np.flatnonzero(values), len(values)
    labels = values[rows] > 0
    good, spoke = int(labels.sum()), int(found.on(size)[rows].sum())
    if not good or good == len(rows) or not spoke:
        why = "the detector is silent on all of them" if not spoke else "the reference knows only one side"
        return Agreement(reference, len(rows), good, len(rows) - good, spoke, None, None, why)
    from evalloop import stats

    area = stats.auc(found.values(size)[rows], labels.astype(float), units=turns.units[rows])
    interval = (area.interval.low, area.interval.high) if area.interval else None
    return Agreement(reference, len(rows), good, len(rows) - good, spoke, area.auc, interval, area.method)


def _pairs(found: Mapping[str, Heard]) -> tuple[Pair, ...]:
    import numpy as np

    pairs = []
    for (first, ours), (second, theirs) in combinations(found.items(), 2):
        _, mine, other = np.intersect1d(ours.rows, theirs.rows, assume_unique=True, return_indices=True)
        one, two = ours.sums[mine], theirs.sums[other]
        both = (one != 0) & (two != 0)
        if both.any():
            pairs.append(Pair(first, second, int(both.sum()), float(((one > 0) == (two > 0))[both].mean())))
    return tuple(pairs)


# ---- groups ----------------------------------------------------------------------------------------------------------


def _groups(evidence: Evidence, turns: TurnRows, found: Mapping[str, Heard],
            by: str) -> tuple[tuple[Group, ...], tuple[GroupDifference, ...]]:
    """For each detector that spoke: its rate in each group, and every difference of two groups."""
    from evalloop.signals.heard import groups

    codes, names = groups(evidence, turns, by)
    members = {name: (codes == number) & turns.answered for number, name in enumerate(names)}
    members = {name: inside for name, inside in members.items() if inside.any()}
    units = {name: turns.units[inside] for name, inside in members.items()}
    rates, differences = [], []
    for name, each in found.items():
        if len(each.rows):
            spoke = each.on(len(codes)).astype(float)
            hits = {value: spoke[inside] for value, inside in members.items()}
            rates += [Group(name, by, value, share_of(hits[value], units[value])) for value in hits]
            differences += [_difference(name, first, second, hits, units) for first, second in combinations(hits, 2)]
    return tuple(rates), tuple(differences)


def _difference(name: str, first: str, second: str, hits: Mapping[str, Floats],
                units: Mapping[str, Rows]) -> GroupDifference:
    from evalloop import stats

    found = stats.share_difference(hits[first], hits[second], first_users=units[first].tolist(),
                                   second_users=units[second].tolist())
    interval = (found.interval.low, found.interval.high) if found.interval else None
    return GroupDifference(name, first, second, found.delta, interval, found.p, found.units)

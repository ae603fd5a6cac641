"""What the signals are worth: capture rate, coverage, agreement with votes, reviewers and outcomes, rates by group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from evalloop import engine as door
from evalloop.records.base import Record
from evalloop.signals.derive import together

if TYPE_CHECKING:
    from evalloop.contracts import Evidence

Table = Any

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


def report(evidence: Evidence, signals: Mapping[str, Table], kinds: Mapping[str, str], *,
           by: str | None = None) -> SignalReport:
    """The report on ``signals`` (by ``name@version``, silent ones too); ``by`` names a key of the events' context."""
    engine, counts = evidence.engine, evidence.counts
    turns = evidence.turns.filter(evidence.turns.event_id.notnull())
    sums = {name: engine.keep(_sums(found)) for name, found in signals.items()}
    references = _references(evidence, sums)
    capture = capture_rate(evidence, signals)
    detectors = tuple(_detector(name, kinds[name], found, evidence, sums[name], references)
                      for name, found in signals.items())
    groups, differences = _groups(evidence, turns, sums, by) if by else ((), ())
    sizes = engine.first(turns.aggregate(sessions=turns.session_id.nunique(), users=turns.user_key.nunique()))
    about, orphans = counts["about"], counts["orphans"]
    return SignalReport(
        events=counts["events"], turns=counts["turns"], sessions=sizes["sessions"], users=sizes["users"],
        capture_rate=capture, tier=tier(capture.share), explicit_rate=explicit_rate(evidence, signals),
        about=about, orphans=orphans, orphan_share=orphans / about if about else None,
        session_level=counts["session_level"], internal=counts["internal"], doubled=counts["doubled"],
        detectors=detectors, pairs=_pairs(evidence, sums), groups=groups, differences=differences)


# ---- rates -----------------------------------------------------------------------------------------------------------


def capture_rate(evidence: Evidence, signals: Mapping[str, Table]) -> Share:
    """Share of sessions with a usable implicit signal; a turn without a session is a session of its own."""
    if not signals:
        return _share([], [])
    every, turns = together(signals), evidence.turns
    usable = every.filter((every.kind == "implicit") & (every.weight > 0) & (every.polarity != 0))
    hits = usable.select(hit="response_id").distinct()
    told = turns.filter(turns.event_id.notnull()).left_join(hits, turns.response_id == hits.hit)
    sessions = told.group_by("session_id").aggregate(
        value=told.hit.notnull().any().cast("float64"), unit=_unit(told).min())
    return _share(*_columns(evidence, sessions, "value", "unit"))


def explicit_rate(evidence: Evidence, signals: Mapping[str, Table]) -> Share:
    """Share of turns with an explicit signal."""
    if not signals:
        return _share([], [])
    every, turns = together(signals), evidence.turns
    hits = every.filter(every.kind == "explicit").select(hit="response_id").distinct()
    told = turns.filter(turns.event_id.notnull()).left_join(hits, turns.response_id == hits.hit)
    return _share(*_columns(evidence, told.select(value=told.hit.notnull().cast("float64"), unit=_unit(told)),
                            "value", "unit"))


def tier(rate: float | None) -> str:
    """How far a team is: below 10 % capture-only, 10-25 % building, 25-50 % healthy, above mature."""
    return "no sessions" if rate is None else next(name for limit, name in TIERS if rate >= limit)


def _columns(evidence: Evidence, table: Table, *names: str) -> list[list[Any]]:
    found = evidence.engine.arrow(table.order_by(*names).select(*names))
    return [found.column(name).to_pylist() for name in names]


def _share(values: Sequence[float], units: Sequence[str]) -> Share:
    if not values:
        return Share(0, None, None, None, 0, "no data")
    from evalloop import stats

    found = stats.share_interval_clustered(values, users=units)
    interval = (found.interval.low, found.interval.high) if found.interval else None
    return Share(found.n, found.share, interval, found.n_effective, found.units, found.method)


def _unit(turns: Table) -> Any:
    return door.ibis.coalesce(turns.user_key, turns.session_id)


# ---- agreement -------------------------------------------------------------------------------------------------------


def _sums(signals: Table) -> Table:
    """polarity x weight of one detector, summed over each response it speaks of."""
    return signals.group_by("response_id").aggregate(value=(signals.polarity * signals.weight).sum())


def _references(evidence: Evidence, sums: Mapping[str, Table]) -> dict[str, Table]:
    """For each reference the responses it judged (label 1 good, 0 bad); those it is undecided on are left out."""
    found: dict[str, Table] = {}
    votes = [table for name, table in sums.items() if name.partition("@")[0] in VOTES]
    outcomes = [table for name, table in sums.items() if name.partition("@")[0] == "outcome"]
    acts = evidence.of_type(JUDGMENT)
    acts = acts.filter((acts.source_kind == "reviewer") & acts.value.notnull())
    judged = acts.group_by("response_id").aggregate(value=acts.value.mean() - 0.5)
    for name, tables in (("votes", votes), ("reviewers", [judged]), ("outcomes", outcomes)):
        if tables:
            every = tables[0].union(*tables[1:]) if tables[1:] else tables[0]
            total = every.group_by("response_id").aggregate(value=every.value.sum())
            total = total.filter(total.value != 0)
            found[name] = evidence.engine.keep(total.select("response_id", label=(total.value > 0).cast("int64")))
    return found


def _detector(name: str, kind: str, signals: Table, evidence: Evidence, sums: Table,
              references: Mapping[str, Table]) -> DetectorReport:
    own = {"thumbs": "votes", "rating": "votes", "outcome": "outcomes"}.get(name.partition("@")[0])
    engine = evidence.engine
    told = engine.first(signals.aggregate(n=signals.count(), users=signals.user_key.nunique(),
                                          quarantined=signals.count(where=signals.weight == 0)))
    sides = engine.first(sums.aggregate(turns=sums.count(), good=sums.count(where=sums.value > 0),
                                        bad=sums.count(where=sums.value < 0)))
    agreement = tuple(_agreement(evidence, reference, labels, sums) for reference, labels in references.items()
                      if told["n"] and reference != own)
    turns = engine.count(evidence.turns)
    return DetectorReport(
        detector=name, kind=kind, signals=told["n"], turns=sides["turns"],
        coverage=sides["turns"] / turns if turns else None, positive=sides["good"], negative=sides["bad"],
        neutral=sides["turns"] - sides["good"] - sides["bad"], users=told["users"], quarantined=told["quarantined"],
        agreement=tuple(each for each in agreement if each.n))


def _agreement(evidence: Evidence, reference: str, labels: Table, sums: Table) -> Agreement:
    """AUC of the detector's sum (0 where it is silent) against the reference's good and bad."""
    turns = evidence.turns.select("response_id", unit=_unit(evidence.turns))
    said = sums.select(told="response_id", value="value")
    both = labels.inner_join(turns, "response_id")
    both = both.left_join(said, both.response_id == said.told)
    rows = both.select("response_id", "label", "unit", spoke=both.told.notnull(), value=both.value.fill_null(0.0))
    _, values, units, spoken, scores = _columns(evidence, rows, "response_id", "label", "unit", "spoke", "value")
    good, spoke = sum(values), sum(spoken)
    if not good or good == len(values) or not spoke:
        why = "the detector is silent on all of them" if not spoke else "the reference knows only one side"
        return Agreement(reference, len(values), good, len(values) - good, spoke, None, None, why)
    from evalloop import stats

    found = stats.auc(scores, values, units=units)
    interval = (found.interval.low, found.interval.high) if found.interval else None
    return Agreement(reference, len(values), good, len(values) - good, spoke, found.auc, interval, found.method)


def _pairs(evidence: Evidence, sums: Mapping[str, Table]) -> tuple[Pair, ...]:
    if len(sums) < 2:
        return ()
    ibis = door.ibis
    first, *rest = (table.filter(table.value != 0).select(
        response=table.response_id, number=ibis.literal(number, "int64"), good=table.value > 0)
        for number, table in enumerate(sums.values()))
    every = first.union(*rest)
    other = every.select(response="response", number_2="number", good_2="good")
    both = every.inner_join(other, "response")
    both = both.filter(both.number < both.number_2)
    rows = both.group_by("number", "number_2").aggregate(
        n=both.count(), same=(both.good == both.good_2).cast("int64").sum())
    names = list(sums)
    return tuple(Pair(names[row["number"]], names[row["number_2"]], row["n"], row["same"] / row["n"])
                 for row in evidence.engine.records(rows.order_by("number", "number_2")))


# ---- groups ----------------------------------------------------------------------------------------------------------


def _groups(evidence: Evidence, turns: Table, sums: Mapping[str, Table],
            by: str) -> tuple[tuple[Group, ...], tuple[GroupDifference, ...]]:
    """For each detector that spoke: its rate in each group, and every difference of two groups."""
    groups, differences = [], []
    for name, found in sums.items():
        if not evidence.engine.count(found):
            continue
        members = _members(evidence, turns, found, by)
        groups += [Group(name, by, value, _share(*held)) for value, held in members.items()]
        differences += [_difference(name, first, second, members) for first, second in combinations(members, 2)]
    return tuple(groups), tuple(differences)


def _members(evidence: Evidence, turns: Table, sums: Table, by: str) -> dict[str, tuple[list[float], list[str]]]:
    """For each value of the context, by name: whether the detector spoke on each turn, and the turns' units."""
    value = turns[by].cast("string").fill_null("(none)") if by in turns.columns else door.ibis.literal("(none)")
    hits = sums.select(hit="response_id")
    rows = turns.mutate(value=value).left_join(hits, turns.response_id == hits.hit)
    values, spoke, units = _columns(evidence, rows.select(
        "value", spoke=rows.hit.notnull().cast("float64"), unit=_unit(rows)), "value", "spoke", "unit")
    found: dict[str, tuple[list[float], list[str]]] = {}
    for one, hit, unit in zip(values, spoke, units, strict=True):
        held = found.setdefault(one, ([], []))
        held[0].append(hit)
        held[1].append(unit)
    return found


def _difference(name: str, first: str, second: str,
                members: Mapping[str, tuple[Sequence[float], Sequence[str]]]) -> GroupDifference:
    from evalloop import stats

    (ours, our_units), (theirs, their_units) = members[first], members[second]
    found = stats.share_difference(ours, theirs, first_users=our_units, second_users=their_units)
    interval = (found.interval.low, found.interval.high) if found.interval else None
    return GroupDifference(name, first, second, found.delta, interval, found.p, found.units)

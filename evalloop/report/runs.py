"""Two runs become one comparison: scores from trials, cases that never ran, and what sets the runs apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from evalloop.contracts import ReportData
from evalloop.errors import UsageError
from evalloop.records.calibration import Calibration
from evalloop.records.case import Case
from evalloop.records.report import Comparison, Score
from evalloop.records.run import Run, Trial
from evalloop.report.approval import Approval
from evalloop.report.columns import Columns
from evalloop.report.judged import Judges, compare_judged
from evalloop.report.policy import Policy
from evalloop.report.scores import score_rows

PAIRED_BY_ID = "only cases with the same id are paired"


@dataclass(frozen=True)
class RunTrials:
    """The header of a run with its trials, which are read once."""

    run: Run
    trials: Iterable[Trial] = field(repr=False)


@dataclass(frozen=True)
class Scored:
    """Runs as columns, the baseline first: ``names`` by which the runs are told apart, their trials where they were
    kept, the cases by id, what a reader must know, and the clusters' shares in production with their source. ``rows``
    are the same scores one by one; ``judges`` and ``approval`` are what was seen of either in the trials."""

    names: list[str]
    runs: tuple[Run, ...]
    columns: Columns
    trials: Mapping[str, Sequence[Trial]]
    cases: Mapping[str, Case]
    notes: tuple[str, ...]
    shares: Mapping[str, float]
    source: str
    rows: Sequence[Score]
    judges: Judges
    approval: Approval


def score_runs(sides: Sequence[RunTrials], *, cases: Iterable[Case] = (), keep: bool = False,
               shares: Mapping[str, float] | None = None, calibrations: Iterable[Calibration] = (),
               approval: Sequence[str] = ()) -> Scored:
    """The scores of runs. ``keep`` holds on to all trials, for reports that show answers.

    ``shares`` are those of the clusters in production today; one without counts with that of its cases, as they were
    grown. ``calibrations`` say which judges may decide the gate, and hold people's labels; ``approval`` names what
    measures users' liking. Raises UsageError when a run is named twice.
    """
    runs = tuple(side.run for side in sides)
    named = dict(zip(_names(runs), sides, strict=True))
    kept: dict[str, list[Trial]] = {name: [] for name in named} if keep else {}
    known = {case.id: case for case in cases}
    units = {case.id: str(case.provenance["unit"]) for case in known.values() if case.provenance.get("unit")}
    judges, liked = Judges.of(calibrations), Approval(approval, units)
    streams = {name: liked.noting(name, judges.noting(
        name, _noting(side.trials, kept[name]) if keep else side.trials)) for name, side in named.items()}
    rows = score_rows(streams, expected={name: side.run.case_ids for name, side in named.items()}, units=units)
    grown = _grown_shares(known.values())
    notes = dict.fromkeys(told for run in runs[1:] for told in _differences(runs[0], run))
    return Scored(list(named), runs, Columns.of(rows), kept, known, tuple(notes), {**grown, **(shares or {})},
                  _source(grown, shares or {}), rows, judges, liked)


def compare_runs(sides: Sequence[RunTrials], policy: Policy, *, cases: Iterable[Case] = (), keep: bool = False,
                 confirmation: Comparison | None = None, notes: Iterable[str] = (), seed: int = 0,
                 shares: Mapping[str, float] | None = None, calibrations: Iterable[Calibration] = ()) -> ReportData:
    """The runs after the first, each against the first; the options are those of ``score_runs``."""
    scored = score_runs(sides, cases=cases, keep=keep, shares=shares, calibrations=calibrations,
                        approval=policy.approval)
    first, *more = compare_judged(
        scored.rows, scored.names, scored.judges, policy, confirmation=confirmation, seed=seed, shares=scored.shares,
        shares_source=scored.source, approval=scored.approval, notes=[*notes, *scored.notes])
    return ReportData(first, scored.runs, scored.trials, scored.cases, scored.runs[0].evalset, others=tuple(more))


def _source(grown: Mapping[str, float], shares: Mapping[str, float]) -> str:
    parts = ["the themes of today"] if shares else []
    return " and ".join([*parts, "the cases, as they were grown"] if grown.keys() - shares.keys() else parts)


def _grown_shares(cases: Iterable[Case]) -> dict[str, float]:
    """Share of each cluster in the negative feedback, from its latest case that tells one."""
    latest: dict[str, tuple[str, float]] = {}
    for case in cases:
        share, week = case.provenance.get("share"), str(case.provenance.get("week", ""))
        if isinstance(share, int | float) and share > 0 and week >= latest.get(case.cluster, ("", 0.0))[0]:
            latest[case.cluster] = (week, float(share))
    return {cluster: share for cluster, (_, share) in latest.items()}


def _names(runs: Sequence[Run]) -> list[str]:
    """The names of the runs, or their ids where two have one name."""
    ids = [run.run_id for run in runs]
    twice = next((run for number, run in enumerate(runs) if run.run_id in ids[:number]), None)
    if twice is not None:
        told = f"{twice.name!r} is compared with itself" if twice.run_id == ids[0] else f"{twice.name!r} is named twice"
        raise UsageError(told, fix="name different runs (evalloop runs lists them)")
    names = [run.name for run in runs]
    return names if len(set(names)) == len(names) else ids


def _noting(trials: Iterable[Trial], kept: list[Trial]) -> Iterator[Trial]:
    for trial in trials:
        kept.append(trial)
        yield trial


def _differences(base: Run, cand: Run) -> Iterator[str]:
    """What a reader must know before trusting the pairs."""
    if base.evalset != cand.evalset:
        yield f"the runs are of different evalsets, {base.evalset} and {cand.evalset}: {PAIRED_BY_ID}"
    elif base.evalset_digest != cand.evalset_digest:
        yield f"the evalset {base.evalset} changed between the two runs: {PAIRED_BY_ID}"
    for run in (base, cand):
        if "only_failed" in run.tags:
            yield (f"{run.name} holds only cases that failed in {run.tags['only_failed']}: some of them would do "
                   "better the second time without any change")
    if base.repeats != cand.repeats:
        yield f"the runs have {base.repeats} and {cand.repeats} repeats: each case counts with the mean of what it has"

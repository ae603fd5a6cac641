"""Two runs become one comparison: scores from trials, cases that never ran, and what sets the runs apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from evalloop.contracts import ReportData
from evalloop.errors import UsageError
from evalloop.records.case import Case
from evalloop.records.report import Comparison
from evalloop.records.run import Run, Trial
from evalloop.report.compare import compare
from evalloop.report.policy import Policy
from evalloop.report.scores import score_rows

PAIRED_BY_ID = "only cases with the same id are paired"


@dataclass(frozen=True)
class RunTrials:
    """The header of a run with its trials, which are read once."""

    run: Run
    trials: Iterable[Trial] = field(repr=False)


def compare_runs(base: RunTrials, cand: RunTrials, policy: Policy, *, cases: Iterable[Case] = (),
                 keep: bool = False, confirmation: Comparison | None = None, notes: Iterable[str] = (),
                 seed: int = 0, shares: Mapping[str, float] | None = None) -> ReportData:
    """``cand`` against ``base``. ``keep`` holds on to all trials, for reports that show answers.

    ``shares`` are those of the clusters in production today; one without counts with that of its cases, as they were
    grown. Raises UsageError when both are the same run.
    """
    if base.run.run_id == cand.run.run_id:
        raise UsageError(f"{base.run.name!r} is compared with itself", fix="name two runs (evalloop runs lists them)")
    names = _names(base.run, cand.run)
    kept: dict[str, list[Trial]] = {name: [] for name in names}
    streams = {name: _noting(side.trials, kept[name]) if keep else side.trials
               for name, side in zip(names, (base, cand), strict=True)}
    expected = {name: side.run.case_ids for name, side in zip(names, (base, cand), strict=True)}
    known = {case.id: case for case in cases}
    units = {case.id: str(case.provenance["unit"]) for case in known.values() if case.provenance.get("unit")}
    rows = score_rows(streams, expected=expected, units=units)
    grown = _grown_shares(known.values())
    comparison = compare(rows, *names, policy=policy, confirmation=confirmation, seed=seed,
                         shares={**grown, **(shares or {})}, shares_source=_source(grown, shares or {}),
                         notes=[*notes, *_differences(base.run, cand.run)])
    return ReportData(comparison, (base.run, cand.run), kept if keep else {}, known, base.run.evalset)


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


def _names(base: Run, cand: Run) -> tuple[str, str]:
    return (base.name, cand.name) if base.name != cand.name else (base.run_id, cand.run_id)


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

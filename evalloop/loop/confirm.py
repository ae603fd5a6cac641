"""The second stage of an alarm: both variants run again on the cases of its clusters, then the gate again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from evalloop.errors import IncompleteError, UsageError
from evalloop.loop.evalsets import load_evalset
from evalloop.loop.project import Project
from evalloop.loop.trials import plan_runs, run_plans
from evalloop.loop.verdicts import compare, policy_of

if TYPE_CHECKING:
    from evalloop.contracts import ReportData
    from evalloop.records.case import Evalset
    from evalloop.report.question import Question
    from evalloop.runs.session import OnTrial


def decide(project: Project, question: Question, *, rerun: bool | None = None, max_cost: float | None = None,
           on_trial: OnTrial | None = None) -> ReportData:
    """The comparison with the gate's verdict; an open alarm is confirmed or lifted by fresh runs where that is wanted.

    ``rerun`` stands over the policy's own. Both variants are run on the cases of the alarming clusters alone, with
    doubled repeats and without the cache, for at most ``max_cost`` US dollars. Raises UsageError for a variant that
    cannot be run afresh, IncompleteError when the fresh runs could not be finished.
    """
    from evalloop.report.gate import alarms

    data = compare(project, question)
    if question.table is not None or question.confirm:
        return data
    policy = policy_of(project, question, data)
    clusters = alarms(data.comparison, policy)
    wanted = policy.rerun and not _recorded(data) if rerun is None else rerun
    if not clusters or not wanted:
        return data
    fresh = _run_again(project, data, clusters, max_cost, on_trial)
    return compare(project, replace(question, confirm=fresh))


def _run_again(project: Project, data: ReportData, clusters: Sequence[str], max_cost: float | None,
               on_trial: OnTrial | None) -> tuple[str, str]:
    """The ids of the fresh runs (baseline, candidate)."""
    from evalloop.report.confirmation import FACTOR
    from evalloop.runs.plan import Options

    if recorded := _recorded(data):
        raise UsageError(f"the alarm on {', '.join(clusters)} cannot be confirmed: {' and '.join(recorded)} replay "
                         "recordings", fix="record fresh answers, run them, and name the runs with --confirm")
    evalset = _suspicious(load_evalset(project, data.runs[1].evalset_path), clusters)
    uncached = Project(project.config.replace(cache=False))
    uncached.__dict__["host"] = project.host
    options = Options(repeats=FACTOR * max(run.repeats for run in data.runs), max_cost=max_cost,
                      tags={"confirms": ", ".join(clusters)})
    plans = plan_runs(uncached, evalset, [run.variant for run in data.runs], options)
    outcomes = run_plans(uncached, plans, options, on_trial)
    broken = [each for each in outcomes if each.summary.stopped or each.summary.errors]
    if broken:
        raise IncompleteError(f"the confirming run {broken[0].run.name} was not finished",
                              fix=f"evalloop run --resume {broken[0].run.name}, then evalloop gate ... --confirm "
                                  f"{' '.join(each.run.name for each in outcomes)}")
    return outcomes[0].run.run_id, outcomes[1].run.run_id


def _recorded(data: ReportData) -> list[str]:
    """The variants that cannot be run afresh."""
    from evalloop.report.confirmation import REPLAYS

    return [run.variant.name for run in data.runs if run.variant.target in REPLAYS]


def _suspicious(evalset: Evalset, clusters: Sequence[str]) -> Evalset:
    """The evalset with those cases only that count for one of the clusters."""
    wanted = set(clusters)
    cases = tuple(case for case in evalset.cases
                  if case.cluster in wanted or wanted & {spec.cluster for spec in case.graders})
    return replace(evalset, cases=cases)

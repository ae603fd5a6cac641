"""Report and notes: trials become deltas, a verdict, and what users are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalloop.loop.asked import Sides, evalset_of, policy_for, sides_of, table_of
from evalloop.loop.judges import calibrations
from evalloop.loop.project import Project
from evalloop.loop.themes import known_clusters
from evalloop.loop.trials import find_run

if TYPE_CHECKING:
    from evalloop.contracts import ReportData
    from evalloop.records.release import Release
    from evalloop.records.report import Comparison
    from evalloop.records.run import Run, Trial
    from evalloop.report.policy import Policy
    from evalloop.report.question import Question
    from evalloop.report.table import TableSpec


def compare(project: Project, question: Question) -> ReportData:
    """The candidates against the baseline, per cluster and overall, each with the gate's verdict."""
    from evalloop.report.runs import compare_runs

    if question.table is not None:
        return _compare_table(project, question, question.table)
    sides = sides_of(project, question)
    confirmation = _confirmation(project, question, sides) if question.confirm else None
    return compare_runs(sides.runs, sides.policy, cases=sides.cases, keep=question.keep, confirmation=confirmation,
                        notes=sides.notes, seed=project.config.seed, shares=sides.shares,
                        calibrations=calibrations(project))


def _confirmation(project: Project, question: Question, first: Sides) -> Comparison:
    """The same comparison on two runs that must be fresh."""
    from evalloop.report.confirmation import check_runs, fresh
    from evalloop.report.runs import RunTrials, compare_runs
    from evalloop.store import runlog

    assert question.confirm is not None
    base, cand = (runlog.read(find_run(project, each)) for each in question.confirm)
    check_runs((first.runs[0].run, first.runs[1].run), (base[0], cand[0]))
    sides = [RunTrials(run, fresh(run, trials)) for run, trials in (base, cand)]
    return compare_runs(sides, first.policy, seed=project.config.seed, calibrations=calibrations(project)).comparison


def _compare_table(project: Project, question: Question, table: TableSpec) -> ReportData:
    from evalloop.contracts import ReportData
    from evalloop.report.approval import rows_of_table
    from evalloop.report.compare import compare_all

    asked = table_of(project, question, table)
    liked = asked.policy.approval
    first, *more = compare_all(asked.columns, asked.baseline, asked.candidates, policy=asked.policy, notes=asked.notes,
                               seed=project.config.seed, right=rows_of_table(asked.columns, liked) if liked else ())
    return ReportData(first, title=table.place, others=tuple(more))


def policy_of(project: Project, question: Question, data: ReportData) -> Policy:
    """The policy by which a comparison was decided."""
    evalset = evalset_of(project, data.runs[1], strict=False)[0] if data.runs else None
    return policy_for(project, question, evalset)


def read_trials(project: Project, reference: str, like: Run | None = None) -> list[Trial]:
    """All trials of a run; ``like`` says whose baseline ``@baseline`` is."""
    from evalloop.store.runlog import read

    return list(read(find_run(project, reference, like))[1])


def compare_trials(project: Project, trials: Mapping[str, Sequence[Trial]], policy: Mapping[str, Any]) -> Comparison:
    """Trials at hand, by variant: the baseline first, then the candidate."""
    from evalloop.report.approval import Approval
    from evalloop.report.judged import Judges, compare_judged
    from evalloop.report.policy import Policy
    from evalloop.report.scores import score_rows

    config, judges = project.config, Judges.of(calibrations(project))
    rules = Policy.of({"margin": config.margin, "alpha": config.alpha, **policy})
    liked = Approval(rules.approval)
    rows = score_rows({name: liked.noting(name, judges.noting(name, side)) for name, side in trials.items()})
    return compare_judged(rows, list(trials), judges, rules, approval=liked, seed=config.seed)[0]


def render(project: Project, form: str, data: ReportData | Comparison, *, width: int | None = None) -> str:
    """The comparison in the format of that name, for a terminal of that ``width``."""
    from evalloop.contracts import ReportData

    whole = data if isinstance(data, ReportData) else ReportData(data)
    text: str = project.host.get("renderers", form).render(replace(whole, width=width or whole.width))
    return text


def write_release(project: Project, data: ReportData, name: str | None = None) -> Release:
    """The release record, kept as ``releases/<name>.json``; UsageError for a name that another release has."""
    from evalloop.notes.release import keep_release

    release = release_for(project, data, name)
    keep_release(project.config.root / "releases", release)
    return release


def release_for(project: Project, data: ReportData, name: str | None = None, *, shipped_at: str | None = None,
                variants: Sequence[str] = ()) -> Release:
    """The release record of a comparison, not kept yet."""
    from evalloop.notes.release import release_of

    ids = {case.cluster: str(case.provenance["cluster_id"]) for case in data.cases.values()
           if "cluster_id" in case.provenance}
    return release_of(data.comparison, name or data.comparison.candidate, themes=_themes(project, data),
                      cluster_ids=ids, run=data.runs[1] if data.runs else None, shipped_at=shipped_at,
                      variants=variants)


def _themes(project: Project, data: ReportData) -> dict[str, str]:
    """Cluster -> the name that people know: the label of today, else the one with which its cases were grown."""
    labels = {each.cluster_id: each.label for each in known_clusters(project)}
    grown = {case.cluster: str(labels.get(case.provenance.get("cluster_id", "")) or case.provenance["theme"])
             for case in data.cases.values() if "theme" in case.provenance}
    return labels | grown

"""Report and notes: trials become deltas, a verdict, and what users are told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalloop.errors import EvalloopError
from evalloop.loop.evalsets import load_evalset
from evalloop.loop.project import Project
from evalloop.loop.themes import known_clusters
from evalloop.loop.trials import find_run

if TYPE_CHECKING:
    from evalloop.contracts import ReportData
    from evalloop.records.case import Case, Evalset
    from evalloop.records.release import Release
    from evalloop.records.report import Comparison
    from evalloop.records.run import Run, Trial
    from evalloop.report.policy import Policy
    from evalloop.report.question import Question
    from evalloop.report.table import TableSpec

def compare(project: Project, question: Question) -> ReportData:
    """The candidate against the baseline, per cluster and overall, with the gate's verdict."""
    from evalloop.report.runs import RunTrials, compare_runs
    from evalloop.store import runlog

    if question.table is not None:
        return _compare_table(project, question, question.table)
    cand = RunTrials(*runlog.read(find_run(project, question.candidate)))
    base = RunTrials(*runlog.read(find_run(project, question.baseline, like=cand.run)))
    evalset, notes = _evalset_of(project, cand.run, strict=question.strict)
    policy = _policy(project, question, evalset.gate if evalset else {})
    confirmation = None
    if question.confirm:
        again = replace(question, baseline=question.confirm[0], candidate=question.confirm[1], confirm=None, keep=False)
        confirmation = compare(project, again).comparison
    cases = evalset.cases if evalset else ()
    return compare_runs(base, cand, policy, cases=cases, keep=question.keep, confirmation=confirmation, notes=notes,
                        seed=project.config.seed, shares=_shares(project, cases))


def _compare_table(project: Project, question: Question, table: TableSpec) -> ReportData:
    from evalloop.contracts import ReportData
    from evalloop.engine import read_table
    from evalloop.report import compare as report
    from evalloop.report import duplicates
    from evalloop.report.table import columns_of

    columns = columns_of(read_table(table.place, table.columns()), table)
    kept, notes = duplicates.resolve(columns, question.baseline, question.candidate, question.duplicates, table.place)
    comparison = report.compare(kept, question.baseline, question.candidate, policy=_policy(project, question, {}),
                                notes=notes, seed=project.config.seed)
    return ReportData(comparison, title=table.place)


def _shares(project: Project, cases: Sequence[Case]) -> dict[str, float]:
    """The clusters of these cases with the share that their theme has in the negative feedback of today."""
    shares = {each.cluster_id: each.share for each in known_clusters(project)}
    themes = {case.cluster: str(case.provenance.get("cluster_id", "")) for case in cases}
    return {cluster: shares[theme] for cluster, theme in themes.items() if theme in shares}


def _evalset_of(project: Project, run: Run, *, strict: bool) -> tuple[Evalset | None, list[str]]:
    """The evalset of a run as it stands now; without it there is no policy and there are no questions to show."""
    try:
        return load_evalset(project, run.evalset_path), []
    except EvalloopError as error:
        if strict:
            raise
        return None, [f"the evalset {run.evalset} could not be read, so its gate policy is not used: {error.message}"]


def _policy(project: Project, question: Question, own: Mapping[str, Any]) -> Policy:
    """Settings, then the evalset's own policy, then a policy file, then the command line."""
    from evalloop.report.policy import Policy
    from evalloop.store import yaml

    given = {"margin": project.config.margin, "alpha": project.config.alpha, **own}
    if question.policy_file:
        data = yaml.load(question.policy_file).data
        given |= data.get("gate", data) if isinstance(data, dict) else {"gate": data}
    return Policy.of(given, file=str(question.policy_file or ""), **question.flags)


def read_trials(project: Project, reference: str) -> list[Trial]:
    """All trials of a run."""
    from evalloop.store.runlog import read

    return list(read(find_run(project, reference))[1])


def compare_trials(project: Project, trials: Mapping[str, Sequence[Trial]], policy: Mapping[str, Any]) -> Comparison:
    """Trials at hand, by variant: the baseline first, then the candidate."""
    from evalloop.report.compare import compare
    from evalloop.report.policy import Policy
    from evalloop.report.scores import score_rows

    config = project.config
    rules = Policy.of({"margin": config.margin, "alpha": config.alpha, **policy})
    baseline, candidate = trials
    return compare(score_rows(trials), baseline, candidate, policy=rules, seed=config.seed)


def render(project: Project, form: str, data: ReportData | Comparison) -> str:
    """The comparison in the format of that name."""
    from evalloop.contracts import ReportData

    whole = data if isinstance(data, ReportData) else ReportData(data)
    text: str = project.host.get("renderers", form).render(whole)
    return text


def write_release(project: Project, data: ReportData, name: str | None = None) -> tuple[Release, str]:
    """The release record, kept as ``releases/<name>.json``, and the notes written from it.

    Raises UsageError for a name that another release has.
    """
    from evalloop.notes.release import keep_release, release_of
    from evalloop.notes.write import write_notes

    run = data.runs[1] if data.runs else None
    release = release_of(data.comparison, name or data.comparison.candidate, themes=_themes(project, data), run=run)
    notes = write_notes(release)
    keep_release(project.config.root / "releases", release)
    return release, notes


def _themes(project: Project, data: ReportData) -> dict[str, str]:
    """Cluster -> the name that people know: the label of today, else the one with which its cases were grown."""
    labels = {each.cluster_id: each.label for each in known_clusters(project)}
    grown = {case.cluster: str(labels.get(case.provenance.get("cluster_id", "")) or case.provenance["theme"])
             for case in data.cases.values() if "theme" in case.provenance}
    return labels | grown

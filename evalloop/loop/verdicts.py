"""Report and notes: trials become deltas, a verdict, and what users are told."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evalloop.errors import EvalloopError, UsageError
from evalloop.loop.evalsets import load_evalset
from evalloop.loop.project import Project
from evalloop.loop.themes import known_clusters
from evalloop.loop.trials import find_run, list_runs, read_run

if TYPE_CHECKING:
    from pathlib import Path

    from evalloop.contracts import ReportData
    from evalloop.records.case import Case, Evalset
    from evalloop.records.release import Release
    from evalloop.records.report import Comparison
    from evalloop.records.run import Run, Trial
    from evalloop.report.policy import Policy
    from evalloop.report.question import Question
    from evalloop.report.table import TableSpec


def compare(project: Project, question: Question) -> ReportData:
    """The candidates against the baseline, per cluster and overall, each with the gate's verdict."""
    from evalloop.report.runs import RunTrials, compare_runs
    from evalloop.store import runlog

    if question.table is not None:
        return _compare_table(project, question, question.table)
    paths = _candidates(project, question)
    cands = [RunTrials(*runlog.read(path)) for path in paths]
    base = RunTrials(*runlog.read(find_run(project, question.baseline, like=cands[0].run)))
    evalset, notes = _evalset_of(project, cands[0].run, strict=question.strict)
    policy = _policy(project, question, evalset.gate if evalset else {})
    confirmation = _confirmation(project, question, (base.run, cands[0].run)) if question.confirm else None
    cases = evalset.cases if evalset else ()
    return compare_runs(base, cands, policy, cases=cases, keep=question.keep, confirmation=confirmation, notes=notes,
                        seed=project.config.seed, shares=_shares(project, cases))


def _candidates(project: Project, question: Question) -> list[Path]:
    """The logs of all candidates; a pattern means the newest run of each variant, or run, whose name fits."""
    found: dict[Path, None] = {}
    for reference in (question.candidate, *question.others):
        found |= dict.fromkeys(_fitting(project, reference, question.baseline) if _is_pattern(reference)
                               else [find_run(project, reference)])
    return list(found)


def _fitting(project: Project, pattern: str, baseline: str) -> list[Path]:
    from fnmatch import fnmatchcase

    newest = {}
    base = read_run(project, baseline)
    for run, _ in list_runs(project):
        fits = fnmatchcase(run.name, pattern) or fnmatchcase(run.variant.name, pattern)
        if fits and run.run_id != base.run_id and run.evalset == base.evalset:
            newest[run.variant.name] = find_run(project, run.run_id)
    if not newest:
        raise UsageError(f"no run of {base.evalset} fits {pattern!r}", fix="evalloop runs lists the names")
    return [newest[name] for name in sorted(newest)]


def _is_pattern(reference: str) -> bool:
    return any(char in reference for char in "*?") and not reference.startswith("@")


def _confirmation(project: Project, question: Question, first: tuple[Run, Run]) -> Comparison:
    """The same comparison on two runs that must be fresh."""
    from evalloop.report.confirmation import check_runs, fresh
    from evalloop.report.runs import RunTrials, compare_runs
    from evalloop.store import runlog

    assert question.confirm is not None
    base, cand = (runlog.read(find_run(project, each)) for each in question.confirm)
    check_runs(first, (base[0], cand[0]))
    sides = [RunTrials(run, fresh(run, trials)) for run, trials in (base, cand)]
    evalset, _ = _evalset_of(project, cand[0], strict=question.strict)
    policy = _policy(project, question, evalset.gate if evalset else {})
    return compare_runs(sides[0], sides[1:], policy, seed=project.config.seed).comparison


def _compare_table(project: Project, question: Question, table: TableSpec) -> ReportData:
    from evalloop.contracts import ReportData
    from evalloop.engine import read_table
    from evalloop.report import compare as report
    from evalloop.report import duplicates
    from evalloop.report.table import columns_of

    columns = columns_of(read_table(table.place, table.columns()), table)
    cands = _variants_of(columns.variant, question)
    kept, notes = duplicates.resolve(columns, (question.baseline, *cands), question.duplicates, table.place)
    first, *more = report.compare_all(kept, question.baseline, cands, policy=_policy(project, question, {}),
                                      notes=notes, seed=project.config.seed)
    return ReportData(first, title=table.place, others=tuple(more))


def _variants_of(names: Iterable[object], question: Question) -> list[str]:
    """The candidates of a table, patterns replaced by the variants that fit."""
    from fnmatch import fnmatchcase

    known = sorted({str(name) for name in names})
    found: dict[str, None] = {}
    for wanted in (question.candidate, *question.others):
        fitting = [name for name in known if fnmatchcase(name, wanted) and name != question.baseline]
        found |= dict.fromkeys(fitting if _is_pattern(wanted) and wanted not in known and fitting else [wanted])
    return list(found)


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

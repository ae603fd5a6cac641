"""What a comparison is asked about: runs or a table become sides, an evalset, a policy and shares."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evalloop.errors import EvalloopError, UsageError
from evalloop.loop.evalsets import load_evalset
from evalloop.loop.project import Project
from evalloop.loop.themes import known_clusters
from evalloop.loop.trials import find_run, list_runs, read_run

if TYPE_CHECKING:
    from pathlib import Path

    from evalloop.records.case import Case, Evalset
    from evalloop.records.run import Run
    from evalloop.report.columns import Columns
    from evalloop.report.policy import Policy
    from evalloop.report.question import Question
    from evalloop.report.runs import RunTrials
    from evalloop.report.table import TableSpec


@dataclass(frozen=True)
class Sides:
    """The runs of a question, the baseline first, with the evalset as it stands now and the policy that holds."""

    runs: list[RunTrials]
    cases: Sequence[Case]
    policy: Policy
    notes: list[str]
    shares: dict[str, float]


@dataclass(frozen=True)
class Asked:
    """The scores of a question as columns: the baseline, the candidates, and by what they are judged."""

    columns: Columns
    baseline: str
    candidates: list[str]
    policy: Policy
    notes: tuple[str, ...]
    shares: Mapping[str, float]
    source: str = ""


def scores_of(project: Project, question: Question) -> Asked:
    """The scores that a question is about."""
    from evalloop.report.runs import score_runs

    if question.table is not None:
        return table_of(project, question, question.table)
    sides = sides_of(project, question)
    scored = score_runs(sides.runs, cases=sides.cases, shares=sides.shares)
    return Asked(scored.columns, scored.names[0], scored.names[1:], sides.policy, (*sides.notes, *scored.notes),
                 scored.shares, scored.source)


def sides_of(project: Project, question: Question) -> Sides:
    """The runs that a question names."""
    from evalloop.report.runs import RunTrials
    from evalloop.store import runlog

    question = replace(question, baseline=_first_run(project, question.baseline))
    cands = [RunTrials(*runlog.read(path)) for path in _candidates(project, question)]
    base = RunTrials(*runlog.read(find_run(project, question.baseline, like=cands[0].run)))
    evalset, notes = evalset_of(project, cands[0].run, strict=question.strict)
    cases = evalset.cases if evalset else ()
    policy = policy_for(project, question, evalset)
    return Sides([base, *cands], cases, policy, notes, _shares(project, cases))


def table_of(project: Project, question: Question, table: TableSpec) -> Asked:
    """The rows of a table that a question names, without duplicates."""
    from evalloop.engine import read_table
    from evalloop.report import duplicates
    from evalloop.report.table import columns_of

    columns = columns_of(read_table(table.place, table.columns()), table)
    question = replace(question, baseline=_first_variant(columns.variant, question.baseline))
    cands = _variants_of(columns.variant, question)
    if question.baseline in cands:
        raise UsageError(f"{question.baseline!r} is compared with itself", fix="name two variants")
    kept, notes = duplicates.resolve(columns, (question.baseline, *cands), question.duplicates, table.place)
    return Asked(kept, question.baseline, cands, policy_for(project, question, None), notes, {})


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


def _first_run(project: Project, reference: str) -> str:
    """The reference itself, or the id of the newest run that a pattern fits."""
    from fnmatch import fnmatchcase

    if not _is_pattern(reference):
        return reference
    fitting = [run.run_id for run, _ in list_runs(project)
               if fnmatchcase(run.name, reference) or fnmatchcase(run.variant.name, reference)]
    if not fitting:
        raise UsageError(f"no run fits {reference!r}", fix="evalloop runs lists the names")
    return fitting[-1]


def _first_variant(names: Iterable[object], wanted: str) -> str:
    """The name itself, or the first variant that a pattern fits."""
    from fnmatch import fnmatchcase

    known = sorted({str(name) for name in names})
    fitting = [name for name in known if fnmatchcase(name, wanted)]
    return fitting[0] if _is_pattern(wanted) and wanted not in known and fitting else wanted


def _is_pattern(reference: str) -> bool:
    return any(char in reference for char in "*?") and not reference.startswith("@")


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


def evalset_of(project: Project, run: Run, *, strict: bool) -> tuple[Evalset | None, list[str]]:
    """The evalset of a run as it stands now; without it there is no policy and there are no questions to show."""
    try:
        return load_evalset(project, run.evalset_path), []
    except EvalloopError as error:
        if strict:
            raise
        return None, [f"the evalset {run.evalset} could not be read, so its gate policy is not used: {error.message}"]


def policy_for(project: Project, question: Question, evalset: Evalset | None) -> Policy:
    """Settings, then the evalset's own policy, then a policy file, then the command line."""
    from evalloop.report.policy import Policy
    from evalloop.store import yaml

    given: dict[str, Any] = {"margin": project.config.margin, "alpha": project.config.alpha,
                             **(evalset.gate if evalset else {})}
    if question.policy_file:
        data = yaml.load(question.policy_file).data
        given |= data.get("gate", data) if isinstance(data, dict) else {"gate": data}
    return Policy.of(given, file=str(question.policy_file or ""), **question.flags)

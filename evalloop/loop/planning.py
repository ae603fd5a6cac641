"""Planning and choosing: what a set of cases can show, and which of many variants is best."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evalloop.loop.asked import policy_for, scores_of
from evalloop.loop.evalsets import load_evalset
from evalloop.loop.project import Project

if TYPE_CHECKING:
    from pathlib import Path

    from evalloop.records.power import PowerPlan
    from evalloop.records.selection import Selection
    from evalloop.report.question import Question


def plan_evalset(project: Project, place: Path | str, question: Question, *, discordance: float,
                 effects: Sequence[float]) -> PowerPlan:
    """What the accepted cases of an evalset can show, when a share of them changes between two variants."""
    from evalloop.report.power import plan_from_counts

    evalset = load_evalset(project, place)
    cases = [case for case in evalset.cases if case.status == "accepted"]
    counts: dict[str, int] = {}
    for case in cases:
        for cluster in {spec.cluster or case.cluster for spec in case.graders} or {case.cluster}:
            counts[cluster] = counts.get(cluster, 0) + 1
    policy = policy_for(project, question, evalset)
    return plan_from_counts(counts, policy, total=len(cases), discordance=discordance, effects=effects)


def plan_runs_again(project: Project, question: Question, *, effects: Sequence[float]) -> PowerPlan:
    """What the cases of two runs, or of two variants of a table, can show when they go on varying as they did."""
    from evalloop.report.power import plan_from_pairs

    asked = scores_of(project, question)
    return plan_from_pairs(asked.columns, asked.baseline, asked.candidates[0], asked.policy, effects=effects)


def select(project: Project, question: Question) -> Selection:
    """The best of all variants that a question names."""
    from evalloop.report.select import select as choose

    asked = scores_of(project, question)
    return choose(asked.columns, [asked.baseline, *asked.candidates], asked.policy, shares=asked.shares,
                  source=asked.source, notes=asked.notes, seed=project.config.seed)

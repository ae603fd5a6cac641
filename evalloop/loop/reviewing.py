"""Reviewing: people decide about candidates, give second opinions, and let cases retire."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evalloop.errors import EmptyError, UsageError
from evalloop.loop.evalsets import near_here
from evalloop.loop.evidence import has_events, open_evidence
from evalloop.loop.project import Project
from evalloop.loop.themes import known_clusters, merged_into

if TYPE_CHECKING:
    from evalloop.cases.retire import Proposal, Verdicts
    from evalloop.cases.review import Review
    from evalloop.records.case import Case

REVIEWER = "evalloop"
"""Who reopens cases when nobody asked."""


def open_review(project: Project, place: str | None = None, reviewer: str | None = None, *, of: str = "candidate"
                ) -> Review:
    """A sitting over an evalset: a name, a path, or the only one of the project with cases of the status ``of``."""
    import getpass

    from evalloop.cases.review import Review
    from evalloop.records.times import now_text
    from evalloop.store import git

    path = _evalset_path(project, place, of)
    who = reviewer or git.user(project.config.root) or getpass.getuser()
    return Review(path, project.objects("graders"), who, now_text())


def retirement(project: Project, review: Review, *, stale_days: int = 180) -> list[Proposal]:
    """The accepted cases of an evalset that may retire, and those that never fail; see ``cases.retire``."""
    from evalloop.cases.retire import RetireSettings, propose
    from evalloop.records.times import now_text

    cases = [case for case in review.evalset.cases if case.status == "accepted"]
    clusters, merged = known_clusters(project), merged_into(project)
    themes = {each.cluster_id: each for each in clusters}
    themes |= {gone: themes[into] for gone, into in merged.items() if into in themes}
    versions, newest = _versions(project, cases)
    settings = RetireSettings(now_text(), newest, stale_days)
    return propose(cases, themes, _verdicts(project, review.evalset.name), versions, settings)


def reopen_cases(project: Project, cluster_id: str, reason: str) -> list[Case]:
    """Proposes the retired cases of a theme again, in every evalset; for themes that came back."""
    from evalloop.cases import suite
    from evalloop.cases.retire import retired_of

    merged = merged_into(project)
    ids = {cluster_id, *(gone for gone, into in merged.items() if into == cluster_id)}
    graders, reopened = project.objects("graders"), []
    for path in suite.find(project.config.evalsets_dir):
        if found := retired_of(suite.load(path, graders).cases, ids):
            review = open_review(project, str(path), REVIEWER)
            reopened += [review.reopen(case.id, reason) for case in found]
    return reopened


def _evalset_path(project: Project, place: str | None, status: str) -> Path:
    from evalloop.cases import suite

    folder = near_here(project.config.evalsets_dir)
    if place is not None:
        return next((path for path in (Path(place), folder / place) if path.exists()), Path(place))
    graders = project.objects("graders")
    waiting = [path for path in suite.find(folder)
               if any(case.status == status for case in suite.load(path, graders).cases)]
    if not waiting:
        missing = "candidate waits" if status == "candidate" else f"case is {status}"
        raise EmptyError(f"no {missing} in {folder}",
                         fix="evalloop grow makes candidates, evalloop review accepts them")
    if len(waiting) > 1:
        raise UsageError(f"more than one evalset has cases with status {status}",
                         fix=f"name one: {', '.join(map(str, waiting))}")
    return waiting[0]


def _verdicts(project: Project, evalset: str) -> Mapping[str, Verdicts]:
    """What all runs of an evalset said of each case."""
    from evalloop.cases.retire import Verdicts
    from evalloop.runs.session import runs_folder
    from evalloop.store import runlog

    found: dict[str, Verdicts] = defaultdict(Verdicts)
    for path in runlog.paths(runs_folder(project.config)):
        run = runlog.header(path)
        if run.evalset == evalset:
            for trial in runlog.read(path)[1]:
                if trial.state == "ok" and trial.passed is not None:
                    found[trial.case_id].add(run.variant_id, run.variant.name, trial.passed)
    return found


def _versions(project: Project, cases: Sequence[Case]) -> tuple[dict[str, tuple[str, str]], str]:
    """By case id, the release (or prompt version) that it was made of and when that answered last; and the time of the
    last answer of all."""
    from evalloop.records.times import time_of_us

    if not has_events(project):
        return {}, ""
    of_event = {str(name): case.id for case in cases for name in case.provenance.get("events", ())}
    with open_evidence(project) as bench:
        turns, engine = bench.evidence.turns, bench.evidence.engine
        told = turns.mutate(version=turns.release.coalesce(turns.prompt_version))
        last = told.group_by("version").agg(last=told.at_us.max())
        seen = {row["version"]: row["last"] for row in engine.records(last)}
        made = told.filter(told.event_id.isin(sorted(of_event))).select("event_id", "version")
        rows: Iterable[Mapping[str, str | None]] = list(engine.records(made)) if of_event else []
    if not seen:
        return {}, ""
    versions = {of_event[str(row["event_id"])]: (str(row["version"]), time_of_us(seen[row["version"]]))
                for row in rows if row["version"]}
    return versions, time_of_us(max(seen.values()))

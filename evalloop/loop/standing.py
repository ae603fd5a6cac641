"""The loop at a glance: what each part holds, how long things take, and which part is exhaust."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING, Any

from evalloop.errors import EmptyError
from evalloop.loop.evidence import conflicts, derive_signals, failures
from evalloop.loop.project import Project
from evalloop.loop.releases import list_releases
from evalloop.loop.themes import known_clusters, late_failures, theme_members
from evalloop.loop.trials import list_runs
from evalloop.printable import many

if TYPE_CHECKING:
    from evalloop.records.case import Case
    from evalloop.records.cluster import Cluster
    from evalloop.records.failure import Failure
    from evalloop.records.release import Release
    from evalloop.records.run import Run
    from evalloop.records.status import Part, Status

WORKS, THIN, EXHAUST = "works", "thin", "exhaust"
NAMED = 3
"""Weeks with late failures that are named one by one."""
LEAST_CAPTURE = 0.10
"""Capture rate under which a product only collects (tiers of DESIGN section 3)."""


def status(project: Project) -> Status:
    """What the five parts hold today, and the one command to run next."""
    from evalloop.records.status import Status

    capture, found = _capture(project), _failures(project)
    known, cases = [each for each in known_clusters(project) if each.named], list(_cases(project))
    clusters = [each for each in known if each.size]
    releases = list_releases(project)
    runs = [run for run, _ in list_runs(project)]
    members = theme_members(project)
    late = late_failures(project, found, members)
    parts = (capture, _clusters(clusters, found, cases, members, late), _evalset(cases), _runs(runs, releases),
             _trust(releases))
    command, why = _next(parts, _grouping(project, known, found, members), late, clusters, cases, releases)
    return Status(parts, command, why, _signal_to_case(cases, found), _case_to_release(cases, releases),
                  _release_to_confirmed(releases))


def _failures(project: Project) -> list[Failure]:
    try:
        return failures(project, history=False)
    except EmptyError:
        return []


def _cases(project: Project) -> Iterator[Case]:
    from evalloop.cases import suite

    graders = project.objects("graders")
    for path in suite.find(project.config.evalsets_dir):
        yield from suite.load(path, graders).cases


# ---- the parts -------------------------------------------------------------------------------------------------------


def _part(name: str, state: str, says: str, **figures: Any) -> Part:
    from evalloop.records.status import Part

    return Part(name, state, says, {key: value for key, value in figures.items() if value is not None})


def _capture(project: Project) -> Part:
    try:
        told = derive_signals(project)
    except EmptyError:
        return _part("capture", EXHAUST, "nothing was captured yet", events=0)
    rate, votes, clash = told.capture_rate.share, told.explicit_rate.share, len(conflicts(project))
    state = WORKS if rate and rate >= LEAST_CAPTURE else THIN
    says = (f"{many(told.events, 'event')} of {many(told.users, 'user')}; {_percent(rate)} of sessions give a usable "
            f"implicit signal ({told.tier}), {_percent(votes)} of answers a vote or comment"
            + (f"; {clash:,} in conflict with the lake, not read (evalloop store conflicts)" if clash else ""))
    return _part("capture", state, says, events=told.events, users=told.users, capture_rate=rate, tier=told.tier,
                 explicit_rate=votes, orphans=told.orphans, orphan_share=told.orphan_share,
                 conflicts=clash or None)


def _clusters(clusters: Sequence[Cluster], found: Sequence[Failure], cases: Sequence[Case],
              members: Mapping[str, str], late: Mapping[str, int]) -> Part:
    from evalloop.records.cluster import OTHER, RED_TEAM

    grouped = sum(members.get(each.failure_id, OTHER) not in (OTHER, RED_TEAM) for each in found)
    share = grouped / len(found) if found else None
    with_cases = {case.provenance.get("cluster_id") for case in cases} & {each.cluster_id for each in clusters}
    state = EXHAUST if found and not clusters else THIN if not with_cases else WORKS
    themes = f"{_percent(share)} of them in {many(len(clusters), 'theme')}" if found and clusters else \
        many(len(clusters), "theme")
    says = f"{many(len(found), 'failure')}, {themes}; {len(with_cases)} with cases{_told_late(late)}"
    return _part("clusters", state, says, failures=len(found), themes=len(clusters), share_in_themes=share,
                 themes_with_cases=len(with_cases), late=sum(late.values()) or None)


def _told_late(late: Mapping[str, int]) -> str:
    """What came after its week was grouped, and the commands that group it."""
    if not late:
        return ""
    shown = [f"--week {week}" + (f" ({number:,})" if len(late) > 1 else "") for week, number in sorted(late.items())]
    more = f" and {len(shown) - NAMED} more" if len(shown) > NAMED else ""
    return (f"; {many(sum(late.values()), 'failure')} not grouped, late for weeks that were: "
            f"evalloop cluster {', '.join(shown[:NAMED])}{more}")


def _evalset(cases: Sequence[Case]) -> Part:
    accepted = [case for case in cases if case.status == "accepted"]
    waiting = sum(case.status == "candidate" for case in cases)
    grown = [case for case in accepted if case.provenance.get("cluster_id")]
    newest = max((str(case.provenance.get("reviewed_at", ""))[:10] for case in grown), default="")
    state = WORKS if grown else THIN if accepted or waiting else EXHAUST
    share = len(grown) / len(accepted) if accepted else None
    says = (many(len(accepted), "accepted case") + (f", {_percent(share)} of them from feedback" if accepted else "")
            + (f" (the newest of {newest})" if newest else "")
            + f"; {many(waiting, 'candidate')} for review")
    return _part("evalset growth", state, says, accepted=len(accepted), from_feedback=len(grown), candidates=waiting,
                 share_from_feedback=share, newest=newest or None)


def _runs(runs: Sequence[Run], releases: Sequence[Release]) -> Part:
    last = max((run.created_at for run in runs), default="")
    gated = [each for each in releases if each.gate != "NONE"]
    state = WORKS if gated else THIN if runs else EXHAUST
    says = (many(len(runs), "run") + (f", the last of {last[:10]}" if last else "")
            + f"; {many(len(gated), 'release')} went through the gate")
    return _part("iteration", state, says, runs=len(runs), last_run=last or None, gated_releases=len(gated))


def _trust(releases: Sequence[Release]) -> Part:
    verdicts = [check.verdict for each in releases for check in each.checks]
    confirmed, worse = verdicts.count("confirmed"), verdicts.count("worse")
    open_ones = sum(verdict == "not yet" for verdict in verdicts)
    state = WORKS if confirmed or worse else THIN if releases else EXHAUST
    says = (f"{many(len(releases), 'release')}; in production {many(confirmed, 'theme')} confirmed, {worse} worse, "
            f"{open_ones} not decided yet")
    return _part("trust", state, says, releases=len(releases), confirmed=confirmed, reopened=worse, undecided=open_ones)


def _percent(share: float | None) -> str:
    return "unknown" if share is None else f"{share:.0%}"


# ---- what next -------------------------------------------------------------------------------------------------------


def _grouping(project: Project, known: Sequence[Cluster], found: Sequence[Failure], members: Mapping[str, str]
              ) -> tuple[str, str] | None:
    """What is to be done for a theme, and why; None where one is known and not quiet, or where there is no failure."""
    if not found or any(each.size for each in known):
        return None
    if any(each.weight > 0 and each.occurred_at and each.failure_id not in members for each in found):
        return "evalloop cluster", "failures are collected and not grouped"
    return None if known else (
        "evalloop capture FILE --mapping MAPPING",
        f"{many(len(found), 'failure')} made no theme yet: one takes {project.config.min_cluster} that are alike")


def _next(parts: Sequence[Part], grouping: tuple[str, str] | None, late: Mapping[str, int],
          clusters: Sequence[Cluster], cases: Sequence[Case], releases: Sequence[Release]) -> tuple[str, str]:
    """The first thing in the order of the loop that is missing."""
    figures = {name: value for part in parts for name, value in part.figures.items()}
    worse = next((each for each in releases if any(check.verdict == "worse" for check in each.checks)), None)
    unasked = next((each for each in releases if not each.checks
                    and any(expected.cluster_id for expected in each.expectations)), None)
    steps = (
        (worse is not None, "evalloop grow", f"a theme got worse after {worse.name if worse else ''}: it needs cases"),
        (not figures.get("events"), "evalloop capture FILE --mapping MAPPING", "nothing is captured"),
        (grouping is not None, *(grouping or ("", ""))),
        (clusters and not figures.get("themes_with_cases"), "evalloop grow", "themes are known and not tested"),
        (figures.get("candidates"), "evalloop review", f"{many(figures.get('candidates', 0), 'candidate')} for review"),
        (cases and not figures.get("runs"), "evalloop run EVALSET", "cases are there and nothing was run on them"),
        (figures.get("runs") and not releases, "evalloop release create NAME BASE CAND", "runs decide nothing yet"),
        (unasked is not None, f"evalloop verify {unasked.name if unasked else ''}", "production was not asked"),
        (bool(late), f"evalloop cluster --week {min(late, default='')}",
         f"{many(sum(late.values()), 'failure')} came after their week was grouped"),
    )
    return next(((command, why) for wanted, command, why in steps if wanted),
                ("evalloop loop --since 7d", "everything flows: turn the loop again"))


# ---- how long it takes -----------------------------------------------------------------------------------------------


def _signal_to_case(cases: Iterable[Case], found: Iterable[Failure]) -> float | None:
    """Median days from a failure to the acceptance of the case that came from it."""
    seen = {name: each.occurred_at for each in found for name in each.event_ids}
    spans = []
    for case in cases:
        at = max((seen[name] for name in case.provenance.get("events", ()) if name in seen), default="")
        if at and case.provenance.get("reviewed_at"):
            spans.append(_days(at, str(case.provenance["reviewed_at"])))
    return median(spans) if spans else None


def _case_to_release(cases: Iterable[Case], releases: Iterable[Release]) -> float | None:
    """Median days from the acceptance of a case to the first release that improved its cluster."""
    shipped: dict[str, list[str]] = {}
    for release in releases:
        for claim in release.improved:
            shipped.setdefault(str(claim["cluster"]), []).append(release.shipped_at or release.created_at)
    spans = []
    for case in cases:
        at = case.provenance.get("reviewed_at")
        later = [_days(str(at), when) for when in shipped.get(str(case.cluster), ()) if at]
        spans += [min(each for each in later if each >= 0)] if any(each >= 0 for each in later) else []
    return median(spans) if spans else None


def _release_to_confirmed(releases: Iterable[Release]) -> float | None:
    """Median days from a release to the day on which production confirmed a theme."""
    spans = [_days(each.shipped_at or each.created_at, check.decided_on) for each in releases for check in each.checks
             if check.verdict == "confirmed" and check.decided_on]
    return median(spans) if spans else None


def _days(start: str, end: str) -> float:
    from evalloop.records.times import moment_of

    return (moment_of(end) - moment_of(start)).total_seconds() / 86_400

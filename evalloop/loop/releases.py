"""Releases: what shipped is recorded, production is asked whether it helped, and users are told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING

from evalloop.errors import ConfigError, EmptyError, UsageError
from evalloop.loop.evidence import each_turn
from evalloop.loop.project import Project
from evalloop.loop.reviewing import reopen_cases
from evalloop.loop.themes import find_clusters, known_clusters, move_theme, theme_members
from evalloop.loop.trust import weigh_failures
from evalloop.loop.verdicts import compare, release_for

if TYPE_CHECKING:
    from evalloop.notes.exposure import Exposure
    from evalloop.notes.verify import Watch
    from evalloop.notes.write import Template
    from evalloop.records.release import Check, Release
    from evalloop.report.question import Question
    from evalloop.signals.weighted import Weighted

BASELINE_DAYS = 28
"""Days before a release that it is compared with: whole weeks, so that weekdays weigh the same on both sides."""


def create_release(project: Project, name: str, question: Question, *, shipped_at: str | None = None,
                   variants: Sequence[str] = ()) -> tuple[Release, Path]:
    """Records what shipped: variant, evalset, verdict, and what production is expected to show, before it can."""
    from evalloop.notes.release import keep_release

    release = release_for(project, compare(project, question), name, shipped_at=_time(shipped_at), variants=variants)
    said = [field for field, given in (("shipped_at", shipped_at), ("variants", variants)) if given]
    path = keep_release(_folder(project), release, said=said)
    for each in release.expectations:
        if each.direction == "better":
            _move(project, each.cluster_id, "fixed", f"the gate of {name} supports it", name)
    return release, path


def _time(given: str | None) -> str:
    """The time that somebody wrote; now, where nobody did."""
    from evalloop.records.times import moment_of, now_text, time_text

    try:
        return time_text(moment_of(given)) if given else now_text()
    except ValueError:
        raise UsageError(f"{given!r} is no time", fix="write 2026-11-26 or 2026-11-26T14:00:00Z") from None


AFTER = {"not yet": "verifying", "confirmed": "resolved", "worse": "regressed"}
"""Where a theme goes by what production says of it."""


def _move(project: Project, cluster_id: str | None, status: str, reason: str, release: str) -> None:
    """Moves a theme on its way, where it can go there from where it stands."""
    from evalloop.clusters.lifecycle import NEXT

    known = {each.cluster_id: each for each in known_clusters(project)}
    if cluster_id in known and status in NEXT[known[cluster_id].status]:
        move_theme(project, cluster_id, status, reason=reason, release=release, by="release")


def find_release(project: Project, name: str) -> Release:
    """The record of that name."""
    from evalloop.notes.release import read_release

    return read_release(_folder(project), name)


def check_recorded(project: Project, name: str) -> None:
    """UsageError for a release that is none of the recorded ones; a project that records none may name any."""
    if list_releases(project):
        find_release(project, name)


def list_releases(project: Project) -> list[Release]:
    """All records, oldest first."""
    from evalloop.notes.release import read_releases

    return read_releases(_folder(project))


def verify_release(project: Project, name: str, *, now: str | None = None, segments: Sequence[str] = (),
                   baseline_days: int = BASELINE_DAYS, watch: Watch | None = None, keep: bool = True) -> Release:
    """The release with production's word on each expectation, kept in its record.

    New failures are grouped first. ``segments`` are keys that tell kinds of traffic apart, ``baseline_days`` the time
    before the release that it is compared with (an experiment compares its two variants at the same time).
    """
    from evalloop.notes.release import keep_release
    from evalloop.notes.verify import verify, with_checks
    from evalloop.records.times import moment_of, time_text

    release = find_release(project, name)
    if not any(each.cluster_id for each in release.expectations):
        raise EmptyError(f"no theme of feedback stands behind a cluster of {name}",
                         fix="only cases that evalloop grow made from feedback can be watched there")
    end = _time(now)
    start = time_text(moment_of(release.shipped_at or release.created_at))
    since = time_text(moment_of(start) - timedelta(days=baseline_days))
    before, after = _sides(project, release, since, start, end, segments)
    if not before:
        raise EmptyError(f"no user is known from the {baseline_days} days before {name}",
                         fix="capture the feedback of that time, or give --baseline-days")
    release = with_checks(release, verify(release, before, after, end, watch))
    if keep:
        release = replace(release, checks=tuple(_followed(project, release, each) for each in release.checks))
        keep_release(_folder(project), release)
    return release


def _followed(project: Project, release: Release, check: Check) -> Check:
    """The check, after its theme was moved on its way; the retired cases of one that got worse or came back are
    candidates again."""
    back = check.verdict == "confirmed" and _came_back(project, check.cluster_id)
    status = "regressed" if back else AFTER.get(check.verdict, "")
    if status and (check.verdict == "worse" or _claimed(release, check.cluster)):
        reason = "the theme came back after it was resolved" if back else check.reason or check.verdict
        _move(project, check.cluster_id, status, reason, release.name)
        if status == "regressed":
            opened = reopen_cases(project, check.cluster_id, f"{release.name}: {reason}")
            return replace(check, reopened=(*check.reopened, *(case.id for case in opened)))
    return check


def _came_back(project: Project, cluster_id: str) -> bool:
    """Whether a resolved theme fails again after weeks without a failure, as often as makes a theme."""
    theme = next((each for each in known_clusters(project) if each.cluster_id == cluster_id), None)
    return theme is not None and (theme.status, theme.trend) == ("resolved", "back") and (
        theme.size >= project.config.min_cluster)


def _claimed(release: Release, cluster: str) -> bool:
    return any(each.cluster == cluster and each.direction == "better" for each in release.expectations)


def write_notes(project: Project, release: Release, form: str = "md", template: Path | None = None, *,
                reword: bool = False) -> tuple[str, str]:
    """The notes as md or html, and why a model's words were not used (empty: they were, or nobody asked)."""
    from evalloop.notes import page
    from evalloop.notes import reword as other_words
    from evalloop.notes.write import write_notes

    text, why = write_notes(release, _template(project, template)), ""
    if reword:
        text, why = other_words.reword(release, text, _ask(project))
    return (page.page(release, text) if form == "html" else text), why


def notes_feed(project: Project, template: Path | None = None) -> str:
    """The notes of all releases that the gate let through, as a JSON Feed: what did not ship is no news for users."""
    from evalloop.notes.page import feed

    releases = [each for each in list_releases(project) if each.gate == "PASS"]
    if not releases:
        raise EmptyError("no release that passed its gate is recorded", fix="evalloop release create NAME BASE CAND")
    return feed([(each, write_notes(project, each, template=template)[0]) for each in releases], "Release notes")


def _template(project: Project, given: Path | None) -> Template | None:
    from evalloop.notes.page import template_of
    from evalloop.store.files import read_text

    setting = project.config.notes_template
    place = given or (project.config.root / setting if setting else None)
    return template_of(read_text(place)[0], str(place)) if place else None


def _ask(project: Project) -> Callable[[str], str]:
    """One answer of the judge model to one message."""
    import asyncio

    from evalloop import model

    config = project.config
    if not config.judge_model:
        raise ConfigError("--reword needs a model", key="judge_model", fix="set judge_model in evalloop.toml")

    def ask(text: str) -> str:
        message = [{"role": "user", "content": text}]
        return asyncio.run(model.complete(message, config.judge_model, {}, base_url=config.judge_base_url or None,
                                          api_key=model.judge_key())).text

    return ask


def _sides(project: Project, release: Release, since: str, start: str, end: str,
           segments: Sequence[str]) -> tuple[list[Exposure], list[Exposure]]:
    """The users before and after, or under the two variants of an experiment; weighted as the themes are.

    What is left of a suspicious account's word is left of it here. The segments to which the themes are raked are kinds
    of traffic: users are compared within each, and rates are told on the mix of the time before. The cap is stricter: a
    user counts once.
    """
    find_clusters(project)
    weighted = weigh_failures(project, words=False)
    members = _members(weighted, theme_members(project))
    kinds = tuple(dict.fromkeys([*segments, *(each for each in weighted.weighting.columns if "." not in each)]))
    seen: set[str] = set()
    after = _exposures(project, members, start, end, kinds, seen)
    if release.variants:
        base, cand = release.variants
        _check_segments(segments, seen)
        return [each for each in after if each.variant == base], [each for each in after if each.variant == cand]
    before = _exposures(project, members, since, start, kinds, seen)
    _check_segments(segments, seen)
    return before, after


def _check_segments(segments: Sequence[str], seen: Collection[str]) -> None:
    """UsageError for a key that no answer has; without any answer nobody can tell."""
    unknown = [key for key in segments if key not in seen] if seen else []
    if unknown:
        close = get_close_matches(unknown[0], seen, n=1)
        known = f"known: {', '.join(sorted(seen))}"
        raise UsageError(f"--segment {unknown[0]}: no answer has this key in its context or its user's segment",
                         fix=f"did you mean {close[0]!r}? {known}" if close else known)


def _exposures(project: Project, members: Mapping[str, Mapping[str, float]], start: str, end: str,
               kinds: Sequence[str], seen: set[str]) -> list[Exposure]:
    """The users of a time; the first answers of each are read, and nothing else. The keys of these go into ``seen``."""
    from evalloop.notes.exposure import ANSWERS, exposures
    from evalloop.signals.turns import first_answers

    with each_turn(project, lambda evidence: first_answers(evidence, start, end, ANSWERS)) as turns:
        return exposures(turns, members, start, end, segments=kinds, seen=seen)


def _members(weighted: Weighted, of_failure: Mapping[str, str]) -> Mapping[str, Mapping[str, float]]:
    """The clusters of each response that let a user down, with what is left of the weight of its user's word."""
    factors = {each.user_key: each.factor for each in weighted.weighting.accounts}
    found: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for failure in weighted.failures:
        if failure.weight > 0 and failure.response_id:
            cluster = of_failure.get(failure.failure_id, "other")
            found[failure.response_id][cluster] = min(factors.get(failure.user_key or "", 1.0), 1.0)
    return found


def _folder(project: Project) -> Path:
    return project.config.root / "releases"

"""One turn of the loop without anybody watching: what can be done is done, what needs a human is named."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from evalloop.errors import EmptyError, EvalloopError
from evalloop.loop.evidence import conflicts, derive_signals, drain
from evalloop.loop.growing import grow_cases
from evalloop.loop.project import Project
from evalloop.loop.releases import list_releases, verify_release
from evalloop.loop.themes import find_clusters
from evalloop.printable import many

if TYPE_CHECKING:
    from pathlib import Path

STEPS = ("drain", "signals", "cluster", "grow", "verify")
WATCHED_DAYS = 60


@dataclass(frozen=True)
class Step:
    """What one step did: ``told`` in one line; ``state`` done, skipped (done in this turn before), nothing, failed."""

    name: str
    state: str
    told: str = ""


@dataclass
class Turn:
    """A turn: its steps, and what is left to a human."""

    key: str
    steps: list[Step] = field(default_factory=list)
    human: list[str] = field(default_factory=list)

    @property
    def failed(self) -> bool:
        """True when some step broke."""
        return any(step.state == "failed" for step in self.steps)


def turn(project: Project, since: timedelta, *, evalset: str = "feedback", again: bool = False,
         progress: Callable[[str], None] = lambda name: None) -> Turn:
    """Drains, derives, groups the failures, grows candidates and verifies releases; resumable.

    Steps that were done in the same turn (the period of length ``since`` that holds today) are not done twice, unless
    ``again``. A step that breaks is told and the rest goes on, where it does not build on it.
    """
    from evalloop.store.files import write_json

    now = datetime.now(UTC)
    key = f"{int(now.timestamp() // since.total_seconds())}/{since.days}d"
    place = project.config.state_dir / "turn.json"
    done = _done(place, key) if not again else set()
    made = Turn(key)
    work: dict[str, Callable[[], str]] = {
        "drain": lambda: _drain(project), "signals": lambda: _signals(project), "cluster": lambda: _cluster(project),
        "grow": lambda: _grow(project, evalset), "verify": lambda: _verify(project, now)}
    for name in STEPS:
        if name in done:
            made.steps.append(Step(name, "skipped", "done in this turn already"))
            continue
        progress(name)
        made.steps.append(_run(name, work[name]))
        if made.steps[-1].state in ("done", "nothing"):
            done.add(name)
            write_json(place, {"turn": key, "done": sorted(done)}, private=True)
        elif name in ("signals", "cluster"):
            break
    made.human = list(_for_humans(project))
    return made


def _done(place: Path, key: str) -> set[str]:
    from evalloop.store.files import read_json

    kept = read_json(place) if place.is_file() else {}
    return set(kept.get("done", ())) if kept.get("turn") == key else set()


def _run(name: str, work: Callable[[], str]) -> Step:
    try:
        return Step(name, "done", work())
    except EmptyError as error:
        return Step(name, "nothing", error.message)
    except EvalloopError as error:
        return Step(name, "failed", str(error))


def _drain(project: Project) -> str:
    moved = drain(project)
    clash = f", {len(moved.conflicts):,} in conflict with it" if moved.conflicts else ""
    return f"{many(moved.moved, 'event')} moved into the lake{clash}"


def _signals(project: Project) -> str:
    told = derive_signals(project)
    rate = "unknown" if told.capture_rate.share is None else f"{told.capture_rate.share:.0%} of sessions"
    return f"{many(told.events, 'event')}, capture rate {rate} ({told.tier})"


def _cluster(project: Project) -> str:
    from evalloop.records.times import weeks_text

    themes = find_clusters(project)
    return (f"{many(themes.failures, 'failure')} in {many(themes.count, 'theme')} "
            f"({weeks_text(themes.week, themes.since)})")


def _grow(project: Project, evalset: str) -> str:
    grown = grow_cases(project, evalset)
    return f"{many(len(grown.cases), 'new candidate')} in {evalset}"


def _verify(project: Project, now: datetime) -> str:
    """Asks production about every release that is still watched."""
    from evalloop.records.times import moment_of

    asked = []
    for release in list_releases(project):
        shipped = moment_of(release.shipped_at or release.created_at)
        if any(each.cluster_id for each in release.expectations) and now - shipped < timedelta(days=WATCHED_DAYS):
            checked = verify_release(project, release.name)
            asked.append(f"{release.name}: " + ", ".join(f"{each.cluster} {each.verdict}" for each in checked.checks))
    if not asked:
        raise EmptyError("no release to verify", fix="evalloop release create NAME BASE CAND")
    return "; ".join(asked)


def _for_humans(project: Project) -> Iterator[str]:
    """What nobody but a human can do."""
    from evalloop.cases import suite

    if clash := conflicts(project):
        named = ", ".join(each.event_id for each in clash[:3]) + (", ..." if len(clash) > 3 else "")
        yield f"{many(len(clash), 'event')} in conflict with the lake, not read ({named}): evalloop store conflicts"
    graders = project.objects("graders")
    for path in suite.find(project.config.evalsets_dir):
        evalset = suite.load(path, graders)
        waiting = sum(case.status == "candidate" for case in evalset.cases)
        if waiting:
            yield f"{many(waiting, 'candidate')} of {evalset.name} for review: evalloop review {evalset.name}"
    for release in list_releases(project):
        worse = [each.cluster for each in release.checks if each.verdict == "worse"]
        confirmed = [each.cluster for each in release.checks if each.verdict == "confirmed"]
        if worse:
            yield f"worse since {release.name}: {', '.join(worse)}: evalloop release show {release.name}"
        if confirmed:
            yield f"confirmed for {release.name}: {', '.join(confirmed)}: evalloop notify {release.name} --dry-run"

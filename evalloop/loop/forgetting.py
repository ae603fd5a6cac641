"""Forgetting: one user, or what has become too old, in all that the project keeps."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from evalloop.errors import EmptyError, RecordErrors, UsageError
from evalloop.loop.collecting import salt_of
from evalloop.loop.evidence import open_log
from evalloop.loop.project import Project
from evalloop.records.event import Event
from evalloop.records.times import now_text, time_text

if TYPE_CHECKING:
    from evalloop.store.log import EventLog
    from evalloop.store.traces import Traces

NAMED = 20
"""Answers that are named one by one."""


@dataclass(frozen=True)
class Forgotten:
    """A receipt: its id, the user's hash, when, how many of what, changed files, and where words may be left."""

    receipt: str
    user_key: str
    at: str
    counts: Mapping[str, int]
    changed: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def forget_user(project: Project, user: str, *, dry_run: bool = False) -> Forgotten:
    """Erases a user (the product's own id, or its hash) from events, signals, dead letters, lake, themes, cases and
    files.

    ``dry_run`` only counts. EmptyError when nothing of the user is there.
    """
    from evalloop.capture.values import user_key

    key = user_key(salt_of(project), user)
    with open_log(project) as log:
        return _forget(project, log, key, {key, user}, dry_run=dry_run)


def forget_pending(project: Project) -> list[Forgotten]:
    """Erases every user whom an event ``privacy.erased`` names and of whom something is left."""
    done = []
    with open_log(project) as log:
        asked = {str(event.payload.get("user_key") or event.user_key) for event in log.events()
                 if event.event_type == "privacy.erased"}
        for key in sorted(asked - {"None"}):
            try:
                done.append(_forget(project, log, key, {key}))
            except EmptyError:
                continue
    return done


def _forget(project: Project, log: EventLog, key: str, keys: set[str], *, dry_run: bool = False) -> Forgotten:
    from evalloop.loop import forgetting_themes as themes
    from evalloop.store import forget
    from evalloop.store.derived import SignalFiles
    from evalloop.store.traces import find

    traces = find(log, keys)
    if not traces.events:
        raise EmptyError("nothing of this user is stored", fix="give the id that the product sends as actor.user_key")
    at = now_text()
    receipt = "erasure-" + hashlib.sha256(f"{key} {at}".encode()).hexdigest()[:16]
    cases = list(_cases(project, traces))
    if dry_run:
        return Forgotten(receipt, key, at, {"events": len(traces.events), "cases": len(cases)})
    in_themes = themes.read(project, traces)
    log.store.erasures.add(receipt, key, at, {})
    _take_out(cases)
    weeks, names = themes.erase(project, in_themes) if in_themes else (0, [])
    SignalFiles(project.config.state_dir / "signals").clear()
    changed, left, answers = _files(project, traces.words | (in_themes.shown if in_themes else frozenset()))
    counts = {**forget.erase(log, traces), "cases": len(cases), "files": len(changed), "answers": answers,
              "theme_weeks": weeks}
    left += [f"{each} (a name that only this user said)" for each in themes.named_files(project, names)]
    log.store.erasures.add(receipt, key, at, counts)
    log.store.add([Event(receipt, "privacy.erased", at, {"kind": "system"}, {"level": "user", "task_id": receipt},
                         payload={"user_key": key, "counts": counts})])
    forget.compact(log)
    return Forgotten(receipt, key, at, counts, tuple(changed), (*left, *_shared(traces), *_in_git(project, cases)))


def _shared(traces: Traces) -> Iterator[str]:
    """The answers without a user that stay because they may be another user's."""
    if traces.shared:
        names = sorted(traces.shared)
        more = f" and {len(names) - NAMED:,} more" if len(names) > NAMED else ""
        yield ("answers that name no user, where others acted on them or in their session too: "
               f"{', '.join(names[:NAMED])}{more}")


def _cases(project: Project, traces: Traces) -> Iterator[tuple[Path, str]]:
    """(file, id) of the cases that were made of the user's events: the reverse index is ``provenance.events``."""
    from evalloop.cases import write
    from evalloop.cases.suite import LINE_SUFFIXES

    root = project.config.evalsets_dir
    for path in sorted(root.rglob("*")) if root.is_dir() else ():
        if not (path.is_file() and path.name.endswith((".evalset.yaml", "suite.yaml", *LINE_SUFFIXES))):
            continue
        try:
            found = write.entries(path)
        except RecordErrors:
            continue
        for case in found:
            events = (case.get("provenance") or {}).get("events") or ()
            if traces.events.intersection(map(str, events)):
                yield path, case["id"]


def _take_out(cases: list[tuple[Path, str]]) -> None:
    from evalloop.cases import write

    for path, case_id in cases:
        write.replace(path, case_id, None)


def _files(project: Project, words: set[str]) -> tuple[list[str], list[str], int]:
    """Scrubs the project's files and the cache of answers."""
    from evalloop.runs.session import cache_path
    from evalloop.store.cache import CallCache
    from evalloop.store.scrub import SHORTEST, scrub

    place, answers = cache_path(project.config), 0
    if place.exists():
        with CallCache(place) as cache:
            answers = cache.erase([each for each in words if len(each) >= SHORTEST])
    done = scrub(project.config.root, words)
    store = {"events.sqlite", "events.sqlite-wal"}
    lake = str(project.config.lake or project.config.state_dir / "lake")
    left = [each for each in done.left if Path(each).name not in store
            and not str(project.config.root / each).startswith(lake)]
    return done.changed, left, answers


def _in_git(project: Project, cases: list[tuple[Path, str]]) -> list[str]:
    from evalloop.store import git

    if cases and git.commit(project.config.root) is not None:
        return ["the history of git, where the cases were committed"]
    return []


def prune_store(project: Project, *, days: float | None) -> dict[str, int]:
    """Drops events and dead letters older than ``days`` (default: the setting ``retention_days``), and what has ended
    by its own ``privacy.expires_at``."""
    from evalloop.store import forget

    kept = project.config.retention_days if days is None else days
    if kept < 0:
        raise UsageError("days cannot be negative", fix="give --days 365")
    until = time_text(datetime.now(UTC) - timedelta(days=kept)) if kept else "0001-01-01T00:00:00.000000Z"
    with open_log(project) as log:
        return forget.expire(log, until)

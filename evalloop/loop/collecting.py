"""Collecting: the collector and its keys, on the project's store."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from evalloop.errors import UsageError
from evalloop.loop.project import Project
from evalloop.records.key import SCOPES, Key
from evalloop.records.times import now_text, time_text

if TYPE_CHECKING:
    from evalloop.capture.webhooks import Webhook
    from evalloop.store.deadletters import Letter
    from evalloop.store.events import EventStore


def open_events(project: Project, *, mending: bool = False) -> EventStore:
    """The event store of the project."""
    from evalloop.store.events import EventStore

    address = project.config.store or str(project.config.state_dir / "events.sqlite")
    return EventStore(address, mending=mending)


def salt_of(project: Project) -> bytes:
    """The project's secret for user keys."""
    from evalloop.store.salt import project_salt

    return project_salt(project.config.state_dir, project.config.salt)


def open_webhooks(project: Project, given: Sequence[str]) -> dict[str, Webhook]:
    """The webhooks NAME or NAME=FILE by name, their mapping files checked; secrets are in the environment."""
    from evalloop.capture.webhooks import Webhook, mapping_of

    made = {}
    for each in given:
        name, _, place = each.partition("=")
        if not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,39}", name):
            raise UsageError(f"{name!r} is no name for a webhook", fix="use small letters, digits and hyphens")
        variable = f"EVALLOOP_WEBHOOK_{name.upper().replace('-', '_')}_SECRET"
        secret = os.environ.get(variable, "")
        if not secret:
            raise UsageError(f"the webhook {name} has no secret", fix=f"set {variable} to what its sender signs with")
        made[name] = Webhook(name, mapping_of(name, place), secret, salt_of(project))
        made[name].load()
    return made


def create_key(project: Project, kind: str, label: str, *, scopes: Sequence[str] = (), origins: Sequence[str] = (),
               rate: float | None = None, days: float | None = None) -> tuple[Key, str]:
    """A new key and its secret. Publishable keys need origins and may only write; their rate is limited."""
    if kind == "pk":
        if scopes:
            raise UsageError("a publishable key has no scopes: it may only add feedback and signals",
                             fix="leave out --scope, or create an sk key")
        if not origins:
            raise UsageError("a publishable key needs the pages that may use it",
                             fix="--origin https://app.example (repeat it; '*' for any page and for apps)")
    elif origins:
        raise UsageError("a secret key never comes from a page", fix="leave out --origin, or create a pk key")
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown:
        raise UsageError(f"no scope {unknown[0]!r}", fix=f"use: {', '.join(SCOPES)}")
    wrong = [each for each in origins if each != "*" and not _is_origin(each)]
    if wrong:
        raise UsageError(f"{wrong[0]!r} is not an origin", fix="write https://app.example, without a path")
    end = time_text(datetime.now(UTC) + timedelta(days=days)) if days is not None else None
    with open_events(project) as store:
        return store.keys.create(kind, label, scopes=tuple(scopes) or ("write",), origins=origins,
                                 rate=(100.0 if kind == "pk" else 0.0) if rate is None else rate, expires_at=end)


def _is_origin(text: str) -> bool:
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(text)
        return bool(parts.scheme and parts.hostname and f"{parts.scheme}://{parts.netloc}" == text and parts.port != 0)
    except ValueError:
        return False


def list_keys(project: Project) -> list[Key]:
    """Every key, also revoked ones."""
    with open_events(project) as store:
        return [known.key for known in store.keys.all()]


def revoke_key(project: Project, key_id: str) -> Key:
    """The key opens nothing any more (running collectors notice within seconds)."""
    with open_events(project) as store:
        return store.keys.end(key_id, now_text())


def rotate_key(project: Project, key_id: str, *, hours: float) -> tuple[Key, str]:
    """A key like the named one, and its secret; the old one works for so many hours more."""
    with open_events(project) as store:
        old = store.keys.get(key_id)
        if not old.active(now_text()):
            raise UsageError(f"{key_id} is revoked or has expired", fix="create a new key")
        made = store.keys.create(old.kind, old.label, scopes=old.scopes, origins=old.origins, rate=old.rate)
        store.keys.end(key_id, time_text(datetime.now(UTC) + timedelta(hours=hours)))
        return made


def dead_letters(project: Project, *, limit: int) -> tuple[list[Letter], int]:
    """The oldest dead letters, and how many there are."""
    with open_events(project) as store:
        return store.letters.all(limit=limit), store.letters.count()


def replay_letters(project: Project, ids: Sequence[int] = ()) -> tuple[int, int]:
    """Tries dead letters again (default: all); how many were stored, and how many are still no events."""
    from evalloop.capture.intake import Intake, Sender
    from evalloop.store.inbox import CONFLICT

    intake, stored, left, after = Intake(salt_of(project), project.masker), 0, 0, 0
    with open_events(project) as store:
        while group := store.letters.all(after=after):
            after = group[-1].id
            tried = [(each, intake.again(each, Sender(each.key_id or "replay"))) for each in group
                     if not ids or each.id in ids]
            good = [(each, row) for each, row in tried if row is not None]
            fates = store.write([row for _, row in good])
            done = [each.id for (each, _), fate in zip(good, fates, strict=True) if fate != CONFLICT]
            store.letters.drop(done)
            stored, left = stored + len(done), left + len(tried) - len(done)
    return stored, left


def drop_letters(project: Project, ids: Sequence[int]) -> int:
    """Forgets dead letters; how many there were."""
    with open_events(project) as store:
        return store.letters.drop(ids)


def migrate_store(project: Project) -> int:
    """Carries the store over to the layout of this version; that layout."""
    from evalloop.store.migrations import LAYOUT

    open_events(project, mending=True).close()
    return LAYOUT


def store_stats(project: Project) -> dict[str, Any]:
    """What the inbox, the lake and the list of dead letters hold."""
    from evalloop.loop.evidence import open_log

    with open_log(project) as log:
        parts = log.lake.parts()
        return {"inbox": log.store.count(), "dead_letters": log.store.letters.count(),
                "erasures": len(log.store.erasures.all()),
                "lake": {"events": sum(part.rows for part in parts), "files": len(parts),
                         "days": len({part.day for part in parts})}}

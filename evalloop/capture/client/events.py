"""What a product hands over, and the event that is made of it.

The product's thread only takes a copy (``plain``) and a time; the sender's thread makes the event: names the subject,
replaces the user by an HMAC, masks every text.
"""

from __future__ import annotations

import math
import os
import random
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any, NamedTuple, TypedDict

from evalloop.capture.values import pseudonym
from evalloop.masking import REGEX, Masker
from evalloop.records.event import SCHEMA
from evalloop.records.times import time_text

MAX_DEPTH = 32
_CHANCE = random.Random()
"""A generator of its own: products seed the shared one, and ids must differ all the same."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_CHANCE.seed)
SUBJECT = {"response": "response_id", "provider_response": "provider_response_id", "message": "message_id",
           "turn": "turn_index", "session": "session_id", "task": "task_id", "trace": "trace_id", "span": "span_id"}
LEVELS = (("response", "response"), ("provider_response", "response"), ("message", "message"), ("span", "span"),
          ("trace", "span"), ("turn", "turn"), ("task", "task"), ("session", "session"))


class About(TypedDict, total=False):
    """What an event speaks of, beside the response; each key is optional.

    ``session``: the id of the conversation; ``message``, ``turn``, ``task``, ``trace``,
    ``span``: other names of the place. ``user`` is hashed before it leaves the process. ``segment``: at most 16 traits
    (plan, language). ``consent``: purposes, or a whole block. ``context``: app, release, variant, model and so on.
    """

    provider_response: str
    session: str
    message: str
    turn: int
    task: str
    trace: str
    span: str
    user: str
    role: str
    internal: bool
    segment: Mapping[str, Any]
    consent: Mapping[str, Any] | Sequence[str]
    context: Mapping[str, Any]


class Handed(NamedTuple):
    """One event as the product handed it over; ``at`` in seconds since 1970."""

    event_id: str
    event_type: str
    at: float
    source: Mapping[str, Any]
    about: Mapping[str, Any]
    payload: Mapping[str, Any]
    links: Mapping[str, Any]
    ask: Mapping[str, Any]


def event_id() -> str:
    """A UUID version 7 (RFC 9562): ids sort by the millisecond they were made in."""
    chance, moment = f"{_CHANCE.getrandbits(80):020x}", f"{time.time_ns() // 1_000_000:012x}"
    variant = "89ab"[int(chance[3], 16) & 3]
    return f"{moment[:8]}-{moment[8:]}-7{chance[:3]}-{variant}{chance[4:7]}-{chance[7:19]}"


def plain(value: Any, depth: int = 0) -> Any:
    """A copy that is JSON and that nobody changes later: models by ``model_dump``, other objects by their text."""
    kind = type(value)
    if kind is str or kind is int or value is None or kind is bool:
        return value
    if kind is float:
        return value if math.isfinite(value) else None
    if depth >= MAX_DEPTH:
        return str(value)[:1000]
    if kind is dict or isinstance(value, Mapping):
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if kind is list or isinstance(value, list | tuple | set | frozenset):
        return [plain(item, depth + 1) for item in value]
    return _plain_object(value, depth)


def _plain_object(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int | float):
        return plain(float(value) if isinstance(value, float) else int(value))
    if isinstance(value, bytes | bytearray):
        return f"<{len(value)} bytes>"
    if isinstance(value, datetime | date):
        return value.isoformat()
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return plain(dump(exclude_none=True), depth + 1)
    return str(value)


def consent_block(given: Mapping[str, Any] | Sequence[str] | None) -> dict[str, Any] | None:
    """The consent block of an event: a whole one as it is, or purposes that the user consented to."""
    if given is None:
        return None
    if isinstance(given, Mapping):
        return dict(given)
    return {"basis": "consent", "purposes": sorted({given} if isinstance(given, str) else set(given))}


def make(handed: Handed, salt: bytes | None, masker: Masker = REGEX) -> dict[str, Any]:
    """The event, masked; without a salt a user is left out rather than sent."""
    about = handed.about
    payload, found = masker.value(handed.payload)
    actor = _actor(about, salt)
    if "segment" in actor:
        actor["segment"], more = masker.value(actor["segment"])
        found |= more
    event: dict[str, Any] = {
        "schema": SCHEMA, "event_id": handed.event_id, "event_type": handed.event_type,
        "occurred_at": time_text(datetime.fromtimestamp(handed.at, UTC)), "source": dict(handed.source),
        "subject": _subject(about), "links": dict(handed.links), "actor": actor,
        "consent": consent_block(about.get("consent")), "ask": dict(handed.ask),
        "context": {key: value for key, value in (about.get("context") or {}).items() if value is not None},
        "privacy": {"state": "masked", "masker": masker.name, "masked": sorted(found)}, "payload": payload}
    return {key: value for key, value in event.items() if value or key in ("source", "subject")}


def _subject(about: Mapping[str, Any]) -> dict[str, Any]:
    named = {field: about[key] for key, field in SUBJECT.items() if about.get(key) is not None}
    level = next((level for key, level in LEVELS if about.get(key) is not None), "user")
    return {"level": level, **{key: value if key == "turn_index" else str(value) for key, value in named.items()}}


def _actor(about: Mapping[str, Any], salt: bytes | None) -> dict[str, Any]:
    actor = {key: about[key] for key in ("role", "internal", "segment") if about.get(key) is not None}
    if about.get("user") is not None:
        if salt is None:
            actor["anon"] = True
        else:
            actor["user_key"] = pseudonym(salt, str(about["user"]))
    return actor

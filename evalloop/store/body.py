"""The canonical JSON of an event, and the hash by which a repeated event is known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

OURS = ("received_at", "privacy")
OUR_SOURCE = ("key_id", "verified", "skew_s")


class Row(NamedTuple):
    """One event as it lies in the table."""

    event_id: str
    event_type: str
    occurred_at: str
    received_at: str
    replaces: str | None
    user_key: str | None
    body_hash: bytes
    body: str


def row_of(event: Mapping[str, Any], received_at: str) -> Row:
    """The row of an event as a mapping; ValueError for NaN or a broken text.

    The hash is taken of what the client said: not of what we add (the masker's report, the key that it came with), so
    that a repetition is known after a key was changed or the masker learned something.
    """
    said = dict(event)
    for name in OURS:
        said.pop(name, None)
    privacy, source = event.get("privacy"), said["source"]
    body = canonical({**said, "privacy": privacy} if privacy else said)
    if any(name in source for name in OUR_SOURCE):
        said["source"] = {name: value for name, value in source.items() if name not in OUR_SOURCE}
    links, actor = event.get("links") or {}, event.get("actor") or {}
    return Row(event["event_id"], event["event_type"], event["occurred_at"], received_at,
               links.get("retracts") or links.get("supersedes"), actor.get("user_key"),
               hashlib.sha256(canonical(said)).digest(), body.decode())


def same_fact(body: str, other: str) -> bool:
    """True when two bodies say the same, whatever was added to them when they came."""
    return body == other or row_of(json.loads(body), "").body_hash == row_of(json.loads(other), "").body_hash


def canonical(data: Any) -> bytes:
    """JSON with sorted keys and no blanks; ValueError for NaN or a broken text."""
    try:
        return orjson.dumps(data, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # whole numbers of more than 64 bits, broken texts
        text = json.dumps(data, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode()

"""The canonical JSON of an event, and the hash by which a repeated event is known."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

OUR_SOURCE = ("key_id", "verified", "skew_s")
_OURS = frozenset(OUR_SOURCE)


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


def row_of(event: Mapping[str, Any], received_at: str, marks: Mapping[str, Any] | None = None) -> Row:
    """The row of an event as a mapping, ``marks`` written into its source; ValueError for a broken text.

    The hash is taken of what the client said: not of what we add (the masker's report, the key that it came with), so
    that a repetition is known after a key was changed or the masker learned something.
    """
    made = dict(event)
    made.pop("received_at", None)
    privacy, source = made.pop("privacy", None), made["source"]
    if not _OURS.isdisjoint(source):
        made["source"] = {name: value for name, value in source.items() if name not in _OURS}
    digest = hashlib.sha256(canonical(made)).digest()
    made["source"] = {**source, **marks} if marks else source
    if privacy:
        made["privacy"] = privacy
    links, actor = made.get("links"), made.get("actor")
    return Row(made["event_id"], made["event_type"], made["occurred_at"], received_at,
               (links.get("retracts") or links.get("supersedes")) if links else None,
               actor.get("user_key") if actor else None, digest, canonical(made).decode())


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

"""What targets have in common: options of models, which refusals may pass, how long to wait, files of the project."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import orjson

from evalloop.errors import ConfigError
from evalloop.records.call import Reply, price_of

URL = r"^https?://([A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?(/[A-Za-z0-9._~/@:-]*)?$"
"""An address without user, password and query: what stands in a file or a log holds no secret."""
RETRYABLE = frozenset({408, 409, 425, 429, 500, 502, 503, 504, 529})
FATAL = frozenset({401, 403, 404, 405, 410})
LIMITED = frozenset({429, 529})
MODEL_OPTIONS: Mapping[str, Any] = {
    "stream": {"type": "boolean", "default": False,
               "description": "take the answer in pieces, and record the time to the first token"},
    "input_price": {"type": "number", "minimum": 0, "description": "US dollars per million input tokens"},
    "output_price": {"type": "number", "minimum": 0, "description": "US dollars per million output tokens"},
}
"""What every target that asks a chat model offers."""


def to_json(data: Any) -> bytes:
    """A request's body; what the fast writer refuses (half a surrogate pair, a huge number) the other one writes."""
    try:
        return orjson.dumps(data)
    except TypeError:
        return json.dumps(data).encode()


def from_json(data: bytes) -> Any:
    """The value of an answer's body, as leniently as ``json`` reads it; ValueError for what is none."""
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError:
        return json.loads(data)


def priced(reply: Reply, options: Mapping[str, Any]) -> Reply:
    """The reply with its cost by the variant's own price; as it is without one, or when its usage is not known."""
    price, usage = price_of(options), reply.usage
    if price is None or not usage:
        return reply
    return replace(reply, cost=price.of(usage.get("input_tokens", 0), usage.get("output_tokens", 0)))


def project_file(root: Path, name: str, place: str, key: str) -> Path:
    """The path of a file of the project; raises ConfigError when it leads out of it, also by a link."""
    path = (root / name).resolve()
    if not path.is_relative_to(root.resolve()):
        raise ConfigError(f"{name!r} lies outside the project", file=place, key=key, fix=f"move it under {root}")
    return path


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, from ``Retry-After-Ms`` or ``Retry-After`` (seconds or a date, RFC 9110 section 10.2.3)."""
    told = {name.lower(): value for name, value in headers.items()}
    text = told.get("retry-after", "")
    try:
        if "retry-after-ms" in told:
            return max(0.0, float(told["retry-after-ms"]) / 1000)
        return max(0.0, float(text)) if text else None
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(text) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None

"""Webhooks of other systems: their signatures, and the mapping files that make outcomes of what they send.

Signatures are HMAC-SHA256 with a secret that both sides hold. Three schemes are known, each by its header:

- ``X-Evalloop-Signature: t=SECONDS,v1=HEX`` over ``SECONDS.BODY``;
- ``X-Zendesk-Webhook-Signature`` (base64) over the timestamp header and the body
  (developer.zendesk.com/documentation/webhooks/verifying);
- ``X-HubSpot-Signature-v3`` (base64) over method, address, body and timestamp header
  (developers.hubspot.com/docs/api/webhooks/validating-requests);
- ``X-Hub-Signature-256: sha256=HEX`` over the body (GitHub, and systems that copy it): no time, so a repetition
  cannot be told, but makes the same events.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from evalloop.capture.mapping import RowMapper, load
from evalloop.errors import UsageError
from evalloop.records.times import moment_of

MAX_AGE_S = 300
BUILT_IN = ("generic", "hubspot", "zendesk")


class SignatureError(Exception):
    """A request that its sender did not sign, or too long ago."""


@dataclass(frozen=True)
class Webhook:
    """One source of outcomes: a name, a mapping file and the secret of its signatures."""

    name: str
    mapping: Path
    secret: str
    salt: bytes

    @cached_property
    def events(self) -> RowMapper:
        """Makes the events of one item of a body."""
        return self.load()

    def load(self) -> RowMapper:
        """Reads the mapping file; raises RecordErrors."""
        return RowMapper(load(self.mapping), self.salt)

    def check(self, headers: Mapping[str, str], method: str, url: str, body: bytes, now: datetime) -> None:
        """SignatureError unless the request was signed with the secret, not longer than 5 minutes ago."""
        for header, scheme in _SCHEMES.items():
            if given := headers.get(header):
                if not scheme(self.secret.encode(), given, headers, f"{method}{url}".encode(), body, now):
                    raise SignatureError(f"the signature in {header} is wrong or too old")
                return
        raise SignatureError(f"no signature: send one of {', '.join(_SCHEMES)}")


def mapping_of(name: str, place: str = "") -> Path:
    """The mapping file of a webhook: the given one, else the built-in one of that name."""
    if place:
        return Path(place)
    if name not in BUILT_IN:
        raise UsageError(f"no mapping file for the webhook {name!r}",
                         fix=f"write NAME=FILE, or use one of: {', '.join(BUILT_IN)}")
    return Path(str(resources.files("evalloop.capture.hooks").joinpath(f"{name}.yaml")))


def sign(secret: str, body: bytes, now: float) -> str:
    """The value of ``X-Evalloop-Signature`` for a body."""
    return f"t={int(now)},v1={_mac(secret.encode(), f'{int(now)}.'.encode(), body).hex()}"


def _mac(secret: bytes, *parts: bytes) -> bytes:
    return hmac.digest(secret, b"".join(parts), "sha256")


def _own(secret: bytes, given: str, _: Any, __: bytes, body: bytes, now: datetime) -> bool:
    parts = dict(part.split("=", 1) for part in given.split(",") if "=" in part)
    at = parts.get("t", "")
    return _fresh(at, 1, now) and _same(_mac(secret, f"{at}.".encode(), body).hex(), parts.get("v1", ""))


def _zendesk(secret: bytes, given: str, headers: Mapping[str, str], _: bytes, body: bytes, now: datetime) -> bool:
    at = headers.get("x-zendesk-webhook-signature-timestamp", "")
    try:
        fresh = abs((moment_of(at) - now).total_seconds()) <= MAX_AGE_S
    except ValueError:
        return False
    return fresh and _same(base64.b64encode(_mac(secret, at.encode(), body)).decode(), given)


def _hubspot(secret: bytes, given: str, headers: Mapping[str, str], target: bytes, body: bytes, now: datetime) -> bool:
    at = headers.get("x-hubspot-request-timestamp", "")
    return _fresh(at, 1000, now) and _same(base64.b64encode(_mac(secret, target, body, at.encode())).decode(), given)


def _github(secret: bytes, given: str, _: Any, __: bytes, body: bytes, now: datetime) -> bool:
    return _same("sha256=" + _mac(secret, body).hex(), given)


def _fresh(text: str, unit: int, now: datetime) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 16 and abs(int(text) / unit - now.timestamp()) <= MAX_AGE_S


def _same(wanted: str, given: str) -> bool:
    return hmac.compare_digest(wanted.encode(), given.encode("utf-8", "replace"))


_SCHEMES = {"x-evalloop-signature": _own, "x-zendesk-webhook-signature": _zendesk,
            "x-hubspot-signature-v3": _hubspot, "x-hub-signature-256": _github}

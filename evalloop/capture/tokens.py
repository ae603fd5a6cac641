"""Short-lived tokens: a product's server lets a browser vote on one response, without a call to the collector.

A token is ``et_PAYLOAD.SIGNATURE``, both in base64url: JSON claims, and their HMAC-SHA256 under a key that is derived
from a secret key. Claims: ``k`` key id, ``r`` response id, ``x`` end in seconds since 1970, and if wanted ``u`` user
and ``t`` event types.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evalloop.errors import UsageError
from evalloop.store.keys import key_id, signing_key

PREFIX = "et_"
LIFETIME_S = 3 * 3600
MAX_LIFETIME_S = 7 * 86400


@dataclass(frozen=True)
class Token:
    """What a token says; believe it only after ``signed_with``."""

    key_id: str
    response_id: str
    ends: float
    user_key: str | None
    types: tuple[str, ...]
    payload: str
    signature: bytes

    def signed_with(self, key: bytes) -> bool:
        """True when the signature was made with this key."""
        return hmac.compare_digest(hmac.digest(key, self.payload.encode(), "sha256"), self.signature)


def sign(secret: str, response_id: str, *, user: str | None = None, types: Sequence[str] = (),
         lifetime_s: float = LIFETIME_S, now: float | None = None) -> str:
    """A token for one response, made with a secret key (``sk_...``); ``user`` is stored as a hash by the collector."""
    name = key_id(secret)
    if not name.startswith("sk_"):
        raise UsageError("tokens are signed with a secret key (sk_...)", fix="evalloop keys create sk")
    if not 0 < lifetime_s <= MAX_LIFETIME_S:
        raise UsageError("a token lives for at most seven days", fix="give a smaller lifetime_s")
    claims: dict[str, Any] = {"k": name, "r": response_id,
                              "x": int((time.time() if now is None else now) + lifetime_s)}
    if user is not None:
        claims["u"] = user
    if types:
        claims["t"] = list(types)
    payload = _encode(json.dumps(claims, separators=(",", ":")).encode())
    return f"{PREFIX}{payload}.{_encode(hmac.digest(signing_key(secret), payload.encode(), 'sha256'))}"


def read(text: str) -> Token | None:
    """The parts of a token; None for a text that is none."""
    payload, dot, signature = text.removeprefix(PREFIX).partition(".")
    try:
        claims = json.loads(_decode(payload))
        mark = _decode(signature)
    except (ValueError, binascii.Error, RecursionError):
        return None
    if not (text.startswith(PREFIX) and dot and isinstance(claims, dict)):
        return None
    name, response_id, ends, user = (claims.get(each) for each in ("k", "r", "x", "u"))
    types = claims.get("t", [])
    if not (isinstance(name, str) and isinstance(response_id, str) and isinstance(ends, int)
            and isinstance(user, str | None) and isinstance(types, list)):
        return None
    return Token(name, response_id, ends, user, tuple(map(str, types)), payload, mark)


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _decode(text: str) -> bytes:
    return base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)

"""Who sends a request: keys, tokens, origins and rates."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime

from starlette.requests import HTTPConnection

from evalloop.capture import tokens
from evalloop.capture.intake import Sender
from evalloop.records.key import Key
from evalloop.records.times import now_text
from evalloop.store.keys import KnownKey, key_id
from evalloop.web.answers import Refused

FRESH_S = 2.0
"""Seconds after which keys are read again: how long a revoked key may still work."""
SOON_S, LOOKS = 0.2, 10
"""An unknown key or origin is looked for at once, the same again after so many seconds, and so many of them in this
time: how often strangers can make us look."""


class Doorkeeper:
    """Knows all keys; ``load`` reads them from the store."""

    def __init__(self, load: Callable[[], Iterable[KnownKey]]) -> None:
        self._load = load
        self._keys: dict[str, KnownKey] = {}
        self._read_at = float("-inf")
        self._strangers: dict[str, float] = {}

    def keys(self, wanted: str = "") -> dict[str, KnownKey]:
        """All keys by id; read again when they are old, and at once when the ``wanted`` one is not among them."""
        now = time.monotonic()
        if now - self._read_at > FRESH_S or (wanted and wanted not in self._keys and self._may_look(wanted, now)):
            self._read(now)
        return self._keys

    def _read(self, now: float) -> None:
        self._keys = {known.key.key_id: known for known in self._load()}
        self._read_at = now

    def _may_look(self, wanted: str, now: float) -> bool:
        """True when a key that nobody knows, or one for an unknown origin, may have been made a moment ago."""
        self._strangers = {name: at for name, at in self._strangers.items() if now - at < SOON_S}
        if wanted in self._strangers or len(self._strangers) >= LOOKS:
            return False
        self._strangers[wanted] = now
        return True

    def admit(self, request: HTTPConnection, scope: str, now: datetime) -> tuple[Key, Sender]:
        """The key of a request that may do ``scope``, and on whose behalf it speaks; else Refused (401, 403)."""
        secret = secret_of(request)
        if secret.startswith(tokens.PREFIX):
            key, sender = self._by_token(secret, now)
        else:
            key = self._by_secret(secret)
            sender = Sender(key.key_id, public=key.kind == "pk", erases="erase" in key.scopes)
        _check_origin(key, request, token=sender.response_id is not None)
        if scope not in (("write",) if sender.public else key.scopes):
            raise Refused(403, f"this key may not {scope}", f"make a secret key with the scope {scope}: "
                                                            f"evalloop keys create sk --scope {scope}")
        return key, sender

    def _by_secret(self, secret: str) -> Key:
        name = key_id(secret)
        known = self.keys(name).get(name)
        if known is None or not known.opens(secret):
            raise Refused(401, "unknown key" if secret else "no key", "send `Authorization: Bearer KEY`; "
                                                                      "evalloop keys create makes one")
        return _usable(known)

    def _by_token(self, text: str, now: datetime) -> tuple[Key, Sender]:
        token = tokens.read(text)
        known = self.keys(token.key_id).get(token.key_id) if token else None
        if token is None or known is None or not token.signed_with(known.signing_key):
            raise Refused(401, "the token's signature is wrong", "sign it with a secret key of this collector")
        if token.ends <= now.timestamp():
            raise Refused(401, "the token has expired", "ask your server for a new one")
        return _usable(known), Sender(token.key_id, public=True, response_id=token.response_id,
                                      user_key=token.user_key, types=token.types)

    def allows_origin(self, origin: str) -> bool:
        """True when some key may be used from pages of that origin; one that none names is looked for at once too."""
        if self._some_key_fits(origin):
            return True
        now = time.monotonic()
        if not self._may_look(origin, now):
            return False
        self._read(now)
        return self._some_key_fits(origin)

    def _some_key_fits(self, origin: str) -> bool:
        now = now_text()
        return any(known.key.active(now) and (_fits(known.key, origin) or known.key.kind == "sk")
                   for known in self.keys().values())


def secret_of(request: HTTPConnection) -> str:
    """The key or token in the header, else in the query (beacons cannot send headers); empty without one."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip()
    return request.query_params.get("key", "") or request.query_params.get("token", "")


def _usable(known: KnownKey) -> Key:
    if not known.key.active(now_text()):
        raise Refused(401, "the key was revoked or has expired", "use the key that took its place")
    return known.key


def _check_origin(key: Key, request: HTTPConnection, *, token: bool) -> None:
    """Publishable keys come from their pages; secret keys never come from a page; tokens come from anywhere."""
    origin = request.headers.get("origin")
    if token:
        return
    if key.kind == "sk" and origin is not None:
        raise Refused(403, "a secret key was sent from a page", "revoke it, it is no secret any more; pages use a "
                                                                "publishable key or a token")
    if key.kind == "pk" and not _fits(key, origin):
        raise Refused(403, f"this key may not be used from {(origin or 'outside of a page')[:200]}",
                      "evalloop keys create pk --origin https://your.app")


def _fits(key: Key, origin: str | None) -> bool:
    """``*`` fits all, also requests without an origin; ``https://*.app.example`` fits each name below it."""
    for allowed in key.origins:
        if allowed == "*" or allowed == origin:
            return True
        scheme, star, rest = allowed.partition("*")
        if star and origin and origin.startswith(scheme) and origin.endswith(rest):
            middle = origin[len(scheme):len(origin) - len(rest)]
            if middle and not set(middle) & set("/:@"):
                return True
    return False

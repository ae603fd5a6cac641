"""The keys of collectors: made once and shown once, kept as hashes, revoked and rotated."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalloop.errors import UsageError
from evalloop.records.key import Key
from evalloop.records.times import now_text
from evalloop.store.database import transaction

if TYPE_CHECKING:
    from sqlalchemy import Engine, MetaData, RowMapping

PURPOSE = b"evalloop.token/1"


@dataclass(frozen=True)
class KnownKey:
    """A key with what is needed to check a secret (SHA-256 of it) and a token (the key that signs it)."""

    key: Key
    secret_hash: bytes
    signing_key: bytes

    def opens(self, secret: str) -> bool:
        """True for the right secret; takes the same time for any wrong one."""
        return hmac.compare_digest(self.secret_hash, _hash(secret))


def signing_key(secret: str) -> bytes:
    """The key that signs tokens, derived from a secret key by whoever holds that."""
    return hmac.digest(secret.encode(), PURPOSE, "sha256")


def key_id(secret: str) -> str:
    """The public part of a secret: ``pk_1a2b3c4d5e6f``; empty for a text that is no key."""
    parts = secret.split("_")
    return "_".join(parts[:2]) if len(parts) == 3 and parts[0] in ("pk", "sk") and all(parts) else ""


class Keys:
    """The table of keys in an open store."""

    def __init__(self, engine: Engine, metadata: MetaData) -> None:
        self._engine = engine
        self._table = metadata.tables["keys"]

    def create(self, kind: str, label: str, *, scopes: Sequence[str] = ("write",), origins: Sequence[str] = (),
               rate: float = 0.0, expires_at: str | None = None) -> tuple[Key, str]:
        """A new key and its secret, which cannot be had again."""
        from sqlalchemy import insert

        name = f"{kind}_{secrets.token_hex(6)}"
        secret = f"{name}_{secrets.token_hex(32)}"
        key = Key(name, "pk" if kind == "pk" else "sk", label, now_text(), tuple(scopes), tuple(origins), rate,
                  expires_at)
        row = {**dict.fromkeys(Key.__dataclass_fields__), **key.to_dict(), "scopes": json.dumps(scopes),
               "origins": json.dumps(origins), "secret_hash": _hash(secret), "signing_key": signing_key(secret)}
        with transaction(self._engine) as connection:
            connection.execute(insert(self._table).values(row))
        return key, secret

    def all(self) -> list[KnownKey]:
        """Every key, also those that no longer open anything, oldest first."""
        from sqlalchemy import select

        with self._engine.connect().execution_options(read_only=True) as connection:
            rows = connection.execute(select(self._table).order_by(self._table.c.created_at)).mappings()
            return [_known(row) for row in rows]

    def get(self, name: str) -> Key:
        """The key of that id; UsageError when there is none."""
        for known in self.all():
            if known.key.key_id == name:
                return known.key
        raise UsageError(f"no key {name!r}", fix="evalloop keys list shows them")

    def end(self, name: str, at: str) -> Key:
        """The key stops to open anything at ``at``: now (revoked) or later (rotated)."""
        from sqlalchemy import update

        self.get(name)
        with transaction(self._engine) as connection:
            column = "revoked_at" if at <= now_text() else "expires_at"
            connection.execute(update(self._table).where(self._table.c.key_id == name).values({column: at}))
        return self.get(name)


def _hash(secret: str) -> bytes:
    """Secrets are 256 random bits: one SHA-256 is enough."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).digest()


def _known(row: RowMapping) -> KnownKey:
    data: dict[str, Any] = {**row, "scopes": json.loads(row["scopes"]), "origins": json.loads(row["origins"])}
    return KnownKey(Key.from_dict(data), bytes(row["secret_hash"]), bytes(row["signing_key"]))

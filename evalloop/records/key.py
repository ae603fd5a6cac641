"""Key: who may send events, or read them; the secret itself is never kept."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from evalloop.records.base import Record

SCOPES = ("write", "read", "metrics", "webhook", "erase")


@dataclass(frozen=True)
class Key(Record):
    """One key of a collector.

    ``kind``: ``pk`` is publishable (for browsers: it may only add feedback and signals, from ``origins``), ``sk`` is a
    server's secret with ``scopes``. ``rate`` is events per second, 0 for no limit. Times are RFC 3339 texts in UTC.
    """

    key_id: str
    kind: Literal["pk", "sk"]
    label: str
    created_at: str
    scopes: tuple[str, ...] = ("write",)
    origins: tuple[str, ...] = ()
    rate: float = 0.0
    expires_at: str | None = None
    revoked_at: str | None = None

    def active(self, now: str) -> bool:
        """False once it is revoked or expired; ``now`` is a time text."""
        return not any(end is not None and end <= now for end in (self.expires_at, self.revoked_at))

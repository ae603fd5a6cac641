"""Event: one immutable fact from the product."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evalloop.records.base import Record

SCHEMA = "evalloop.event/1"
OTHERS = ("reviewer", "llm_judge", "code")
"""Sources whose acts are not those of the answer's user."""


@dataclass(frozen=True)
class Event(Record):
    """One row of the append-only log; the fields are those of ``schemas/event.schema.json``.

    ``occurred_at`` and ``received_at`` are RFC 3339 texts in UTC.
    """

    event_id: str
    event_type: str
    occurred_at: str
    source: Mapping[str, Any]
    subject: Mapping[str, Any]
    schema: str = SCHEMA
    received_at: str | None = None
    links: Mapping[str, Any] = field(default_factory=dict)
    actor: Mapping[str, Any] = field(default_factory=dict)
    consent: Mapping[str, Any] | None = None
    ask: Mapping[str, Any] | None = None
    context: Mapping[str, Any] = field(default_factory=dict)
    privacy: Mapping[str, Any] = field(default_factory=dict)
    payload: Mapping[str, Any] = field(default_factory=dict)

    @property
    def response_id(self) -> str | None:
        """The response this event speaks of, if any."""
        return self.subject.get("response_id")

    @property
    def session_id(self) -> str | None:
        """The session this event belongs to, if known."""
        return self.subject.get("session_id")

    @property
    def user_key(self) -> str | None:
        """The pseudonymous user (an HMAC), if known."""
        return self.actor.get("user_key")

    @property
    def purposes(self) -> frozenset[str]:
        """What the user allowed; without a consent block only counting is allowed."""
        if self.consent is None:
            return frozenset({"ops", "analytics"})
        return frozenset(self.consent.get("purposes", ()))

"""Sample events for tests of detectors: answers, and what users do about them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from evalloop.records.event import Event

CONSENT = {"basis": "consent", "purposes": ["ops", "analytics", "eval"]}


def moment(second: float) -> str:
    """A time in UTC: so many seconds after a Monday's midnight."""
    return (datetime(2026, 1, 5, tzinfo=UTC) + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def make_generation(response: str = "r1", second: float = 0, *, prompt: str = "how do I sort a list",
                    answer: str = "call sorted()", session: str | None = "s1", user: str | None = "u1",
                    **fields: Any) -> Event:
    """An answer to ``prompt``; further fields go over the event's own."""
    subject = {"level": "response", "response_id": response, "session_id": session}
    given = {"event_id": f"generation-{response}", "event_type": "generation.completed", "occurred_at": moment(second),
             "source": {"kind": "system"}, "subject": {key: value for key, value in subject.items() if value},
             "actor": {"user_key": user} if user else {}, "consent": CONSENT,
             "payload": {"input": {"messages": [{"role": "user", "content": prompt}]},
                         "output": {"messages": [{"role": "assistant", "content": answer}]}}}
    return Event(**{**given, **fields})


def make_event(kind: str, response: str = "r1", second: float = 1, *, user: str | None = "u1",
               payload: Mapping[str, Any] | None = None, **fields: Any) -> Event:
    """An event of that type about a response; further fields go over the event's own."""
    given = {"event_id": f"{kind}-{response}-{second}-{user}", "event_type": kind, "occurred_at": moment(second),
             "source": {"kind": "end_user"}, "subject": {"level": "response", "response_id": response},
             "actor": {"user_key": user} if user else {}, "consent": CONSENT, "payload": payload or {}}
    return Event(**{**given, **fields})

"""Outcomes that name only a task or a user find the response they were about, in a window, in any order of arrival."""

from __future__ import annotations

import random
from typing import Any

import pytest

from evalloop.records.event import Event
from evalloop.testing import joined_of as join


def act(name: str, kind: str, at: str, subject: dict[str, Any], user: str | None = None, **payload: Any) -> Event:
    """One event."""
    return Event(name, kind, f"2026-01-{at}:00:00.000000Z", {"kind": "system"}, {"level": "response", **subject},
                 actor={"user_key": user} if user else {}, payload=payload)


@pytest.mark.parametrize("seed", range(3))
def test_a_ticket_finds_the_last_session_of_its_user(seed: int) -> None:
    """The answers name no user, the votes do; the ticket goes to the last one within 72 hours, in any order."""
    events = [act("gen-1", "generation.completed", "05T10", {"response_id": "r-1", "session_id": "s-1"}),
              act("gen-2", "generation.completed", "06T10", {"response_id": "r-2", "session_id": "s-2"}),
              act("vote-1", "feedback.thumbs", "05T11", {"response_id": "r-1"}, "ada", value=1),
              act("vote-2", "feedback.thumbs", "06T11", {"response_id": "r-2"}, "ada", value=1),
              act("ticket", "outcome.ticket", "08T09", {"task_id": "t-1"}, "ada", status="failure"),
              act("late", "outcome.ticket", "20T09", {"task_id": "t-2"}, "ada", status="failure"),
              act("other", "outcome.ticket", "08T09", {"task_id": "t-3"}, "bob", status="failure")]
    random.Random(seed).shuffle(events)
    turns = {turn.response_id: [event.event_id for event in turn.events] for turn in join(events).turns}
    assert "ticket" in turns["r-2"]
    assert not {"late", "other"} & {name for names in turns.values() for name in names}


def test_a_deal_is_joined_by_its_task_before_its_user() -> None:
    """The task that both name wins, within the window that the outcome gives."""
    events = [act("gen-1", "generation.completed", "05T10", {"response_id": "r-1", "task_id": "deal-7"}, "ada"),
              act("gen-2", "generation.completed", "06T10", {"response_id": "r-2"}, "ada"),
              act("deal", "outcome.deal", "20T09", {"task_id": "deal-7"}, "ada", status="success"),
              act("soon", "outcome.deal", "20T09", {"task_id": "deal-7"}, "ada", status="success", window_s=3600)]
    turns = {turn.response_id: [event.event_id for event in turn.events] for turn in join(events).turns}
    assert "deal" in turns["r-1"]
    assert "soon" not in [*turns["r-1"], *turns["r-2"]]

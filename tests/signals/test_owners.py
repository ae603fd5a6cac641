"""Outcomes that name only a task or a user find the response they were about, in any order of arrival."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from evalloop.records.event import Event
from evalloop.signals.outcomes import Outcome
from evalloop.signals.threshold import with_thresholds
from evalloop.testing import joined_of as join
from evalloop.testing import signals_of


def act(name: str, kind: str, at: str, subject: dict[str, Any], user: str | None = None, **payload: Any) -> Event:
    """One event."""
    return Event(name, kind, f"2026-01-{at}:00:00.000000Z", {"kind": "system"}, {"level": "response", **subject},
                 actor={"user_key": user} if user else {}, payload=payload)


@pytest.mark.parametrize("seed", range(3))
def test_a_ticket_finds_the_last_session_of_its_user(seed: int) -> None:
    """The answers name no user, the votes do; a ticket goes to the last answer, in any order, and counts 72 hours."""
    events = [act("gen-1", "generation.completed", "05T10", {"response_id": "r-1", "session_id": "s-1"}),
              act("gen-2", "generation.completed", "06T10", {"response_id": "r-2", "session_id": "s-2"}),
              act("vote-1", "feedback.thumbs", "05T11", {"response_id": "r-1"}, "ada", value=1),
              act("vote-2", "feedback.thumbs", "06T11", {"response_id": "r-2"}, "ada", value=1),
              act("ticket", "outcome.ticket", "08T09", {"task_id": "t-1"}, "ada", status="failure"),
              act("late", "outcome.ticket", "20T09", {"task_id": "t-2"}, "ada", status="failure"),
              act("other", "outcome.ticket", "08T09", {"task_id": "t-3"}, "bob", status="failure")]
    random.Random(seed).shuffle(events)
    turns = {turn.response_id: [event.event_id for event in turn.events] for turn in join(events).turns}
    assert {"ticket", "late"} <= set(turns["r-2"])
    assert "other" not in {name for names in turns.values() for name in names}
    assert weights(Outcome(), [each for each in events if each.event_id != "late"]) == [0.8]
    assert weights(Outcome(), [each for each in events if each.event_id != "ticket"]) == [0.0]
    (wide,) = with_thresholds([Outcome()], ["outcome.ticket_h=400"])
    assert weights(wide, [each for each in events if each.event_id != "ticket"]) == [0.8]


def test_a_deal_is_joined_by_its_task_before_its_user() -> None:
    """The task that both name wins; later than the window that it gives itself, an outcome has weight 0."""
    events = [act("gen-1", "generation.completed", "05T10", {"response_id": "r-1", "task_id": "deal-7"}, "ada"),
              act("gen-2", "generation.completed", "06T10", {"response_id": "r-2"}, "ada"),
              act("deal", "outcome.deal", "20T09", {"task_id": "deal-7"}, "ada", status="success")]
    soon = act("soon", "outcome.deal", "20T10", {"task_id": "deal-7"}, "ada", status="success", window_s=3600)
    turns = {turn.response_id: [event.event_id for event in turn.events] for turn in join([*events, soon]).turns}
    assert turns["r-1"] == ["deal", "soon"]
    assert (weights(Outcome(), events), weights(Outcome(), [*events[:2], soon])) == ([0.8], [0.0])


def test_a_late_outcome_takes_nothing_from_one_in_time() -> None:
    """A ticket of 15 days later does not undo one within 72 hours, whether both name the answer or its user."""
    answer = act("gen-1", "generation.completed", "05T10", {"response_id": "r-1"}, "ada")
    for subjects in ({"task_id": "t-1"}, {"task_id": "t-2"}), ({"response_id": "r-1"}, {"response_id": "r-1"}):
        soon, late = (act(name, "outcome.ticket", at, subject, "ada", status=status) for name, at, status, subject
                      in zip(("soon", "late"), ("05T11", "20T11"), ("failure", "success"), subjects, strict=True))
        (signal,) = signals_of(Outcome(), [answer, soon, late])
        assert (signal.polarity, signal.weight, signal.event_ids) == (-1, 0.8, ("soon",))


def test_a_window_of_any_length_is_compared() -> None:
    """A window beyond what whole microseconds can count stops nothing."""
    events = [act("gen-1", "generation.completed", "05T10", {"response_id": "r-1"}),
              act("ticket", "outcome.ticket", "20T11", {"response_id": "r-1"}, status="failure", window_s=1e13)]
    assert weights(Outcome(), events) == [0.8]


def test_a_reviewer_owns_no_answer() -> None:
    """Answers without user and session that one person reviews are not that person's session."""
    events = [act(f"gen-{n}", "generation.completed", f"05T1{n}", {"response_id": f"r-{n}"}) for n in range(3)]
    events += [replace(act(f"judged-{n}", "judgment.result", f"06T1{n}", {"response_id": f"r-{n}"}, "rev", score=1),
                       source={"kind": "reviewer"}) for n in range(4)]
    turns = join(events).turns
    assert {turn.user_key for turn in turns} == {None}
    assert len({turn.session_id for turn in turns}) == 4


def weights(detector: Any, events: list[Event]) -> list[float]:
    """The weights of the signals of one detector."""
    return [each.weight for each in signals_of(detector, events)]

"""Outcomes that name only a task or a user find the response they were about, in any order of arrival."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from evalloop.engine import open_engine
from evalloop.records.event import Event
from evalloop.signals.capturing import slices
from evalloop.signals.derive import derive, together
from evalloop.signals.evidence import gather
from evalloop.signals.outcomes import Outcome
from evalloop.signals.threshold import with_thresholds
from evalloop.store.body import row_of
from evalloop.store.columns import arrow, schema
from evalloop.testing import evidence_of, signals_of
from evalloop.testing import joined_of as join


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


@pytest.mark.parametrize("seed", range(2))
def test_nameless_event_goes_to_the_last_answer_before_it_else_to_the_first_of_its_session(seed: int) -> None:
    """Whatever times are equal: of answers at one moment the later id counts; before all answers, the first."""
    chance = random.Random(seed)
    answers = [act(f"gen-{n}", "generation.completed", f"{chance.randint(10, 16)}T10", {
        "response_id": f"r-{n}", "session_id": f"s-{n % 2}", "task_id": f"t-{n % 3}"}, f"u-{n % 2}") for n in range(9)]
    names = [chance.choice([("session_id", "s-0"), ("task_id", "t-1"), ("task_id", "t-9")]) for _ in range(9)]
    told = [act(f"told-{n}", "outcome.deal", f"{chance.randint(9, 17):02}T10", {key: value}, "u-1", status="success")
            for n, (key, value) in enumerate(names)]
    expected: dict[str, str] = {}
    for event, (key, value) in zip(told, names, strict=True):
        mine = [each for each in answers if each.subject[key] == value] or [
            each for each in answers if each.actor["user_key"] == "u-1"]
        timed = sorted((each.occurred_at, each.subject["response_id"]) for each in mine)
        before = [name for at, name in timed if at <= event.occurred_at]
        if before or key == "session_id":
            expected[event.event_id] = before[-1] if before else timed[0][1]
    mixed = chance.sample([*answers, *told], 18)
    found = {each.event_id: turn.response_id for turn in join(mixed).turns for each in turn.events}
    assert found == expected


def test_time_and_memory_grow_with_one_users_events_alone() -> None:
    """Three thousand answers of one user and as many outcomes that name the user only fit into 100 MB."""
    answers = [act(f"gen-{n:04}", "generation.completed", "05T10", {"response_id": f"r-{n}"}, "bot")
               for n in range(3000)]
    told = [act(f"told-{n:04}", "outcome.task", "06T10", {"task_id": f"t-{n}"}, "bot", status="success")
            for n in range(3000)]
    rows = ((row_of(each.to_dict(), each.occurred_at).body, None) for each in [*answers, *told])
    with open_engine(memory="100MB", threads=2) as engine:
        engine.backend.raw_sql("set max_temp_directory_size = '0MB'")
        evidence = gather(engine, engine.rows([arrow(rows)], schema()))
        assert engine.count(evidence.acts) == 3000


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


def test_a_reviewer_knows_the_session_of_an_answer_though_not_its_user() -> None:
    """Code tells the session of two answers; where the user tells one too, that is theirs."""
    events = [act(f"gen-{n}", "generation.completed", f"05T1{n}", {"response_id": f"r-{n}"}) for n in range(3)]
    events += [replace(act(f"judged-{n}", "judgment.result", f"06T1{n}", {"response_id": f"r-{n}", "session_id": "s-1"},
                           "rev", score=1), source={"kind": "code"}) for n in range(3)]
    events += [act("vote", "feedback.thumbs", "05T13", {"response_id": "r-2", "session_id": "s-2"}, "ada", value=1)]
    sessions = {turn.response_id: (turn.session_id, turn.user_key) for turn in join(events).turns}
    assert sessions == {"r-0": ("s-1", None), "r-1": ("s-1", None), "r-2": ("s-2", "ada")}


def test_a_judgment_of_a_whole_session_is_no_lost_answer() -> None:
    """A reviewer's word on a session without answers is of that session, and no orphan of the capture rate."""
    judged = replace(act("judged", "judgment.result", "06T10", {"level": "session", "session_id": "s-9"}, "rev",
                         score=1), source={"kind": "reviewer"})
    events = [act("gen", "generation.completed", "05T10", {"response_id": "r-1", "session_id": "s-1"}, "ada"), judged]
    lost = {turn.response_id: (turn.session_id, turn.user_key) for turn in join(events).turns if not turn.generation}
    assert lost == {"session s-9": ("s-9", None)}
    evidence = evidence_of(events)
    assert {each.orphans for each in slices(evidence, together(derive(evidence, [Outcome()])))} == {0}


def weights(detector: Any, events: list[Event]) -> list[float]:
    """The weights of the signals of one detector."""
    return [each.weight for each in signals_of(detector, events)]

"""What forgetting erases from the log is what the evidence leaves out after an erasure."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalloop.records.event import Event
from evalloop.store.log import EventLog
from evalloop.store.traces import find
from evalloop.testing import evidence_of, make_event, make_generation
from evalloop.testing.events import moment

ERASED = "privacy.erased"
NOW = 5000


def erased(user: str = "u1", second: float = NOW) -> Event:
    """A user asks to be erased; the event comes when it happens."""
    return make_event(ERASED, "", second, user=user, subject={"level": "user"}, received_at=moment(second))


def act(response: str | None = "r1", second: float = 10, user: str | None = "u1", kind: str = "signal.copied",
        source: str = "end_user", **subject: Any) -> Event:
    """An event by somebody about an answer, or only about what ``subject`` says."""
    told = {"level": "response", **({"response_id": response} if response else {}), **subject}
    return make_event(kind, response or "", second, user=user, source={"kind": source}, subject=told)


def answer(response: str = "r1", second: float = 0, session: str | None = "s1", user: str | None = None,
           **fields: Any) -> Event:
    """An answer that names no user."""
    return make_generation(response, second, session=session, user=user, **fields)


def outcome(response: str | None = "r1", second: float = 20, **subject: Any) -> Event:
    """A system tells what became of a task."""
    return act(response, second, None, "outcome.task", "system", **subject)


def review(response: str | None = "r1", user: str | None = "rev", source: str = "reviewer", **subject: Any) -> Event:
    """A person, a judge or code looks at an answer."""
    return act(response, 30, user, "judgment.result", source, **subject)


def numbered(events: Any) -> list[Event]:
    """The events, each with an id of its own and a time of receipt."""
    ids = (f"e{number}" for number in count())
    return [replace(each, event_id=each.event_id if each.event_type == "generation.completed" else next(ids),
                    received_at=each.received_at or moment(1000)) for each in events]


def forgotten(log: EventLog, events: list[Event], *users: str) -> set[str]:
    """Ids of what is erased when one user after the other is forgotten."""
    from sqlalchemy import delete

    with log.store.engine.begin() as connection:
        connection.execute(delete(log.store.table))
    log.store.add(events)
    gone: set[str] = set()
    for user in users:
        found = find(log, {user}).events
        with log.store.engine.begin() as connection:
            connection.execute(delete(log.store.table).where(log.store.table.c.event_id.in_(found)))
        gone |= found
    return gone


def left_out(events: list[Event], *users: str) -> set[str]:
    """Ids of what counts without, but not with the erasure of these users."""
    def counted(log: list[Event]) -> set[str]:
        evidence = evidence_of(log)
        return {str(row["event_id"]) for row in evidence.engine.records(evidence.events.select("event_id"))}

    return counted(events) - counted([*events, *(erased(user) for user in users)])


def countable(events: list[Event]) -> set[str]:
    """Ids of the events that nothing replaced."""
    gone = {each.links.get("retracts") or each.links.get("supersedes") for each in events}
    return {each.event_id for each in events} - gone


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EventLog]:
    """An empty log."""
    place = tmp_path_factory.mktemp("log")
    with EventLog(str(place / "events.sqlite"), str(place / "lake")) as opened:
        yield opened


CASES: dict[str, tuple[list[Event], set[int]]] = {
    "an answer, its outcome and reviews go with who alone acted on it": (
        [answer(), act(), outcome(), review(), review(user=None, source="llm_judge"), review(user=None, source="code")],
        {0, 1, 2, 3, 4, 5}),
    "the session of an answer that the user acted on is the user's": (
        [answer("r1"), act("r1"), answer("r2", 5), outcome("r2"), review("r2")], {0, 1, 2, 3, 4}),
    "the session of an answer that names the user is the user's": (
        [answer("r1", user="u1"), answer("r2", 5), outcome("r2")], {0, 1, 2}),
    "a session where another user was is nobody's": (
        [answer("r1"), act("r1"), answer("r2", 5), outcome("r2"), act("r3", user="u2", session_id="s1")], {0, 1}),
    "another user's answer there makes it nobody's": (
        [answer("r1"), act("r1"), answer("r2", 5), answer("r3", 6, user="u2"), outcome("r3")], {0, 1}),
    "another's vote that was taken back was an act": (
        [answer(), act(), act(user="u2"), make_event("feedback.retracted", "r1", 40, user="u2",
                                                     links={"retracts": "e1"})], {1}),
    "one's own vote that was taken back was an act": (
        [answer(), act(), make_event("feedback.retracted", "r1", 40, links={"retracts": "e0"}), outcome()],
        {0, 1, 2, 3}),
    "the generation says whose it is, and others keep what names them": (
        [answer(user="u1"), act(user="u2"), outcome()], {0, 2}),
    "a review of another's answer stays": ([answer(user="u2"), act(), review(), outcome()], {1}),
    "a reviewer owns no answer": ([answer(), review(user="u1"), outcome()], {1}),
    "what names a session only is about the last answer before": (
        [answer("r1", 0, user="u1"), answer("r2", 100, user="u2"), outcome(None, 50, session_id="s1"),
         outcome(None, 150, session_id="s1")], {0, 2}),
    "what names a task only is about the last answer before": (
        [make_generation("r1", 0, subject={"level": "response", "response_id": "r1", "task_id": "t1"}),
         make_generation("r2", 9, user="u2", subject={"level": "response", "response_id": "r2", "task_id": "t1"}),
         outcome(None, 5, task_id="t1"), outcome(None, 15, task_id="t1")], {0, 2}),
    "a link speaks of that answer, whatever the subject": (
        [answer("r1", session="s1"), answer("r2", session="s2"),
         replace(act("r2"), links={"regenerate_of": "r1"}), outcome("r1"), outcome("r2")], {0, 2, 3}),
    "a name that two answers share means neither": (
        [answer("r1", subject={"level": "response", "response_id": "r1", "message_id": "m"}), act("r1"),
         answer("r2", session="s2", subject={"level": "response", "response_id": "r2", "message_id": "m"}),
         outcome(None, message_id="m"), outcome("r2", message_id="m")], {0, 1}),
    "an answer that came twice goes whole": (
        [answer(), answer(event_id="again", second=3), act(), outcome()], {0, 1, 2, 3}),
    "an answer that nobody knows is who acted on its": ([act("r9"), outcome("r9"), review("r9")], {0, 1, 2}),
    "an event whose clock is ahead goes too": (
        [answer(), act(), replace(outcome(second=NOW + 900), received_at=moment(1000)),
         replace(act(second=NOW + 900), received_at=moment(1000))], {0, 1, 2, 3}),
    "a link to an act is one to what that act speaks of": (
        [answer("r1"), act("r1"), replace(act(None, user=None, kind="signal.edited"), links={"edit_of": "e0"}),
         answer("r2", session="s2"), act("r2", user=None), replace(act(None), links={"rephrase_of": "e2"})],
        {0, 1, 2, 3, 4, 5}),
    "a change of consent is the user's, and no act": (
        [answer(), act(kind="consent.changed"), act(user="u2", kind="consent.changed"), act(user="u2"), outcome(),
         act("r8")], {1, 5}),
    "an event that names its user in the payload is the user's": (
        [answer(), make_event("signal.copied", user=None, payload={"user_key": "u1"})], {1}),
    "an answer whose clock is ahead goes too": ([answer(second=NOW + 900), act(second=NOW + 901)], {0, 1}),
}


@pytest.mark.parametrize("name", CASES)
def test_forgetting_and_evidence_agree(log: EventLog, name: str) -> None:
    """Each case by itself: which of the events are the first user's."""
    events, mine = CASES[name]
    events = numbered(events)
    expected = {events[place].event_id for place in mine}
    assert forgotten(log, events, "u1") == expected
    assert left_out(events, "u1") == expected & countable(events)


def test_what_only_erased_users_share_goes_with_the_last(log: EventLog) -> None:
    """Two users acted on an answer and in its session: it stays while one of them does."""
    events = numbered([answer(), act(), act(user="u2"), answer("r2", 5), outcome(), outcome("r2")])
    both = {each.event_id for each in events}
    for users in (["u1"], ["u2"]):
        own = {events[1 if users == ["u1"] else 2].event_id}
        assert forgotten(log, events, *users) == left_out(events, *users) == own
    assert forgotten(log, events, "u1", "u2") == left_out(events, "u1", "u2") == both


RESPONSES, SESSIONS, USERS = (st.sampled_from(each) for each in (
    ("r1", "r2", "r3"), (None, "s1", "s2"), (None, "u1", "u2")))
SECONDS = st.sampled_from((1, 5, 50, NOW + 500))


@st.composite
def acts(draw: st.DrawFn) -> Event:
    """A user's act, an outcome that names nobody, a review, or a word on a session alone."""
    response, session, second = draw(RESPONSES), draw(SESSIONS), draw(SECONDS)
    about = {"session_id": session} if session else {}
    kind = draw(st.sampled_from(("act", "act", "outcome", "review", "judge", "session")))
    if kind == "act":
        return act(response, second, draw(USERS), **about)
    if kind == "session":
        return act(None, second, draw(USERS), "outcome.task", session_id=session or "s1")
    if kind == "outcome":
        return outcome(response, second, **about)
    user, source = ("rev", "reviewer") if kind == "review" else (None, "llm_judge")
    return review(response, user, source, **about)


@st.composite
def logs(draw: st.DrawFn) -> list[Event]:
    """Up to three answers, with and without users and sessions, some acts, and perhaps one that is taken back."""
    answers = [answer(name, draw(SECONDS), draw(SESSIONS), draw(USERS))
               for name in draw(st.lists(RESPONSES, unique=True, max_size=3))]
    events = numbered([*answers, *draw(st.lists(acts(), max_size=6))])
    if len(events) > len(answers) and draw(st.booleans()):
        taken = draw(st.sampled_from(events[len(answers):]))
        events.append(make_event("feedback.retracted", user=taken.user_key, second=60, subject=taken.subject,
                                 links={"retracts": taken.event_id}, received_at=moment(1000)))
    return events


@settings(max_examples=int(os.environ.get("FORGET_EXAMPLES", "25")), deadline=None,
          suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(events=logs(), users=st.sampled_from((("u1",), ("u1", "u2"))))
def test_forgetting_and_evidence_agree_on_any_small_log(log: EventLog, events: list[Event],
                                                        users: tuple[str, ...]) -> None:
    """Whoever acted where: the same is erased as is left out."""
    assert forgotten(log, events, *users) & countable(events) == left_out(events, *users)

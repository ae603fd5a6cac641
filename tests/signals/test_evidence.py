"""Events find their response by any of its names, in any order, and make up sessions."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalloop.records.event import Event
from evalloop.signals import evalloop_detectors
from evalloop.testing import evidence_of, make_event, make_generation, signals_of

TRACE, SPAN = "a" * 32, "b" * 16
THUMBS = next(each for each in evalloop_detectors() if each.name == "thumbs")


def turns_of(*events: Event) -> dict[str, dict[str, Any]]:
    """The turns of some events by response."""
    evidence: Any = evidence_of(events)
    return {row["response_id"]: row for row in evidence.engine.records(evidence.turns)}


def acts_of(*events: Event) -> dict[str, list[str]]:
    """The ids of the events that speak of each response."""
    evidence: Any = evidence_of(events)
    found: defaultdict[str, list[str]] = defaultdict(list)
    for row in evidence.engine.records(evidence.acts.order_by("at_us", "event_id")):
        found[row["response_id"]].append(row["event_id"])
    return dict(found)


def counts_of(*events: Event, names: str) -> tuple[int, ...]:
    """Some of the counts."""
    return tuple(evidence_of(events).counts[name] for name in names.split())


def on_session(second: float, session: str, **fields: Any) -> Event:
    """An outcome of a session."""
    return make_event("outcome.task", "", second, subject={"level": "session", "session_id": session}, **fields)


@pytest.mark.parametrize("second", [0, 5])
def test_feedback_joins_late_or_early(second: float) -> None:
    """A vote that comes before its answer finds it all the same."""
    events = [make_event("feedback.thumbs", second=second), make_generation("r1", 3)]
    assert acts_of(*events) == {"r1": [events[0].event_id]}
    assert counts_of(*events, names="turns about orphans") == (1, 1, 0)


@pytest.mark.parametrize("subject", [
    {"level": "response", "response_id": "r1"}, {"level": "response", "response_id": "provider-1"},
    {"level": "response", "provider_response_id": "provider-1"}, {"level": "message", "message_id": "m1"},
    {"level": "span", "trace_id": TRACE, "span_id": SPAN}, {"level": "span", "trace_id": TRACE},
    {"level": "turn", "session_id": "s1", "turn_index": 0}])
def test_response_is_found_by_each_of_its_names(subject: dict[str, Any]) -> None:
    """Response, provider's id, message, span, trace and place in the session all lead to it."""
    named = {"level": "response", "response_id": "r1", "provider_response_id": "provider-1", "message_id": "m1",
             "trace_id": TRACE, "span_id": SPAN, "session_id": "s1", "turn_index": 0}
    events = [make_generation("r1", subject=named), make_event("feedback.thumbs", subject=subject)]
    assert list(acts_of(*events)) == ["r1"]
    assert counts_of(*events, names="about orphans") == (1, 0)


def test_name_shared_by_two_responses_names_neither() -> None:
    """A trace with two answers does not guess."""
    both = [make_generation(name, subject={"level": "response", "response_id": name, "trace_id": TRACE})
            for name in ("r1", "r2")]
    events = [*both, make_event("feedback.thumbs", subject={"level": "span", "trace_id": TRACE})]
    assert counts_of(*events, names="orphans") == (1,)
    assert list(acts_of(*events)) == [f"trace {TRACE}"]


def test_orphan_is_never_called_as_a_known_answer_is() -> None:
    """A response id that is a trace's too: a vote on the trace, which two answers share, makes a turn of its own."""
    both = [make_generation(name, subject={"level": "response", "response_id": name, "trace_id": TRACE})
            for name in (TRACE, "r2")]
    vote = make_event("feedback.thumbs", subject={"level": "span", "trace_id": TRACE}, payload={"value": -1})
    assert turns_of(*both, vote).keys() == {TRACE, "r2", f"trace {TRACE}"}
    assert len(signals_of(THUMBS, [*both, vote])) == 1


def test_message_id_may_be_the_response_id() -> None:
    """Whose answers have no message id and whose votes have nothing else means the answer of that id."""
    vote = make_event("feedback.thumbs", subject={"level": "message", "message_id": "r1"})
    assert acts_of(make_generation("r1"), vote) == {"r1": [vote.event_id]}
    assert counts_of(make_generation("r1"), vote, names="turns orphans") == (1, 0)


def test_link_to_an_unknown_answer_is_not_about_the_new_one() -> None:
    """Another answer was asked for instead of one that was not captured: nothing is said of the new one."""
    again = make_event("signal.regenerated", "r2", 5, links={"regenerate_of": "r1"})
    assert acts_of(make_generation("r2"), again) == {"r1": [again.event_id]}
    assert counts_of(make_generation("r2"), again, names="turns orphans") == (1, 1)


@pytest.mark.parametrize("about", [{}, {"response_id": "r1"}])
@pytest.mark.parametrize(("kind", "links"), [
    ("signal.edited", {"edit_of": "accept-1"}), ("signal.edited", {"edit_of": "accept-2"}),
    ("signal.edited", {"edit_of": "generation-r1"}), ("signal.edited", {"edit_of": "m1"}),
    ("signal.rephrased", {"rephrase_of": "m1"}), ("signal.rephrased", {"rephrase_of": "provider-1"}),
    ("signal.regenerated", {"regenerate_of": "generation-r1"}), ("signal.regenerated", {"regenerate_of": "m1"})])
def test_link_names_an_answer_by_its_message_its_event_or_an_act_on_it(
        kind: str, links: dict[str, str], about: dict[str, str]) -> None:
    """Whatever the link is of the answer, that one is meant; the subject may be another or none."""
    named = {"level": "response", "response_id": "r1", "message_id": "m1", "provider_response_id": "provider-1"}
    events = [make_generation("r1", subject=named), make_generation("r2", 3),
              make_event("signal.accepted", "r1", 4, event_id="accept-1"),
              make_event("signal.accepted", "", 5, event_id="accept-2", subject={"level": "message",
                                                                              "message_id": "m1"}),
              make_event(kind, "", 6, links=links, event_id="linked", subject={"level": "session", "session_id": "s1",
                                                                              **about})]
    assert acts_of(*events) == {"r1": ["accept-1", "accept-2", "linked"]}
    assert counts_of(*events, names="orphans") == (0,)


def test_edit_of_the_unknown_is_of_its_subject_but_no_new_answer_stands_for_the_old() -> None:
    """An edit names the edited answer itself; the answer to a rephrased message is another than the one that failed."""
    edited = make_event("signal.edited", "r1", 5, links={"edit_of": "nobody knows"})
    again = make_event("signal.rephrased", "r1", 6, links={"rephrase_of": "m0"})
    assert acts_of(make_generation(), edited, again) == {"r1": [edited.event_id], "m0": [again.event_id]}


def test_edit_of_an_act_on_an_orphan_is_with_that_orphan() -> None:
    """The acceptance and the edit of a text whose answer was not captured are one turn."""
    accepted = make_event("signal.accepted", "gone", event_id="accept-1")
    edited = make_event("signal.edited", "", 5, subject={"level": "session", "session_id": "s1"},
                        links={"edit_of": "accept-1"})
    circle = [make_event("signal.edited", "", second, subject={"level": "session", "session_id": "s1"},
                         event_id=f"edit-{second}", links={"edit_of": f"edit-{17 - second}"}) for second in (8, 9)]
    assert acts_of(accepted, edited)["gone"] == ["accept-1", edited.event_id]
    assert len(acts_of(*circle)) == 2


def test_orphans_are_kept_and_counted() -> None:
    """Feedback without its answer is a turn without a generation."""
    events = [make_event("feedback.thumbs", "gone"), make_event("signal.copied", "gone", 2), make_generation("r1")]
    turns = turns_of(*events)
    assert turns["gone"]["event_id"] is None
    assert turns["r1"]["event_id"] == "generation-r1"
    assert len(acts_of(*events)["gone"]) == 2
    assert counts_of(*events, names="orphans about turns") == (2, 2, 1)


def test_event_on_a_session_goes_to_the_answer_before_it() -> None:
    """An outcome of the session is kept with the last answer before it; without answers, with the session."""
    events = [make_generation("r1", 1), make_generation("r2", 5), on_session(3, "s1"), on_session(9, "s1"),
              on_session(2, "s9"), on_session(0.5, "s1")]
    assert {name: len(ids) for name, ids in acts_of(*events).items()} == {"r1": 2, "r2": 1, "session s9": 1}
    assert counts_of(*events, names="session_level about") == (4, 0)


def test_outcome_of_a_task_or_a_user_finds_the_answer_before_it() -> None:
    """A deal known by its task or its user only belongs to the last answer before; a later answer has no part in it."""
    def deal(**subject: Any) -> Event:
        return make_event("outcome.deal", "", 50, subject=subject, payload={"success": True})

    answers = [make_generation("r1", 1, subject={"level": "response", "response_id": "r1", "task_id": "t1"}),
               make_generation("r2", 9), make_generation("r3", 99)]
    assert list(acts_of(*answers, deal(level="task", task_id="t1"))) == ["r1"]
    assert list(acts_of(*answers, deal(level="user"))) == ["r2"]


def test_staff_and_doubled_answers_are_left_out_and_counted() -> None:
    """Internal traffic is no evidence; of two answers under one id the first stays."""
    events = [make_generation("r1", 4, event_id="generation-again", answer="later"), make_generation("r1"),
              make_event("feedback.thumbs", actor={"user_key": "u", "internal": True})]
    assert counts_of(*events, names="internal doubled turns") == (1, 1, 1)
    assert acts_of(*events) == {}
    assert turns_of(*events)["r1"]["event_id"] == "generation-r1"


def test_next_message_follows_and_a_new_try_does_not() -> None:
    """``following`` is the user's next message; a regenerated answer to the same message is passed over."""
    events = [make_generation("r1", 0, prompt="first"),
              make_generation("r2", 5, prompt="first", links={"regenerate_of": "r1"}),
              make_generation("r2b", 7, prompt="first", links={"regenerate_of": "r1"}),
              make_generation("r3", 9, prompt="second"), make_generation("x1", 7, prompt="else", session="s2")]
    follows = {name: turn["following_event"] for name, turn in turns_of(*events).items()}
    assert follows == {"r1": "generation-r3", "r2": "generation-r3", "r2b": "generation-r3", "r3": None, "x1": None}
    assert acts_of(*events) == {"r1": ["generation-r2", "generation-r2b"]}
    evidence: Any = evidence_of(events)
    said = {row["response_id"]: row["following"] for row in evidence.engine.records(evidence.dialogue())}
    assert said == {"r1": "second", "r2": "second", "r2b": "second"}


def named(response: str, second: float, provider: str, **fields: Any) -> Event:
    """An answer with an id of the provider's beside its own."""
    return make_generation(response, second, subject={"level": "response", "response_id": response, "session_id": "s1",
                                                      "provider_response_id": provider}, **fields)


@pytest.mark.parametrize("link", ["r1", "provider-1"])
def test_new_try_names_the_answer_before_it_by_either_of_its_ids(link: str) -> None:
    """The provider's id means the same answer as the product's own: no fresh turn, and an act on that answer."""
    events = [named("r1", 0, "provider-1", prompt="first"),
              named("r2", 5, "provider-2", prompt="first", links={"regenerate_of": link}),
              named("r3", 9, "provider-3", prompt="second")]
    turns = turns_of(*events)
    assert turns["r2"]["regenerate_of"] == "r1"
    assert {name: turn["following_event"] for name, turn in turns.items()} == {
        "r1": "generation-r3", "r2": "generation-r3", "r3": None}
    assert acts_of(*events) == {"r1": ["generation-r2"]}


def test_link_that_two_answers_share_or_none_has_stays_as_it_was_said() -> None:
    """Nothing is guessed of which answer is replaced; an answer does not replace itself."""
    again = [named(f"r{number}", number, f"p{number}", links={"regenerate_of": link})
             for number, link in ((3, "both"), (4, "gone"), (5, "p5"))]
    events = [named("r1", 0, "both"), named("r2", 1, "both"), *again]
    turns = turns_of(*events)
    assert [turns[name]["regenerate_of"] for name in ("r3", "r4", "r5")] == ["both", "gone", "r5"]
    assert acts_of(*events) == {}


def test_message_without_an_answer_follows_too() -> None:
    """A closing message comes as an event of its own."""
    evidence: Any = evidence_of([make_generation("r1"),
                                 make_event("signal.followup", payload={"text": "that is wrong"})])
    assert [row["following"] for row in evidence.engine.records(evidence.dialogue())] == ["that is wrong"]


def test_regeneration_speaks_of_the_answer_it_replaces() -> None:
    """The link comes before the subject, which is the new answer."""
    again = make_event("signal.regenerated", "r2", 3, links={"regenerate_of": "r1"})
    assert acts_of(make_generation("r1"), make_generation("r2", 3), again) == {"r1": [again.event_id]}


@pytest.mark.parametrize(("content", "text"), [
    ("plain", "plain"), ([{"type": "text", "text": "a"}, {"type": "text", "content": "b"}, "c"], "a\nb\nc"),
    ([{"type": "image"}], None), (None, None), (7, None)])
def test_contents_of_messages_are_read(content: Any, text: str | None) -> None:
    """Plain texts and lists of parts; what is no text is passed over."""
    payload = {"input": {"messages": [{"role": "user", "content": "old"}, {"role": "user", "content": content}]}}
    evidence: Any = evidence_of([make_generation(payload=payload)])
    assert [row["said"] for row in evidence.engine.records(evidence.words())] == [text]


# ---- sessions --------------------------------------------------------------------------------------------------------


def test_sessions_are_stitched_by_user_and_idle_gap() -> None:
    """Without ids, answers of a user at most half an hour apart are one session; nobody else's join it."""
    def at(second: float, user: str | None, session: str | None = None) -> Event:
        return make_generation(f"r{second}{user}", second, user=user, session=session)

    turns = turns_of(at(0, "a"), at(1800, "a"), at(3601, "a"), at(10, "b"), at(20, None), at(30, None),
                     at(40, "a", "s"))
    sessions = {name: turn["session_id"] for name, turn in turns.items()}
    assert sessions["r0a"] == sessions["r1800a"] != sessions["r3601a"]
    assert len({sessions[name] for name in ("r0a", "r3601a", "r10b", "r20None", "r30None", "r40a")}) == 6
    assert [turns[name]["stitched"] for name in ("r0a", "r20None", "r40a")] == ["idle", "single", "given"]
    assert [turns[name]["place"] for name in ("r0a", "r1800a", "r3601a")] == [0, 1, 0]


def test_session_and_user_may_be_told_by_acts_only() -> None:
    """A gateway logs the answer, the browser knows who and where: the turn has both."""
    vote = make_event("feedback.thumbs", "r1", user="u7", payload={"value": 1},
                      subject={"level": "response", "response_id": "r1", "session_id": "s7"})
    turn = turns_of(make_generation("r1", session=None, user=None), vote)["r1"]
    assert (turn["session_id"], turn["user_key"], turn["stitched"]) == ("s7", "u7", "given")


def test_time_zones_and_clocks_do_no_harm() -> None:
    """Moments are compared, not texts; an act dated before its answer by a wrong clock still speaks of it."""
    early = make_generation("r1", occurred_at="2026-01-05T12:00:00+02:00")
    late = make_generation("r2", occurred_at="2026-01-05T10:30:00Z", prompt="next")
    skewed = make_event("feedback.thumbs", "r2", payload={"value": -1}, occurred_at="2026-01-05T03:00:00Z")
    turns = turns_of(skewed, late, early)
    assert [turns[name]["place"] for name in ("r1", "r2")] == [0, 1]
    assert turns["r1"]["following_event"] == "generation-r2"
    assert acts_of(skewed, late, early) == {"r2": [skewed.event_id]}


# ---- any way of sending ----------------------------------------------------------------------------------------------

DETECTORS = evalloop_detectors()
POOL = [
    make_generation("r1"), make_generation("r2", 40, prompt="how can I sort the list?", links={"regenerate_of": "r1"}),
    make_generation("r3", 60, prompt="no, that does not work"), make_generation("r3", 61, event_id="generation-copy"),
    named("r7", 30, "p7"), named("r8", 35, "p8", links={"regenerate_of": "p7"}),
    make_generation("r4", 80, session=None), make_generation("r5", 4000, session=None, user="u2"),
    make_event("feedback.thumbs", payload={"value": 1}), make_event("feedback.thumbs", second=3, payload={"value": -1}),
    make_event("signal.copied", "r3", 62, payload={"chars": 9}), make_event("signal.stopped", "r4", 81),
    make_event("feedback.comment", "lost", 2, payload={"text": "no, wrong"}), on_session(70, "s1", payload={
        "status": "failure"}),
    make_event("signal.edited", "r3", 65, payload={"delay_ms": 5000, "after": "call sorted(x)"}),
    make_event("signal.accepted", "r3", 63, payload={"time_to_accept_ms": 900}),
    make_event("response.viewed", "r1", 30, payload={"focused_ms": 31_000}),
    make_event("response.viewed", "r5", 4002, payload={"focused_ms": 900}),
    make_event("response.viewed", "r5", 9000, payload={"focused_ms": 4100}), make_generation("r6", 7000, user="u3"),
    make_event("feedback.retracted", "", 9, links={"retracts": "feedback.thumbs-r1-3-u1"}, subject={
        "level": "response", "response_id": "r1"}),
    make_event("consent.changed", "", 90, subject={"level": "user"}, consent={"basis": "consent", "purposes": ["ops"]}),
    make_event("privacy.erased", "", 5000, user=None, subject={"level": "user"}, payload={"user_key": "u2"})]


@settings(max_examples=6, deadline=None)
@given(st.lists(st.sampled_from(POOL), unique_by=id, min_size=4), st.integers(0, 99))
def test_order_of_arrival_does_not_matter(events: list[Event], seed: int) -> None:
    """Any order of the same events gives the same turns, acts and signals."""
    mixed = random.Random(seed).sample(events, len(events))
    assert turns_of(*mixed) == turns_of(*events)
    assert acts_of(*mixed) == acts_of(*events)
    for detector in DETECTORS:
        assert signals_of(detector, mixed) == signals_of(detector, events)

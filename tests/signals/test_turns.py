"""Turns travel one after the other, and what speaks of them keeps step."""

from __future__ import annotations

import random

import pytest

from evalloop.signals import evalloop_detectors
from evalloop.signals.derive import records, run
from evalloop.signals.turns import InStep, first_answers, in_order, turns
from evalloop.signals.weighted import TrustOptions, weigh_evidence
from evalloop.testing import evidence_of, make_event, make_generation

VOTES = [each for each in evalloop_detectors() if each.name == "thumbs"]


def talk(users: int = 3, answers: int = 4) -> list:
    """A session of each user with a vote against every second answer."""
    events = []
    for user in range(users):
        for number in range(answers):
            name = f"r{user}-{number}"
            events.append(make_generation(name, 60 * number, user=f"u{user}", session=f"s{user}",
                                          prompt=f"ask {number}"))
            if number % 2:
                events.append(make_event("feedback.thumbs", name, 60 * number + 5, user=f"u{user}",
                                         payload={"value": -1}))
    return events


def test_rows_keep_step_with_those_who_ask() -> None:
    """Each key has its rows, a key without rows has none, and asking does not run ahead."""
    read = []

    def rows():
        for key in "aabd":
            read.append(key)
            yield key

    step = InStep(rows(), str)
    assert read == ["a"]
    assert step.of("a") == ["a", "a"]
    assert read == ["a", "a", "b"]
    assert [step.of(key) for key in "bcd"] == [["b"], [], ["d"]]


def test_every_turn_has_its_own_events_and_signals_in_any_order_of_arrival() -> None:
    """Turns, events and signals are read as three streams that stay together."""
    events = talk()
    random.Random(1).shuffle(events)
    evidence = evidence_of(events)
    found = list(turns(evidence))
    assert [each.response_id for each in found] == [f"r{user}-{number}" for user in range(3) for number in range(4)]
    assert all([event.response_id for event in each.events] == [each.response_id] * int(each.response_id[-1] in "13")
               for each in found)
    (votes,) = (run(each, evidence) for each in VOTES)
    step = InStep(records(evidence, votes, in_order(evidence)), lambda signal: signal.response_id)
    assert [len(step.of(each.response_id)) for each in found] == [0, 1, 0, 1] * 3


def test_first_answers_of_a_time() -> None:
    """Of each user in a time, so many, the earliest first."""
    evidence = evidence_of(talk())
    since, until = "2026-01-05T00:01:00.000000Z", "2026-01-05T00:03:00.000000Z"
    one, all_of_them = ([row["response_id"] for row in evidence.engine.records(
        first_answers(evidence, since, until, count))] for count in (1, 9))
    assert sorted(one) == ["r0-1", "r1-1", "r2-1"]
    assert sorted(all_of_them) == ["r0-1", "r0-2", "r1-1", "r1-2", "r2-1", "r2-2"]


@pytest.mark.parametrize(("history", "lengths"), [(8, [2, 6]), (2, [2, 4]), (0, [0, 0])])
def test_a_failure_carries_as_many_earlier_turns_as_are_wanted(history: int, lengths: list[int]) -> None:
    """Messages before the second and the fourth answer; words, purposes and weight do not depend on it."""
    events = talk(users=1)
    evidence = evidence_of(events)
    signals = {f"{each.name}@{each.version}": run(each, evidence) for each in VOTES}
    whole = weigh_evidence(evidence, signals).failures
    found = weigh_evidence(evidence, signals, options=TrustOptions(history=history)).failures
    assert [len(each.history) for each in found] == lengths
    assert [(each.text, each.weight, each.consent_purposes) for each in found] == [
        (each.text, each.weight, each.consent_purposes) for each in whole]


def test_a_request_for_another_answer_is_known_of_turns_that_did_not_fail() -> None:
    """Of two answers to one message the last is history, where only an act says that the second is a new try."""
    events = [make_generation("r0", 0, prompt="same"), make_generation("r1", 60, prompt="same"),
              make_generation("r2", 120, prompt="other"),
              make_event("feedback.thumbs", "r2", 125, payload={"value": -1})]
    again = make_event("signal.regenerated", "r1", 50, links={"regenerate_of": "r0"})

    def length(*log):
        evidence = evidence_of(log)
        (found,) = weigh_evidence(evidence, {"thumbs@2": run(VOTES[0], evidence)}).failures
        return len(found.history)

    assert (length(*events), length(*events, again)) == (4, 2)

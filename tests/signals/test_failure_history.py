"""What a failure carries along: the conversation before it and the user's own answer."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from evalloop.records.event import Event
from evalloop.records.failure import Failure
from evalloop.records.signal import Signal
from evalloop.records.turn import Turn
from evalloop.signals.failures import failing

ALL = ("ops", "eval")


def turn(number: int, prompt: str = "", purposes: tuple[str, ...] = ALL, events: tuple[Event, ...] = (),
         **more: Any) -> Turn:
    """A turn of one session."""
    generation = Event(f"g{number}", "generation.completed", "2026-11-23T10:00:00Z", {}, {"response_id": f"r{number}"},
                       consent={"purposes": list(purposes)}, payload=more.pop("payload", {}))
    given = {"turn_index": number, "generation": generation, "events": events, **more}
    return Turn(f"r{number}", "s", "u", "2026-11-23T10:00:00Z", prompt or f"ask {number}", f"answer {number}", **given)


def history(*turns: Turn) -> list[str]:
    """What the last turn, which failed, carries along."""
    (found,) = failures(list(turns), let_down(len(turns) - 1))
    return [each["content"] for each in found.history]


def let_down(number: int, **more: Any) -> Signal:
    """A signal against one turn."""
    return Signal(f"s{number}", "thumbs@1", "explicit", -1.0, 1.0, "2026-11-23T10:00:00Z", response_id=f"r{number}",
                  event_ids=(f"g{number}",), **more)


def failures(turns: list[Turn], signal: Signal) -> list[Failure]:
    """What becomes of turns of which one signal is against one."""
    row = {"response_id": signal.response_id, "teller": "u", "at_us": 0, "weight": 1.0, "probability": 0.8,
           "design": 0.0, "asked_only": False, "set_apart": False}
    return list(failing((each, [signal], row) if each.response_id == signal.response_id else (each, [], None)
                        for each in turns))


def test_the_conversation_before_is_kept_with_its_events() -> None:
    """Earlier turns come as messages, in order; their events are evidence that can be erased."""
    (found,) = failures([turn(0), turn(1), turn(2)], let_down(2))
    assert [each["content"] for each in found.history] == ["ask 0", "answer 0", "ask 1", "answer 1"]
    assert found.event_ids == ("g0", "g1", "g2")


def test_nothing_is_kept_from_before_a_turn_that_allows_less() -> None:
    """Consent of earlier turns counts too."""
    (found,) = failures([turn(0), turn(1, purposes=("ops",)), turn(2), turn(3)], let_down(3))
    assert [each["content"] for each in found.history] == ["ask 2", "answer 2"]


def test_two_messages_of_the_same_words_are_two_turns() -> None:
    """Who says "continue" twice had two answers; both are part of the talk."""
    assert history(turn(0), turn(1, "continue"), turn(2, "continue"), turn(3, "continue")) == [
        "ask 0", "answer 0", "continue", "answer 1", "continue", "answer 2"]


def test_a_regenerated_answer_is_no_history() -> None:
    """Of several tries for one message the last is part of the talk, whichever of them each one names."""
    for first in ("r1", "r2"):
        tries = [turn(0), turn(1, "same"), turn(2, "same", regenerate_of="r1"), turn(3, "same", regenerate_of=first)]
        assert history(*tries) == ["ask 0", "answer 0"]
        assert history(*tries, turn(4)) == ["ask 0", "answer 0", "same", "answer 3"]


@pytest.mark.parametrize("retry", [
    {"events": (Event("again", "signal.regenerated", "2026-11-23T10:00:00Z", {}, {}),)},
    {"payload": {"finish_reason": "error"}}, {"turn_index": 2}])
def test_a_new_try_without_a_link_is_one_where_the_log_says_so(retry: dict[str, Any]) -> None:
    """Another answer was asked for, none came, or both have one place in the session; other words are a new turn."""
    assert history(turn(0), turn(1, "same", **retry), turn(2, "same")) == ["ask 0", "answer 0"]
    assert history(turn(0), turn(1, "one", **retry), turn(2, "other")) == ["ask 0", "answer 0", "one", "answer 1"]


def test_the_last_correction_counts() -> None:
    """What the user wrote instead becomes the failure's correction, unless its signal does not count."""
    events = tuple(Event(f"c{number}", "feedback.correction", "2026-11-23T10:00:00Z", {}, {}, payload={"ideal": text})
                   for number, text in enumerate(("Rome", "Paris", " ", "BUY")))
    told = replace(let_down(0), event_ids=("c0", "c1", "c2"))
    (found,) = failures([turn(0, events=events)], told)
    assert (found.correction, found.event_ids) == ("Paris", ("c0", "c1", "c2", "g0"))

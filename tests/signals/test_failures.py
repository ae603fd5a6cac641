"""Failures are the turns where the evidence is against the answer."""

from __future__ import annotations

from typing import Any

import pytest

from evalloop.records.event import Event
from evalloop.records.failure import Failure
from evalloop.signals import evalloop_detectors
from evalloop.signals.derive import derive
from evalloop.signals.failures import failures
from evalloop.testing import evidence_of, make_event, make_generation


def of(*events: Event) -> list[Failure]:
    """The failures among some events."""
    evidence: Any = evidence_of(events)
    names = ("thumbs", "copy", "rephrase", "reply")
    return list(failures(evidence, derive(evidence, [each for each in evalloop_detectors() if each.name in names])))


def down(text: str = "", **fields: Any) -> Event:
    """A thumb down."""
    return make_event("feedback.thumbs", payload={"value": -1, **({"text": text} if text else {})}, **fields)


def test_negative_sum_is_a_failure_and_positive_is_not() -> None:
    """A copy in full outweighs a rephrasing, a thumb down outweighs the copy."""
    copy = make_event("signal.copied", second=2, payload={"chars": 9, "total": 9})
    again = make_generation("r2", 60, prompt="how can I sort the list?")
    assert of(make_generation(), copy, again) == []
    (failure,) = of(make_generation(), copy, again, down())
    assert failure.response_id == "r1"


@pytest.mark.parametrize(("events", "text"), [
    ([down("no index"), make_generation("r2", 60, prompt="how can I sort the list?")], "no index"),
    ([down(), make_generation("r2", 600, prompt="no, by the second column")], "no, by the second column"),
    ([down(), make_generation("r2", 600, prompt="and in reverse")], "and in reverse"),
    ([down()], "how do I sort a list")])
def test_text_is_the_users_own(events: list[Event], text: str) -> None:
    """Words on the answer first, then the next message, then the prompt."""
    assert of(make_generation(), *events)[0].text == text


def test_purposes_are_those_that_all_evidence_allows() -> None:
    """One event without consent closes the failure to evaluation."""
    (open_one,) = of(make_generation(), down())
    assert open_one.consent_purposes == ("analytics", "eval", "ops")
    (closed,) = of(make_generation(), down(consent=None))
    assert closed.consent_purposes == ("analytics", "ops")


def test_failure_names_its_evidence() -> None:
    """The events against the answer and the answer itself, never those for it."""
    (failure,) = of(make_generation(), down(), make_event("feedback.thumbs", second=5, user="u2", payload={"value": 1}),
                    make_event("feedback.thumbs", second=6, user="u3", payload={"value": -1}))
    assert failure.event_ids == ("feedback.thumbs-r1-1-u1", "feedback.thumbs-r1-6-u3", "generation-r1")
    assert (failure.prompt, failure.response) == ("how do I sort a list", "call sorted()")
    assert failure.user_key == "u1"


def test_ids_are_stable_and_follow_the_response() -> None:
    """More evidence does not make another failure."""
    (one,), (two,) = of(make_generation(), down()), of(make_generation(), down(), down("worse", user="u2"))
    assert one.failure_id == two.failure_id


def test_real_failures_have_words(dialogues: Any, programmers: Any) -> None:
    """In the real data scores of turns fail, each with text and consent to evaluation."""
    for (evidence, signals), fewest in ((dialogues, 180), (programmers, 60)):
        found = list(failures(evidence, signals))
        assert len(found) > fewest
        assert all(each.text and "eval" in each.consent_purposes for each in found)
        assert len({each.failure_id for each in found}) == len(found)


def test_failures_agree_with_the_annotators(dialogues: Any) -> None:
    """Of the failures that annotators judged, four in five correct the answer; three in four corrections are found."""
    evidence, signals = dialogues
    found = {each.response_id for each in failures(evidence, signals)}
    judged = evidence.of_type("judgment.result")
    means = judged.group_by("response_id").aggregate(score=judged.value.mean())
    scores = {row["response_id"]: row["score"] for row in evidence.engine.records(means)}
    corrected = {response for response, score in scores.items() if score < 0.5}
    hits = len(found & corrected)
    assert len(scores) == 584
    assert hits > 0.8 * len(found & set(scores))
    assert hits > 0.75 * len(corrected)


def turn(number: int, prompt: str = "", **fields: Any) -> Event:
    """A turn of one session."""
    return make_generation(f"r{number}", number * 10, prompt=prompt or f"ask {number}", answer=f"answer {number}",
                           **fields)


def history(*events: Event, about: str) -> list[str]:
    """What the failure of a response carries along."""
    (found,) = of(*events, make_event("feedback.thumbs", about, 90, payload={"value": -1}))
    return [each["content"] for each in found.history]


def test_the_conversation_before_is_kept_with_its_events() -> None:
    """Earlier turns come as messages, in order; their events are evidence that can be erased."""
    vote = make_event("feedback.thumbs", "r2", 90, payload={"value": -1})
    (found,) = of(turn(0), turn(1), turn(2), vote)
    assert [each["content"] for each in found.history] == ["ask 0", "answer 0", "ask 1", "answer 1"]
    assert set(found.event_ids) == {"generation-r0", "generation-r1", "generation-r2", vote.event_id}


def test_nothing_is_kept_from_before_a_turn_that_allows_less() -> None:
    """Consent of earlier turns counts too."""
    narrow = {"basis": "consent", "purposes": ["ops"]}
    assert history(turn(0), turn(1, consent=narrow), turn(2), turn(3), about="r3") == ["ask 2", "answer 2"]


def test_a_regenerated_answer_is_no_history() -> None:
    """The same request again replaces its first answer."""
    assert history(turn(0), turn(1, "same"), turn(2, "same"), about="r2") == ["ask 0", "answer 0"]


def test_the_last_correction_counts() -> None:
    """What the user wrote instead becomes the failure's correction."""
    told = [make_event("feedback.correction", "r0", 20 + number, payload={"ideal": text})
            for number, text in enumerate(("Rome", "Paris", " "))]
    (found,) = of(turn(0), *told)
    assert found.correction == "Paris"

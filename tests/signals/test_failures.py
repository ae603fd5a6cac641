"""Failures are the turns where the evidence is against the answer."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from statistics import mean
from typing import Any

import pytest

from evalloop.records.account import Account
from evalloop.records.event import Event
from evalloop.records.failure import Failure
from evalloop.signals import evalloop_detectors
from evalloop.signals.derive import derive, together
from evalloop.signals.noticed import noticed
from evalloop.signals.scored import failing, judged_apart, scores
from evalloop.signals.weighted import TrustOptions, weigh_evidence
from evalloop.testing import evidence_of, make_event, make_generation

from .conftest import real_events


def of(*events: Event) -> list[Failure]:
    """The failures among some events."""
    names = ("thumbs", "copy", "rephrase", "reply", "outcome")
    return weighed(events, [each for each in evalloop_detectors() if each.name in names])


def weighed(events: Sequence[Event], detectors: Iterable[Any]) -> list[Failure]:
    """The failures that the whole way from events gives."""
    evidence: Any = evidence_of(events)
    return list(weigh_evidence(evidence, derive(evidence, detectors)).failures)


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
    ([down(), make_generation("r2", 60, prompt="how can I sort the list?")], "how can I sort the list?"),
    ([down(), make_generation("r2", 600, prompt="why are stamps so expensive")], "how do I sort a list"),
    ([down()], "how do I sort a list")])
def test_text_is_the_users_own(events: list[Event], text: str) -> None:
    """Words on the answer first, then a next message that is about it, then the prompt."""
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


def test_real_failures_have_words() -> None:
    """In the real data scores of turns fail, each with text and consent to evaluation."""
    for name, fewest in (("ukp", 180), ("realhumaneval", 60)):
        found = weighed(real_events(name), evalloop_detectors())
        assert len(found) > fewest
        assert all(each.text and "eval" in each.consent_purposes for each in found)
        assert len({each.failure_id for each in found}) == len(found)


@pytest.mark.parametrize("name", ["ukp", "realhumaneval"])
def test_without_words_ids_and_numbers_are_the_same(name: str) -> None:
    """What is counted of a failure does not change when its texts are not read."""
    evidence: Any = evidence_of(real_events(name))
    signals = derive(evidence, evalloop_detectors())
    full, slim = (weigh_evidence(evidence, signals, options=TrustOptions(words=words)) for words in (True, False))
    assert all(each.text == each.prompt == "" and not each.history for each in slim.failures)
    assert numbers(slim.failures) == numbers(full.failures)
    assert replace(slim, failures=()) == replace(full, failures=())


def numbers(failures: Iterable[Failure]) -> list[Any]:
    """All that failures without words carry, by id."""
    return sorted((each.failure_id, each.response_id, each.user_key, each.occurred_at, each.weight, each.probability,
                   each.random_weight, each.asked_only) for each in failures)


@pytest.mark.parametrize("order", [("angry", "honest"), ("honest", "angry")])
def test_an_account_that_counts_less_takes_no_failure_from_one_that_counts(order: tuple[str, str]) -> None:
    """Of a rater who is against everything and an honest one the honest one tells, whoever came first."""
    votes = [make_event("feedback.thumbs", second=second, user=user, payload={"value": -1})
             for second, user in enumerate(order)]
    evidence: Any = evidence_of([make_generation(user="owner"), *votes])
    signals = together(derive(evidence, evalloop_detectors()))
    judged = judged_apart(evidence.engine, signals, [Account("angry", 20, 20, 0.25, ("one side only",))])
    found = noticed(evidence, failing(scores(evidence, judged), judged, 0.5), judged, 0.5)
    assert [row["teller"] for row in evidence.engine.records(found)] == ["honest"]


def test_a_failure_is_its_first_tellers() -> None:
    """Of two who vote against one answer it counts for the first, though the answer was given to a third."""
    votes = [make_event("feedback.thumbs", second=second, user=user, payload={"value": -1})
             for second, user in ((9, "late"), (5, "early"))]
    (failure,) = of(make_generation(user="owner"), *votes)
    assert (failure.user_key, failure.occurred_at[17:19]) == ("early", "09")


def test_failures_agree_with_the_annotators(dialogues: Any) -> None:
    """Of the failures that annotators judged, four in five correct the answer; three in four corrections are found."""
    joined, _ = dialogues
    found = {each.response_id for each in weighed(real_events("ukp"), evalloop_detectors())}
    scores = {turn.response_id: mean(given) for turn in joined.turns if (given := [
        each.payload["score"] for each in turn.events if each.event_type == "judgment.result"])}
    corrected = {response for response, score in scores.items() if score < 0.5}
    hits = len(found & corrected)
    assert len(scores) == 584
    assert hits > 0.8 * len(found & set(scores))
    assert hits > 0.75 * len(corrected)


@pytest.mark.parametrize("later", [
    make_generation("r2", 60, prompt="no, that is wrong: my secret is 42", consent=None),
    make_event("signal.followup", second=60, payload={"text": "no, that is wrong: my secret is 42"}, consent=None)])
def test_words_of_the_next_message_need_its_consent(later: Event) -> None:
    """A complaint in the next message: the failure allows what that message allows, and names its event."""
    (failure,) = of(make_generation(), later)
    assert failure.text.endswith("42")
    assert failure.consent_purposes == ("analytics", "ops")
    assert later.event_id in failure.event_ids


def test_text_of_an_edit_needs_its_consent() -> None:
    """A light edit is not against the answer; where its text becomes the correction it is part of the evidence."""
    edit = make_event("signal.edited", payload={"delay_ms": 5, "similarity": 0.7, "after": "mine"}, consent=None)
    (failure,) = weighed([make_generation(), down(), edit], evalloop_detectors())
    assert (failure.correction, failure.consent_purposes) == ("mine", ("analytics", "ops"))
    assert edit.event_id in failure.event_ids


def test_correction_of_an_account_set_apart_is_not_taken() -> None:
    """What a quarantined account writes becomes nobody's expected answer."""
    spam = make_event("feedback.correction", second=9, user="bad", payload={"ideal": "BUY"})
    evidence: Any = evidence_of([make_generation(), down(), spam])
    signals = derive(evidence, evalloop_detectors())
    (failure,) = weigh_evidence(evidence, signals, options=TrustOptions(quarantine=("bad",))).failures
    assert (failure.user_key, failure.correction) == ("u1", None)

"""Each detector says what its documentation says, the same in any order."""

from __future__ import annotations

import re
from dataclasses import replace
from math import inf
from pathlib import Path
from typing import Any

import pytest

from evalloop import engine
from evalloop.contracts import Detector
from evalloop.errors import ConfigError, PluginError
from evalloop.records.event import Event
from evalloop.signals import evalloop_detectors
from evalloop.signals.implicit import Copy
from evalloop.signals.messages import Rephrase, asks_again
from evalloop.signals.threshold import thresholds, with_thresholds
from evalloop.testing import DetectorContract, make_event, make_generation, signals_of

DETECTORS = {each.name: each for each in evalloop_detectors()}
EVENTS: dict[str, list[Event]] = {
    "thumbs": [make_event("feedback.thumbs", payload={"value": -1, "text": "bad"})],
    "rating": [make_event("feedback.rating", payload={"value": 2, "min": 1, "max": 5})],
    "comment": [make_event("feedback.comment", payload={"text": "that is wrong"})],
    "correction": [make_event("feedback.correction", payload={"ideal": "call list.sort()"})],
    "copy": [make_event("signal.copied", payload={"chars": 13, "total": 13})],
    "regenerate": [make_event("signal.regenerated", links={"regenerate_of": "r1"})],
    "rephrase": [make_generation("r2", 60, prompt="how can I sort the list?")],
    "reply": [make_generation("r2", 600, prompt="no, that does not work")],
    "edit": [make_event("signal.edited", payload={"delay_ms": 5000, "similarity": 0.4})],
    "accept": [make_event("signal.accepted", payload={"time_to_accept_ms": 900})],
    "share": [make_event("signal.shared")],
    "stop": [make_event("signal.stopped")],
    "escalate": [make_event("signal.escalated")],
    "outcome": [make_event("outcome.task", payload={"status": "failure"})],
    "dwell": [make_event("response.viewed", payload={"focused_ms": 31_000, "visible_ms": 40_000})],
    "abandon": [make_event("signal.stopped"), make_generation("later", 9000, session="s9", user="u9")],
}
ALL = [make_generation(), *{event.event_id: event for events in EVENTS.values() for event in events}.values()]


def with_answer(*events: Event) -> list[Event]:
    """One answer with these events."""
    return [make_generation(), *events]


def found(name: str, *events: Event) -> list[tuple[float, float]]:
    """(polarity, weight) of the signals of one detector."""
    return [(each.polarity, each.weight) for each in signals_of(DETECTORS[name], with_answer(*events))]


@pytest.mark.parametrize("name", DETECTORS)
class TestContract(DetectorContract):
    """Every built-in keeps the contract on its own event."""

    @pytest.fixture(autouse=True)
    def _chosen(self, name: str) -> None:
        self.detector: Detector = DETECTORS[name]
        self.events = with_answer(*EVENTS[name])


@pytest.mark.parametrize("name", DETECTORS)
def test_detector_is_silent_without_its_event(name: str) -> None:
    """No detector speaks of an answer that nobody reacted to."""
    assert found(name) == []


def test_ids_differ_between_detectors_and_turns() -> None:
    """An id names one detector, one response and one piece of evidence."""
    every = [each for detector in DETECTORS.values() for each in signals_of(detector, ALL)]
    assert {each.detector.partition("@")[0] for each in every} >= set(DETECTORS) - {"abandon", "rephrase", "reply"}
    assert len({each.signal_id for each in every}) == len(every)


def test_last_vote_of_each_user_counts() -> None:
    """One user who changes his mind is one vote; another user is another."""
    def vote(second: float, user: str, value: int) -> Event:
        return make_event("feedback.thumbs", second=second, user=user, payload={"value": value})

    assert found("thumbs", vote(1, "a", -1), vote(2, "a", 1), vote(3, "b", -1)) == [(1, 1), (-1, 1)]


@pytest.mark.parametrize(("value", "low", "high", "polarity"), [
    (1, 1, 5, -1), (3, 1, 5, 0), (5, 1, 5, 1), (0.75, 0, 1, 0.5), (9, 0, 5, 1), (-3, 0, 5, -1)])
def test_ratings_come_to_one_scale(value: float, low: float, high: float, polarity: float) -> None:
    """Any scale becomes -1 to 1; values outside are cut."""
    rating = make_event("feedback.rating", payload={"value": value, "min": low, "max": high})
    assert found("rating", rating) == [(pytest.approx(polarity), 1)]


def test_rating_without_a_scale_is_passed_over() -> None:
    """A scale of no width says nothing."""
    assert found("rating", make_event("feedback.rating", payload={"value": 1, "min": 1, "max": 1})) == []


@pytest.mark.parametrize(("payload", "weight"), [
    ({"chars": 80, "total": 100}, 0.5), ({"chars": 79, "total": 100}, 0.25), ({"chars": 10, "total": 100}, 0.25),
    ({"chars": 9, "total": 100}, 0.1), ({"chars": 13}, 0.5), ({}, 0.5), ({"chars": 500, "total": 100}, 0.5)])
def test_copies_are_weighed_by_their_share(payload: dict[str, Any], weight: float) -> None:
    """Full from 0.8, partial from 0.1, below a trace; without a total the answer's length is taken."""
    assert found("copy", make_event("signal.copied", payload=payload)) == [(1, weight)]


def test_several_copies_are_one_signal() -> None:
    """The largest copy decides, all are evidence."""
    copies = [make_event("signal.copied", second=second, payload={"chars": chars, "total": 100})
              for second, chars in ((1, 5), (2, 90), (3, 20))]
    (signal,) = signals_of(Copy(), with_answer(*copies))
    assert (signal.weight, len(signal.event_ids)) == (0.5, 3)


@pytest.mark.parametrize(("prompt", "second", "hit"), [
    ("how can I sort the list?", 120, True), ("how can I sort the list?", 121, False),
    ("how do I sort a list", 10, True), ("what is the weather in Rome", 10, False), ("a list", 10, False)])
def test_rephrase_needs_likeness_and_a_short_gap(prompt: str, second: float, hit: bool) -> None:
    """Nearly the same again within two minutes; short messages are passed over."""
    assert bool(found("rephrase", make_generation("r2", second, prompt=prompt))) is hit


@pytest.mark.parametrize(("prompt", "following", "hit"), [
    ("get the first word of every sentence", "get first word of every sentence (delimiters are ?, !, .)", True),
    ("check if any 3 distinct elements in a list sum to 0", "check if 3 distinct elements sum to 0", True),
    ("how to get length of numpy array", "how to get numpy array length", True),
    ("combine multiple numpy arrays", "get numpy array size", False),
    ("how do you define a for loop in python", "how do I return a tuple in a Python function", False),
    ("remove last column in a pandas data set", "multiply column 4 by column 1 in a pandas data set", False),
    ("what is this?", "how do you do that?", False)])
def test_next_step_is_no_rephrasing(prompt: str, following: str, hit: bool) -> None:
    """The same wish again, said otherwise or in more detail, is; a question on the next step is not."""
    assert asks_again(prompt, following, kept=0.9, alike=0.4, words=3) is hit


@pytest.mark.parametrize("shown", ["r1", "r2"])
def test_suggestion_is_no_message(shown: str) -> None:
    """Neither what follows a suggestion that was shown nor the code that asked for one is read as talk."""
    for name in ("rephrase", "reply"):
        assert found(name, *EVENTS[name])
        assert not found(name, *EVENTS[name], make_event("signal.shown", shown, 61)), name


def test_complaint_outweighs_a_copy() -> None:
    """Who copied an answer in full and then comes back with its error was let down."""
    events = [make_event("signal.copied", payload={"chars": 13, "total": 13}),
              make_generation("r2", 600, prompt="ValueError: bad input")]
    assert sum(value * weight for name in ("copy", "reply") for value, weight in found(name, *events)) < 0


def test_thresholds_can_be_set() -> None:
    """A stricter detector is one line of a plugin."""
    events = with_answer(make_generation("r2", 10, prompt="how do I sort a list now?"))
    strict = with_thresholds([Rephrase()], ["rephrase.gap_s = 9"])[0]
    assert len(signals_of(Rephrase(), events)) == 1
    assert signals_of(strict, events) == []
    assert strict.version.startswith(f"{Rephrase().version}+")
    assert {each.name: each.source for each in thresholds(DETECTORS.values())}["dwell.wpm"].endswith("Brysbaert 2019")
    for wrong in ("rephrase.gap=9", "copy.full=much", "copy.full=nan", "nobody.x=1"):
        with pytest.raises(ConfigError, match="thresholds"):
            with_thresholds(DETECTORS.values(), [wrong])


@pytest.mark.parametrize(("given", "limits"), [
    ("copy.full=2", "give at least 0 and at most 1"), ("edit.kept=-0.1", "give at least 0 and at most 1"),
    ("dwell.wpm=0", "give at least 1"), ("rephrase.words=-1", "give at least 0"),
    ("rephrase.gap_s=1e300", "give at least 0 and at most 1,000,000,000")])
def test_thresholds_out_of_their_range_are_refused(given: str, limits: str) -> None:
    """The error names the setting, the threshold, the value and the range."""
    with pytest.raises(ConfigError) as caught:
        with_thresholds(DETECTORS.values(), [given])
    name, _, value = given.partition("=")
    assert str(caught.value).startswith(f"thresholds: {name} = ")
    assert value.strip("-") in str(caught.value).replace("e+", "e")
    assert caught.value.fix == limits


@pytest.mark.parametrize(("given", "told"), [
    (["copy.partial=0.9"], "copy.partial = 0.9 is above copy.full = 0.8"),
    (["edit.kept=0.5"], "edit.light = 0.67 is above edit.kept = 0.5"),
    (["dwell.short_s=9", "dwell.long_s=8"], "dwell.short_s = 9 is above dwell.long_s = 8")])
def test_thresholds_in_a_wrong_order_are_refused(given: list[str], told: str) -> None:
    """A part of an answer is no more than all of it; the error names both, and both set rightly are taken."""
    with pytest.raises(ConfigError, match=re.escape(told)) as caught:
        with_thresholds(DETECTORS.values(), given)
    assert "or set both" in caught.value.fix
    assert with_thresholds(DETECTORS.values(), ["copy.partial=0.9", "copy.full=0.9"])


def test_ranges_of_thresholds_hold_their_defaults_and_are_documented() -> None:
    """Shares end at 1; docs/engine.md tells each range."""
    page = (Path(__file__).parents[2] / "docs" / "engine.md").read_text(encoding="utf-8")
    for each in thresholds(DETECTORS.values()):
        assert each.low <= each.default <= each.high
        told = f"{each.low:,} to {each.high:,}" if each.high < inf else f"at least {each.low:,}"
        told += f", at most `{each.name.partition('.')[0]}.{each.under}`" if each.under else ""
        assert f"| `{each.name}` | {each.default:g} | {told} | {each.source} |" in page


@pytest.mark.parametrize(("payload", "polarity"), [
    ({"similarity": 0.90}, 1), ({"similarity": 0.89}, 0.3), ({"similarity": 0.67}, 0.3), ({"similarity": 0.66}, -1),
    ({"retained_chars": 95, "original_chars": 100}, 1), ({"after": "call sorted(), then"}, 0.3), ({"after": "x"}, -1)])
def test_edits_fall_into_bands(payload: dict[str, Any], polarity: float) -> None:
    """Kept, light or heavy, by whatever measure the event has."""
    ((value, _),) = found("edit", make_event("signal.edited", payload={"delay_ms": 0, **payload}))
    assert value == polarity


def test_last_sample_of_an_edit_counts() -> None:
    """What is left after the longest delay."""
    samples = [make_event("signal.edited", second=second, payload={"delay_ms": delay, "similarity": similarity})
               for second, delay, similarity in ((1, 300_000, 0.2), (2, 5_000, 1.0))]
    assert found("edit", *samples) == [(-1, 0.4)]


def test_text_that_was_taken_out_again_needs_no_other_measure() -> None:
    """``no_revert`` alone says that it was; a high one alone says nothing and hides no other sample."""
    undone, stays = ({"delay_ms": 9000, "no_revert": value} for value in (0.0, 1.0))
    assert found("edit", make_event("signal.edited", payload=undone)) == [(-1, 0.5)]
    assert found("edit", make_event("signal.edited", payload=stays)) == []
    assert found("edit", make_event("signal.edited", second=2, payload=stays), *EVENTS["edit"]) == [(-1, 0.4)]


def test_edit_without_a_measure_is_passed_over() -> None:
    """No similarity, no lengths, no text: nothing to say."""
    assert found("edit", make_event("signal.edited", payload={"delay_ms": 0})) == []


def test_edit_of_an_answer_that_is_not_kept_is_no_rewrite() -> None:
    """Where only the answer's length is known, the text after an edit says nothing; a measure of its own still does."""
    answer = make_generation(payload={"response_chars": 500})
    after = {"delay_ms": 30_000, "after": "The invoice is due in thirty days, thanks."}
    assert signals_of(DETECTORS["edit"], [answer, make_event("signal.edited", payload=after)]) == []
    (signal,) = signals_of(DETECTORS["edit"], [answer, make_event("signal.edited", payload={**after, "similarity": 1})])
    assert signal.polarity == 1


def test_reflex_is_quarantined_and_says_why() -> None:
    """Accepting faster than reading has weight 0 and a reason."""
    reflex = make_event("signal.accepted", payload={"time_to_accept_ms": 299})
    (signal,) = signals_of(DETECTORS["accept"], with_answer(reflex))
    assert (signal.weight, signal.reason) == (0, "accepted within 300 ms")
    assert found("accept", make_event("signal.rejected")) == [(-1, 0.3)]


@pytest.mark.parametrize(("payload", "signals"), [
    ({"status": "success"}, [(1, 0.8)]), ({"status": "abandoned"}, [(-1, 0.8)]), ({"status": "partial"}, [(0, 0.8)]),
    ({"status": "unknown"}, []), ({"success": False}, [(-1, 0.8)]), ({}, []),
    ({"status": "won", "success": True}, [(1, 0.8)]), ({"status": "unknown", "success": True}, [])])
def test_outcomes(payload: dict[str, Any], signals: list[tuple[float, float]]) -> None:
    """A status that is known, else a plain success; what is unknown is silent."""
    assert found("outcome", make_event("outcome.ticket", payload=payload)) == signals


def test_words_of_users_are_kept() -> None:
    """Comments, votes with a text, replies and rephrasings carry the user's words."""
    for name, text in (("thumbs", "bad"), ("comment", "that is wrong"), ("reply", "no, that does not work")):
        (signal,) = signals_of(DETECTORS[name], with_answer(*EVENTS[name]))
        assert signal.text == text


def test_detector_that_breaks_is_named() -> None:
    """An exception, or a figure out of range, tells the detector's name."""
    class Loud(Copy):
        def detect(self, evidence: Any) -> Any:
            return super().detect(evidence).mutate(polarity=engine.ibis.literal(5.0))

    class Vague(Copy):
        def detect(self, evidence: Any) -> Any:
            return super().detect(evidence).mutate(polarity=engine.ibis.null("float64"))

    class Broken(Copy):
        def detect(self, evidence: Any) -> Any:
            raise IndexError("nothing there")

    with pytest.raises(PluginError, match=r"plugin copy 2: .*polarity 5"):
        signals_of(Loud(), with_answer(*EVENTS["copy"]))
    with pytest.raises(PluginError, match=r"polarity None"):
        signals_of(Vague(), with_answer(*EVENTS["copy"]))
    with pytest.raises(PluginError, match=r"copy.*IndexError"):
        signals_of(Broken(), [])


@pytest.mark.parametrize("name", ["reply", "rephrase"])
def test_next_message_is_about_the_last_try(name: str) -> None:
    """Of several answers to one message the user read the last; the first has its own signal, the regeneration."""
    events = [make_generation(), make_generation("r2", 30, links={"regenerate_of": "r1"}),
              *(replace(event, event_id="next", subject={**event.subject, "response_id": "r3"})
                for event in EVENTS[name])]
    assert [each.response_id for each in signals_of(DETECTORS[name], events)] == ["r2"]


def test_a_follow_up_is_about_the_answer_that_it_names() -> None:
    """Praise of the first of two tries is heard, and nothing is said of the second."""
    praise = make_event("signal.followup", second=40, payload={"text": "thanks, that works"})
    events = [make_generation(), make_generation("r2", 20, links={"regenerate_of": "r1"}), praise]
    assert [(each.response_id, each.polarity) for each in signals_of(DETECTORS["reply"], events)] == [("r1", 1)]


def test_a_follow_up_without_words_hides_no_other() -> None:
    """The first one that says something counts."""
    events = [make_event("signal.followup", second=second, payload={"text": text})
              for second, text in ((30, ""), (40, "that is wrong"))]
    assert found("reply", *events) == [(-1, 0.6)]


def test_one_stop_is_one_signal_though_surfaces_are_named_twice() -> None:
    """No surface and an empty one are the same."""
    others = [make_generation(name, 9, session=name, user=name, context=context)
              for name, context in (("a", {}), ("b", {"surface": ""}))]
    assert len(found("stop", *others, *EVENTS["stop"])) == 1


def test_session_that_ends_with_an_error_is_abandoned() -> None:
    """The answer alone says so, without any act; after several tries in a row it needs as many as are asked for."""
    later = make_generation("later", 9000, session="s9", user="u9")
    failed = replace(make_generation(), payload={**make_generation().payload, "finish_reason": "error"})
    (signal,) = signals_of(DETECTORS["abandon"], [failed, later])
    assert (signal.polarity, signal.event_ids) == (-1, (failed.event_id,))
    tries = [make_generation("r1"), make_generation("r2", 9, links={"regenerate_of": "r1"}),
             make_generation("r3", 18, links={"regenerate_of": "r2"}),
             make_event("response.viewed", "r3", 20, payload={"scroll_max": 1.0}), later]
    (three,), (four,) = (with_thresholds([DETECTORS["abandon"]], [f"abandon.tries={n}"]) for n in (3, 4))
    assert [each.response_id for each in signals_of(three, tries)] == ["r3"]
    assert signals_of(four, tries) == []


def view(second: float, focused_ms: int, response: str = "r1") -> Event:
    """A visit to an answer."""
    return make_event("response.viewed", response, second, payload={"focused_ms": focused_ms})


def other(second: float) -> Event:
    """Somebody else's answer: by it the log is known to reach that far."""
    return make_generation("later", second, session="s9", user="u9")


def test_reader_who_left_is_known_by_the_newest_event_alone() -> None:
    """A second's look is bad once the log has gone on for half an hour without a return, and not before."""
    assert found("dwell", view(1, 1000)) == []
    assert found("dwell", view(1, 1000), other(1801)) == []
    assert found("dwell", view(1, 1000), other(1802)) == [(-1, 0.2)]
    assert found("dwell", view(1, 1000), view(60, 900), other(1802)) == []
    assert found("dwell", view(1, 1000), view(60, 900), other(1861)) == [(-1, 0.2)]


def test_reader_who_came_back_however_late_read_all_visits_together() -> None:
    """What was said of a short look is taken back by a later visit; enough reading in all is good."""
    assert found("dwell", view(1, 1000), view(5000, 2500), other(9000)) == []
    assert found("dwell", view(1, 1000), view(5000, 30_000), other(9000)) == [(1, 0.2)]


def test_short_look_needs_no_wait_where_another_try_was_asked_for() -> None:
    """Another try is away at once; a next answer, or an answer that was not captured, tells nothing of leaving."""
    assert found("dwell", view(1, 1000), *EVENTS["regenerate"]) == [(-1, 0.2)]
    assert found("dwell", view(1, 1000), make_generation("r2", 60, prompt="else"), other(9000)) == []
    assert found("dwell", view(1, 1000, "lost"), other(9000)) == []


LATER = make_generation("later", 9000, session="s9", user="u9")


def test_several_tries_are_abandoned_though_nobody_looked() -> None:
    """Two answers to one message and then nothing: no view, stop or copy is needed to say so."""
    tries = [make_generation("r1"), make_generation("r2", 9, links={"regenerate_of": "r1"}), LATER]
    (signal,) = signals_of(DETECTORS["abandon"], tries)
    assert (signal.response_id, signal.polarity, signal.event_ids) == ("r2", -1, ("generation-r2",))
    assert signals_of(DETECTORS["abandon"], [make_generation("r1"), LATER]) == []


def test_a_session_goes_on_with_an_answer_that_did_not_come() -> None:
    """A vote on a later answer of the session tells of it, though its generation is missing; one of before does not."""
    stopped = make_event("signal.stopped", second=20)
    votes = [make_event("feedback.thumbs", "lost", second, payload={"value": 1}, subject={
        "level": "response", "response_id": "lost", "session_id": "s1"}) for second in (60, 5)]
    assert found("abandon", stopped, votes[0], LATER) == []
    answer = make_generation("r1", 10)
    assert [each.polarity for each in signals_of(DETECTORS["abandon"], [answer, stopped, votes[1], LATER])] == [-1]


def test_a_clock_that_is_ahead_ends_no_session() -> None:
    """An event stamped a day later than it came does not make the other sessions old; in time it does."""
    came = "2026-01-05T00:01:00.000000Z"
    ahead = make_generation("later", 86_400, session="s9", user="u9")
    events = [replace(each, received_at=came) for each in (make_generation(), make_event("signal.stopped"), ahead)]
    assert signals_of(DETECTORS["abandon"], events) == []
    events[-1] = replace(events[-1], received_at=None)
    assert [each.polarity for each in signals_of(DETECTORS["abandon"], events)] == [-1]

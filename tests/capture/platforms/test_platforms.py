"""The small export of each platform becomes the events that it stands for, once, and no row ever raises."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalloop.capture.importing import import_rows
from evalloop.capture.mapping import RowMapper, load
from evalloop.capture.platforms import SHIPPED
from evalloop.capture.sources import JsonlSource, JsonSource
from evalloop.store.events import Added
from evalloop.testing import PlatformContract
from tests.capture.platforms import reading

EXPORTS: dict[str, tuple[str, dict[str, int], int, int]] = {
    # file, events by type, rows refused, rows passed over
    "preferences": ("preferences.jsonl", {"generation.completed": 4, "feedback.pairwise": 2}, 1, 0),
    "open_webui": ("open_webui.json", {"generation.completed": 1, "feedback.thumbs": 2, "feedback.rating": 1,
                                       "feedback.choice": 1, "feedback.comment": 1, "feedback.pairwise": 1}, 0, 0),
    "langsmith": ("langsmith.jsonl", {"feedback.thumbs": 1, "feedback.comment": 1, "feedback.rating": 1,
                                      "judgment.result": 1, "feedback.correction": 1}, 0, 1),
    "mlflow": ("mlflow.jsonl", {"feedback.thumbs": 1, "feedback.comment": 1, "judgment.result": 1,
                                "feedback.correction": 2}, 0, 2),
    "opik": ("opik.jsonl", {"feedback.rating": 1, "judgment.result": 3}, 0, 0),
    "tensorzero": ("tensorzero.jsonl", {"feedback.thumbs": 2, "feedback.rating": 1, "feedback.comment": 1,
                                        "feedback.correction": 1}, 0, 0),
    "copilot": ("copilot.jsonl", {"feedback.thumbs": 1, "signal.accepted": 1, "signal.edited": 1}, 0, 2),
    "copilot_metrics": ("copilot_metrics.ndjson", {"outcome.custom": 4}, 0, 1),
    "phoenix": ("phoenix.json", {"feedback.thumbs": 1, "feedback.comment": 1, "judgment.result": 1}, 0, 1),
    "braintrust": ("braintrust.json", {"generation.completed": 2, "feedback.thumbs": 1, "feedback.rating": 1,
                                       "feedback.comment": 1, "feedback.correction": 1, "judgment.result": 1}, 0, 1),
    "helicone": ("helicone.jsonl", {"generation.completed": 1, "feedback.thumbs": 2, "judgment.result": 1}, 0, 1),
    "posthog": ("posthog.jsonl", {"feedback.prompted": 1, "feedback.thumbs": 2, "feedback.comment": 2,
                                  "feedback.choice": 1}, 0, 1),
    "raindrop": ("raindrop.jsonl", {"feedback.thumbs": 1, "feedback.comment": 1, "feedback.correction": 1}, 0, 0),
}


@pytest.mark.parametrize("name", EXPORTS)
def test_export_becomes_its_events_once(tmp_path: Path, name: str) -> None:
    """Events, refused rows and those passed over are as many as they should be; a second import stores nothing."""
    file, wanted, refused, passed = EXPORTS[name]
    result, events = reading.read(tmp_path, name, file)
    assert reading.kinds(events) == wanted, [str(error) for error in result.errors]
    assert (result.invalid, result.passed_over) == (refused, passed)
    again, after = reading.read(tmp_path, name, file)
    assert (again.stored, again.conflicts, after) == (0, 0, events)
    assert not any(user in str(each.to_dict()) for each in events for user in ("'ada'", "'u-1'", "'dana'"))


def test_pair_has_both_answers(tmp_path: Path) -> None:
    """The preferred answer is the chosen response, with prompt and text."""
    _, events = reading.read(tmp_path, "preferences", "preferences.jsonl")
    texts = {event.response_id: event.payload["output"]["messages"][0]["content"] for event in events
             if event.event_type == "generation.completed"}
    pairs = [(texts[event.payload["chosen"]], texts[event.payload["rejected"]]) for event in events
             if event.event_type == "feedback.pairwise"]
    assert sorted(pairs) == [("At nine.", "I cannot know."), ("No, within 30 days.", "Yes, at any time.")]


def test_last_row_of_tensorzero_counts(tmp_path: Path) -> None:
    """The later vote on the same target and metric supersedes the earlier one; times are those of the ids."""
    _, events = reading.read(tmp_path, "tensorzero", "tensorzero.jsonl")
    first, second = (event for event in events if event.event_type == "feedback.thumbs")
    assert (first.payload["value"], second.payload["value"]) == (1, -1)
    assert second.links["supersedes"] == first.event_id


def test_authors_of_opik_are_kept_apart(tmp_path: Path) -> None:
    """The mean of a user and a reviewer is nobody's opinion: each has an event."""
    _, events = reading.read(tmp_path, "opik", "opik.jsonl")
    assert [(event.source["kind"], event.payload.get("value", event.payload.get("score"))) for event in events] == [
        ("end_user", 1), ("reviewer", 0), ("llm_judge", 0.2), ("reviewer", 1)]
    assert events[-1].session_id == "th-2"  # a thread is a session


def test_days_of_copilot_are_shares_and_no_votes(tmp_path: Path) -> None:
    """Of all and of each feature: what was taken of what was suggested; of the user only the hash is kept."""
    _, events = reading.read(tmp_path, "copilot_metrics", "copilot_metrics.ndjson")
    told = {(each.user_key is None, each.context["surface"]): each.payload for each in events}
    assert told[False, "all"] == {"name": "copilot.suggestions", "suggested": 4, "accept_rate": 0.25, "kept_lines": 0.8}
    assert told[True, "code_completion"]["accept_rate"] == 0.75
    assert not any("ada" in str(each.to_dict()) for each in events)


def test_arena_vote_names_the_other_answer(tmp_path: Path) -> None:
    """Open WebUI's vote beside one other answer is a pairwise vote; the prompt comes from the snapshot."""
    _, events = reading.read(tmp_path, "open_webui", "open_webui.json")
    assert reading.only(events, "f-1", "feedback.pairwise").payload == {"chosen": "m2", "rejected": "m3"}
    assert reading.only(events, "f-1", "generation.completed").payload["input"]["messages"] == [
        {"role": "user", "content": "Do you sell boots?"}]
    assert reading.only(events, "f-1", "feedback.comment").payload["text"] == "good, call [phone]"


@pytest.mark.parametrize("platform", SHIPPED, ids=lambda each: each.name)
def test_platform_keeps_the_contract(platform: Any) -> None:
    """What the kit asks of anyone's platform."""
    file = EXPORTS[platform.name][0] if platform.name in EXPORTS else "langfuse-v2.json"

    class Check(PlatformContract):
        source = JsonlSource() if file.endswith(("jsonl", "ndjson")) else JsonSource()

        def place(self, folder: Path) -> str:
            return shutil.copy(reading.DATA / file, folder)
    check = Check()
    check.platform = platform
    for name in dir(check):
        if name.startswith("test_"):
            getattr(check, name)()


MAKERS = [(each, RowMapper(load(each.mapping), b"salt")) for each in SHIPPED]
KEYS = ["id", "value", "score", "data", "meta", "source", "tags", "attributes", "hrTime", "input", "snapshot",
        "feedback", "subject", "metadata", "feedback_scores", "timestamp", "created_at",
        "properties", "comment", "dataType", "scores", "comments", "output", "event", "request_id", "response_body",
        "$survey_response", "$ai_trace_id", "feedback_rating"]
ANY = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=3), inner, max_size=4)),
    max_leaves=12)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(row=st.dictionaries(st.sampled_from(KEYS), ANY, max_size=8))
def test_no_row_ever_raises(row: dict[str, Any]) -> None:
    """Whatever stands in a row, it gives events, errors with a place, or a reason to pass it over."""
    for platform, make in MAKERS:
        result = import_rows(platform.rows(iter([(1, row)])), "x", make, lambda rows: Added(len(rows)))
        assert result.stored == result.events
        assert bool(result.errors) == bool(result.invalid)
        assert all(error.line == 1 and error.message for error in result.errors)


def test_votes_of_braintrust_are_told_from_verdicts_by_name(tmp_path: Path) -> None:
    """A score that users give is a vote, any other a verdict; comment and expected answer go with the row's answer."""
    _, events = reading.read(tmp_path, "braintrust", "braintrust.json")
    told = {(each.event_type, each.payload.get("name", "")): each for each in events if each.response_id == "b-1"}
    assert told["feedback.thumbs", ""].payload["value"] == -1
    assert told["judgment.result", "Factuality"].source["kind"] == "code"
    assert told["feedback.correction", ""].payload["ideal"] == "No, within 30 days."
    assert told["feedback.comment", ""].payload["text"] == "it is 30 days"
    assert told["generation.completed", ""].subject["trace_id"] == "0af7651916cd43dd8448eb211c80319c"


def test_votes_of_helicone_are_read_from_column_and_scores(tmp_path: Path) -> None:
    """Older exports have a column, newer ones a score of a fixed name; a time of the vote is kept."""
    _, events = reading.read(tmp_path, "helicone", "helicone.jsonl")
    votes = {each.response_id: each for each in events if each.event_type == "feedback.thumbs"}
    assert {name: each.payload["value"] for name, each in votes.items()} == {"q-1": -1, "q-2": 1}
    assert votes["q-1"].occurred_at.startswith("2026-10-01T09:01:00")
    assert votes["q-1"].subject["session_id"] == "s-1"


@pytest.mark.parametrize(("scale", "kind", "value"), [("2", "feedback.thumbs", -1), ("5", "feedback.rating", 2)])
def test_answers_to_surveys_of_posthog_are_read_on_their_scale(tmp_path: Path, scale: str, kind: str,
                                                               value: int) -> None:
    """Two is thumbs down on a scale of two, and two stars on a scale of five; words are a comment."""
    _, events = reading.read(tmp_path, "posthog", "posthog.jsonl", scale=scale)
    of_survey = {each.event_type: each for each in events if each.response_id == "t-1"}
    assert of_survey[kind].payload["value"] == value
    assert of_survey["feedback.comment"].payload["text"] == "it is 30 days"
    assert of_survey["feedback.prompted"].ask["kind"] == "triggered"

"""Scores of Langfuse become votes of users, verdicts of reviewers and judges, corrections."""

from __future__ import annotations

import re
from pathlib import Path

from tests.capture.platforms import reading


def test_scores_of_version_3(tmp_path: Path) -> None:
    """Each data type becomes its event; trace ids in W3C form are kept as such; what is left out is named with why."""
    result, events = reading.read(tmp_path, "langfuse", "langfuse-v3.json", max="5")
    assert reading.kinds(events) == {"feedback.thumbs": 1, "feedback.comment": 1, "feedback.rating": 1,
                                     "judgment.result": 1, "feedback.correction": 1}
    vote = reading.only(events, "7c7d9f6e-0001", "feedback.thumbs")
    assert vote.payload == {"value": -1}
    assert vote.subject == {"level": "response", "response_id": "0af7651916cd43dd8448eb211c80319c",
                            "trace_id": "0af7651916cd43dd8448eb211c80319c"}
    assert reading.only(events, "7c7d9f6e-0001", "feedback.comment").payload["text"] == "Wrong! Write me at [email]"
    assert reading.only(events, "7c7d9f6e-0002", "feedback.rating").payload == {"value": 4, "min": 0, "max": 5}
    verdict = reading.only(events, "7c7d9f6e-0003", "judgment.result")
    assert (verdict.source["kind"], verdict.payload["label"]) == ("reviewer", "too formal")
    fixed = reading.only(events, "7c7d9f6e-0004", "feedback.correction")
    assert (fixed.payload["ideal"], "trace_id" in fixed.subject) == ("Thirty days.", False)
    assert result.because == {"an empty text": 1, "scores of an experiment run are no feedback on production": 1}
    assert result.left_out["details.configId"].rows == 2
    assert not result.invalid
    assert all(left.reason != "no event of the mapping reads it" for left in result.left_out.values())


def test_rating_outside_its_scale_is_refused_with_the_mend(tmp_path: Path) -> None:
    """Langfuse does not export the scale of a score: a value that cannot lie on it is not guessed at."""
    result, _ = reading.read(tmp_path, "langfuse", "langfuse-v3.json")
    assert [str(error).split(": ", 1)[1] for error in result.errors] == [
        "payload.value: 4 lies outside 0 to 1\n    fix: set the scale: --option max=... (and min)"]


def test_scores_of_version_2(tmp_path: Path) -> None:
    """Booleans come as numbers; the user of the trace is hashed; a score of a session names no answer."""
    _, events = reading.read(tmp_path, "langfuse", "langfuse-v2.json")
    vote = reading.only(events, "s-1", "feedback.thumbs")
    assert vote.payload == {"value": 1}
    assert re.fullmatch(r"[0-9a-f]{64}", vote.user_key)
    assert reading.only(events, "s-2", "judgment.result").payload == {
        "name": "toxicity", "score": 0, "explanation": "polite"}
    assert reading.only(events, "s-3", "feedback.choice").subject == {"level": "session", "session_id": "chat-42"}


def test_batch_export_as_csv(tmp_path: Path) -> None:
    """Cells are texts; the row that is wrong costs only itself; an experiment's score is passed over."""
    result, events = reading.read(tmp_path, "langfuse", "langfuse.csv")
    assert reading.kinds(events) == {"feedback.thumbs": 1, "feedback.comment": 1, "feedback.rating": 1,
                                     "judgment.result": 1}
    assert reading.only(events, "c-1", "feedback.thumbs").payload == {"value": -1}
    assert reading.only(events, "c-2", "feedback.rating").subject["response_id"] == "obs-3"
    assert (result.invalid, result.errors[0].line, result.errors[0].field) == (1, 7, "occurred_at")
    assert result.left_out["authorUserName"].reason == "names of people are not imported"


def test_backend_scores_can_be_told_from_clicks(tmp_path: Path) -> None:
    """With api_source=code a score that the API wrote is a verdict of code, not a vote."""
    _, events = reading.read(tmp_path, "langfuse", "langfuse-v2.json", api_source="code")
    assert "feedback.thumbs" not in reading.kinds(events)
    assert reading.only(events, "s-1", "judgment.result").source["kind"] == "code"


def test_second_import_stores_nothing(tmp_path: Path) -> None:
    """Event ids come from native ids."""
    first, events = reading.read(tmp_path, "langfuse", "langfuse-v2.json")
    again, after = reading.read(tmp_path, "langfuse", "langfuse-v2.json")
    assert (again.stored, again.already, again.conflicts) == (0, first.stored, 0)
    assert after == events

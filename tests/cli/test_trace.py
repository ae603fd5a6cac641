"""``evalloop trace``: from a case back to what users did, and on to what runs said."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalloop.cases import write
from evalloop.cli.main import run
from tests.cli.conftest import listed


def traced(capsys: pytest.CaptureFixture[str], case_id: str) -> dict[str, Any]:
    """The trace of a case as data."""
    capsys.readouterr()
    assert run(["trace", case_id, "--json"]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def played(project: Path, case_id: str, name: str, answer: str) -> None:
    """A run in which the case gets this answer."""
    (project / "answers.jsonl").write_text(json.dumps({"id": case_id, "output": answer}) + "\n")
    (project / "variants").mkdir(exist_ok=True)
    (project / "variants/played.yaml").write_text("target: replay\noptions: {path: answers.jsonl}\n")
    run(["run", "evalsets/chat", "--variant", "played", "--name", name])


def test_a_case_is_traced_to_events_and_to_every_run(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Backward: review, theme, signals, events as they were captured. Forward: every run, with its outcome."""
    case = listed(capsys)[0]
    place = project / str(case["file"])
    write.replace(place, case["id"], {**write.find(place, case["id"]), "graders": [{"contains": "sorry"}]})
    assert run(["review", "--accept", case["id"], "--by", "ann"]) == 0
    assert "open -> has-cases (1 accepted case)" in capsys.readouterr().out
    found = traced(capsys, case["id"])
    assert [(each["verdict"], each["by"]) for each in found["opinions"]] == [("accept", "ann")]
    assert {each["event_id"] for each in found["events"]} == set(case["provenance"]["events"])
    assert (found["missing"], found["runs"]) == ([], [])
    assert found["theme"]["cluster_id"] == case["provenance"]["cluster_id"]
    assert [(each["before"], each["status"], each["by"]) for each in found["moves"]] == [("open", "has-cases", "ann")]
    against = [each["text"].strip() for each in found["signals"] if each["polarity"] < 0 and each["text"]]
    assert case["provenance"]["complaint"] in against
    played(project, case["id"], "first", "no")
    played(project, case["id"], "second", "sorry")
    runs = traced(capsys, case["id"])["runs"]
    assert [(each["name"], each["passed"], each["failed"]) for each in runs] == [("first", 0, 1), ("second", 1, 0)]
    assert "contains" in runs[0]["why"]


def test_what_people_see(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each part has its line, also an empty one; events that are gone are named; an unknown id gets a suggestion."""
    case = listed(capsys)[0]
    place = project / str(case["file"])
    written = write.find(place, case["id"])
    write.replace(place, case["id"], {**written, "provenance": {**written["provenance"], "events": [
        *written["provenance"]["events"], "e-gone"]}})
    assert run(["trace", case["id"]]) == 0
    out = capsys.readouterr().out
    assert "not in the log (erased, pruned, or of another store): e-gone" in out
    assert [line.split()[0] for line in out.splitlines() if not line.startswith(" ")] == [
        "case", "reviewed", "theme", "signals", "events", "runs", "releases"]
    assert "runs      none" in out
    assert "feedback.comment" in out
    assert run(["trace", case["id"][:-1]]) == 4
    assert f"did you mean {case['id']!r}" in capsys.readouterr().err

"""``evalloop store``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalloop import loop
from evalloop.cli.main import run
from evalloop.records.event import Event
from evalloop.testing import make_event, make_generation


def test_analysis_sees_the_same_before_and_after_a_drain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                                         capsys: pytest.CaptureFixture[str]) -> None:
    """A drain moves all settled days, a second one nothing, and ``evalloop signals`` says the same throughout."""
    (tmp_path / "evalloop.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    vote = make_event("feedback.thumbs", payload={"value": 1})
    events = [make_generation(), vote, make_event("feedback.retracted", second=2, links={"retracts": vote.event_id}),
              make_event("feedback.thumbs", second=3, user="u2", payload={"value": -1})]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(event.to_dict()) + "\n" for event in events))
    assert run(["capture", "events.jsonl"]) == 0
    capsys.readouterr()
    said = []
    for _ in range(3):
        assert run(["signals", "--json"]) == 0
        said.append(capsys.readouterr().out)
        assert run(["store", "drain"]) == 0
        said.append(capsys.readouterr().out)
    assert said[0] == said[2] == said[4]
    assert json.loads(said[0])["events"] == 4
    assert said[1] == "moved 4 events of 1 day into 1 file\n"
    assert said[3] == said[5] == "moved 0 events of 0 days into 0 files\n"


@pytest.fixture
def drained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose only events, an answer and a vote, were drained; they lie in events.jsonl too."""
    (tmp_path / "evalloop.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    events = [make_generation(), make_event("feedback.thumbs", payload={"value": 1})]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(event.to_dict()) + "\n" for event in events))
    assert run(["capture", "events.jsonl"]) == run(["store", "drain"]) == 0
    return tmp_path


def changed() -> Event:
    """The vote with another value."""
    return make_event("feedback.thumbs", payload={"value": -1})


def test_capture_knows_what_was_drained(drained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The same file again stores nothing, whoever added to the body; a changed row is a conflict with exit 4."""
    assert run(["capture", "events.jsonl"]) == 0
    assert "stored 0, already there 2, in conflict 0" in capsys.readouterr().out
    remasked = {**make_generation().to_dict(), "privacy": {"state": "masked", "masker": "other@1", "masked": ["name"]}}
    late = {**changed().to_dict(), "event_id": "vote-of-late"}
    rows = [json.dumps(row) + "\n" for row in (remasked, changed().to_dict(), late)]
    (drained / "more.jsonl").write_text("".join(rows))
    assert run(["capture", "more.jsonl"]) == 4
    shown = capsys.readouterr()
    assert "stored 1, already there 1, in conflict 1" in shown.out
    assert "more.jsonl:2: event_id: event " in shown.err
    assert run(["store", "drain"]) == 0
    assert "moved 1 event of" in capsys.readouterr().out


def test_conflict_that_came_another_way_is_told(drained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A collector takes what the lake has otherwise: the drain exits 4, loop and status say so."""
    project = loop.open_project()
    loop.evidence.add_events(project, [changed()])
    assert run(["store", "drain"]) == 4
    assert f"conflict: {changed().event_id} is in the lake with another body" in capsys.readouterr().out
    assert run(["store", "drain", "--json"]) == 4
    assert run(["status"]) == 0
    assert "1 in conflict with the lake" in capsys.readouterr().out
    run(["loop"])
    told = capsys.readouterr().out
    assert "0 events moved into the lake, 1 in conflict" in told
    assert f"1 events in conflict with the lake are not read ({changed().event_id}" in told

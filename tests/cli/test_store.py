"""``evalloop store``."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalloop.cli.main import run
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

"""``evalloop notes --format feed``: what users subscribe to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalloop.cli.main import run
from evalloop.notes.release import keep_release
from evalloop.records.release import Release

OVERALL = {"n": 10, "delta": 0.0, "low": -0.1, "high": 0.1, "wins": 1, "losses": 1, "improved": False,
           "regressed": False, "dropped": 0}


def test_the_feed_tells_only_of_what_the_gate_let_through(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A blocked release never shipped: it is in no feed, and a feed of such alone is refused with the mend."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evalloop.toml").write_text("")
    for name, gate in (("v1", "BLOCK"), ("v2", "PASS")):
        assert run(["notes", "--format", "feed"]) == 5
        keep_release(tmp_path / "releases", Release(name, "2026-03-01T00:00:00Z", "base", "cand", None, None, None,
                                                    gate, margin=0.05, overall=OVERALL))
    capsys.readouterr()
    assert run(["notes", "--format", "feed"]) == 0
    assert [each["id"] for each in json.loads(capsys.readouterr().out)["items"]] == ["v2"]

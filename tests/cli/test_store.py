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
    assert f"1 event in conflict with the lake, not read ({changed().event_id}): evalloop store conflicts" in told


@pytest.fixture
def clashing(drained: Path) -> str:
    """The id of a vote that the lake has otherwise."""
    loop.evidence.add_events(loop.open_project(), [changed()])
    return changed().event_id


def votes() -> list[float]:
    """What analysis reads of the votes."""
    with loop.open_evidence(loop.open_project()) as bench:
        return [row["value"] for row in bench.evidence.engine.records(bench.evidence.of_type("feedback.thumbs"))]


def test_conflicts_are_listed_with_what_differs(clashing: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Field by field, what the lake has and what waits."""
    assert run(["store", "conflicts"]) == 0
    told = capsys.readouterr().out
    assert told.startswith(f"{clashing}  2026-01-0")
    assert "\n    payload.value: 1 in the lake, -1 in the inbox\n" in told
    assert told.endswith("\n1 event in conflict\n")
    assert run(["store", "conflicts", "--json"]) == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["event_id"] == clashing
    assert {"field": "payload.value", "lake": 1, "inbox": -1} in found["differs"]


@pytest.mark.parametrize(("keep", "by_name", "value"), [("lake", True, 1), ("inbox", True, -1), ("inbox", False, -1)])
def test_conflict_is_settled_either_way(clashing: str, keep: str, by_name: bool, value: int,
                                        capsys: pytest.CaptureFixture[str]) -> None:
    """By id or all: one of the two is read, nothing is in conflict, and the next drain is clean."""
    assert votes() == [1]
    assert run(["store", "conflicts", "--keep", keep, clashing if by_name else "--all"]) == 0
    assert capsys.readouterr().out.startswith("dropped 1 event of the ")
    assert votes() == [value]
    assert run(["store", "drain"]) == 0
    assert votes() == [value]
    assert run(["store", "conflicts"]) == 5
    assert capsys.readouterr().out.endswith("0 events in conflict\n")


@pytest.mark.parametrize(("args", "says"), [
    (["--keep", "lake", "nobody"], "'nobody' is no event in conflict with the lake"),
    (["--keep", "lake"], "--keep needs the ids"), (["--keep", "inbox", "--all", "x"], "--keep needs the ids"),
    (["--all"], "--all needs --keep")])
def test_choice_of_a_conflict_must_be_whole(clashing: str, args: list[str], says: str,
                                            capsys: pytest.CaptureFixture[str]) -> None:
    """Neither an unknown id nor a choice without events changes anything."""
    assert run(["store", "conflicts", *args]) == 4
    assert says in capsys.readouterr().err
    assert run(["store", "conflicts"]) == 0


def test_one_is_no_plural(clashing: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Counts of the store are words as people write them."""
    assert run(["store", "stats"]) == 0
    told = capsys.readouterr().out
    assert "lake   2 events in 1 file of 1 day\n0 dead letters, 0 erased users\n" in told
    assert run(["deadletter", "list"]) == 5
    assert capsys.readouterr().out == "0 dead letters\n"


def test_nothing_to_settle_is_said(drained: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit 5 where no event is in conflict."""
    assert run(["store", "conflicts", "--keep", "inbox", "--all"]) == 5
    assert "no event is in conflict with the lake" in capsys.readouterr().err

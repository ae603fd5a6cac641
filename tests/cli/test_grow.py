"""``evalloop grow`` and ``evalloop review`` through the command line, on real feedback."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest

from evalloop.cli.main import run
from evalloop.cli.sitting import show
from evalloop.records.case import Case
from tests.cli.conftest import listed


def test_the_files_can_be_validated_and_grown_again(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Growing again brings nothing; every candidate has its events and a schema line for editors."""
    before = {path: path.read_bytes() for path in (project / "evalsets").rglob("*.yaml")}
    assert run(["validate"]) == 0
    assert run(["grow", "--evalset", "chat", "--per-cluster", "3"]) == 0
    assert "0 candidates" in capsys.readouterr().out
    assert {path: path.read_bytes() for path in (project / "evalsets").rglob("*.yaml")} == before
    assert all(case["provenance"]["events"] for case in listed(capsys))
    first = next(path for path in before if path.name != "suite.yaml").read_text().split("\n", 1)[0]
    assert (project / "evalsets/chat" / first.partition("$schema=")[2]).is_file()


def test_a_rejected_candidate_never_comes_back(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Its place is taken by another one, if there is one."""
    case = listed(capsys)[0]
    assert run(["review", "--reject", case["id"], "--reason", "not ours", "--by", "ann"]) == 0
    (row,) = map(json.loads, (project / "evalsets/chat/rejections.jsonl").read_text().splitlines())
    assert (row["id"], row["reason"], row["by"]) == (case["id"], "not ours", "ann")
    assert run(["grow", "--evalset", "chat", "--per-cluster", "3"]) == 0
    assert case["id"] not in {each["id"] for each in listed(capsys)}
    assert case["input"] not in [each["input"] for each in listed(capsys)]


def test_accepting_by_number_and_by_id(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For scripts: exit 0, and the evalset stays valid."""
    cases = listed(capsys)
    assert run(["review", "chat", "--accept", cases[2]["id"], "--accept-all", "2", "--by", "ann"]) == 0
    assert f"3 accepted, 0 rejected, {len(cases) - 3} candidates left" in capsys.readouterr().out
    assert [each["id"] for each in listed(capsys)] == [each["id"] for each in cases[3:]]
    assert run(["validate"]) == 0
    assert "3 accepted" in capsys.readouterr().out


def test_an_unknown_id_changes_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """All ids are looked up before the first decision is written."""
    cases = listed(capsys)
    assert run(["review", "--accept", cases[0]["id"], "--reject", "nope"]) == 4
    assert listed(capsys) == cases


def test_a_sitting_by_keys(project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip, accept, reject with a reason, undo that, an unknown key, quit."""
    cases = listed(capsys)
    monkeypatch.setattr("sys.stdin", io.StringIO("s\na\nr\nwrong theme\nu\nx\nq\n"))
    assert run(["review", "chat", "--by", "ann"]) == 0
    out = capsys.readouterr().out
    assert f"back to {cases[2]['id']}" in out
    assert "the user  | " in out
    assert [each["id"] for each in listed(capsys)] == [each["id"] for each in cases if each["id"] != cases[1]["id"]]
    assert not (project / "evalsets/chat/rejections.jsonl").exists()


def test_undo_takes_the_last_step_back(
        project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A skip after an acceptance is undone first, then the acceptance; then there is nothing left."""
    first, second, *_ = listed(capsys)
    monkeypatch.setattr("sys.stdin", io.StringIO("a\ns\nu\nu\nu\nq\n"))
    assert run(["review", "chat", "--by", "ann"]) == 0
    told = ("back", "accepted", "skipped", "nothing")
    lines = [line for line in capsys.readouterr().out.splitlines() if line.startswith(told)]
    assert lines == [f"accepted {first['id']}", f"skipped {second['id']}", f"back to {second['id']}",
                     f"back to {first['id']}", "nothing to undo"]
    assert listed(capsys)[0]["id"] == first["id"]


def test_the_request_of_a_long_conversation_is_shown(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What came before is cut; the message that has to be answered is not. The largest theme comes first."""
    cases = listed(capsys)
    shares = [case["provenance"]["share"] for case in cases]
    assert shares == sorted(shares, reverse=True)
    long = [{"role": "user", "content": "before " * 900}, {"role": "user", "content": "the request itself"}]
    show(Case("c", "k", {"messages": long}), 1)
    out = capsys.readouterr().out
    assert "request   | the request itself" in out
    assert len(out) < 1000


def test_an_edit_with_a_mistake_is_shown_and_can_be_mended(
        project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The editor opens again with the text as it was left."""
    script = project / "editor.py"
    script.write_text("import pathlib, sys\npath = pathlib.Path(sys.argv[1])\ntext = path.read_text()\n"
                      "new = text.replace('wieght', 'weight') if 'wieght' in text else text + 'wieght: 2\\n'\n"
                      "path.write_text(new)\n")
    monkeypatch.setenv("EDITOR", f"{sys.executable} {script}")
    monkeypatch.setattr("sys.stdin", io.StringIO("e\ny\nq\n"))
    assert run(["review"]) == 0
    assert "unknown key 'wieght'" in capsys.readouterr().err
    assert listed(capsys)[0]["weight"] == 2


def test_nothing_to_grow_or_review(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty project: exit 5 for both."""
    monkeypatch.chdir(tmp_path)
    assert run(["grow"]) == 5
    assert run(["review"]) == 5

"""``evalloop retire`` and second opinions through the command line, on real feedback."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from evalloop import loop
from evalloop.cases import write
from evalloop.cli.main import run
from evalloop.loop.evidence import add_events
from evalloop.records.case import Case, GraderSpec
from evalloop.records.cluster import Cluster, Themes
from evalloop.records.event import Event
from evalloop.store.themes import ThemeStore
from tests.cli.conftest import listed


def test_second_opinions_are_blind_and_agreement_is_shown(
        project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The second reviewer sees the cases, not the verdicts; then everybody sees the disputed one."""
    first, second, third = [case["id"] for case in listed(capsys)[:3]]
    assert run(["review", "--accept", first, "--accept", second, "--reject", third, "--reason", "vague",
                "--by", "ann"]) == 0
    assert run(["review", "chat", "--agreement"]) == 5
    capsys.readouterr()
    monkeypatch.setattr("sys.stdin", io.StringIO("a\na\nx\na\n"))
    assert run(["review", "chat", "--second-opinion", "9", "--by", "bob"]) == 0
    shown, _, told = capsys.readouterr().out.partition("3 cases judged by several of 2 reviewers")
    assert all(f"---- {each} (" in shown for each in (first, second, third))
    assert not any(word in shown for word in ("vague", "ann"))
    assert "67% agree, Cohen's kappa 0.00" in told
    assert f"disputed  {third}  ann: reject, bob: accept" in told
    assert run(["review", "chat", "--agreement", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["disputed"]) == [third]
    assert run(["review", "chat", "--second-opinion", "9", "--by", "bob"]) == 5


def test_a_case_retires_and_comes_back_with_its_theme(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It needs a reason; growing again brings nothing like it; a theme that came back opens it again."""
    case = listed(capsys)[0]
    theme = case["provenance"]["cluster_id"]
    assert run(["review", "--accept", case["id"], "--by", "ann"]) == 0
    assert run(["retire", case["id"]]) == 4
    assert "a step needs a reason" in capsys.readouterr().err
    assert run(["retire", case["id"], "--reason", "gone", "--by", "ann"]) == 0
    assert run(["grow", "--evalset", "chat", "--per-cluster", "3"]) == 0
    assert case["input"] not in [each["input"] for each in listed(capsys)]
    opened = loop.reopen_cases(loop.open_project(), theme, "regressed in v13")
    assert [each.id for each in opened] == [case["id"]]
    assert case["id"] in [each["id"] for each in listed(capsys)]
    assert loop.reopen_cases(loop.open_project(), theme, "again") == []


def test_stale_cases_are_proposed(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Old feedback alone makes nothing stale while nothing newer came in; exit 5 when nothing is proposed."""
    assert run(["review", "--accept-all", "2", "--by", "ann"]) == 0
    assert run(["retire", "--stale-days", "1"]) == 5
    assert "0 cases may retire" in capsys.readouterr().out


def test_a_case_of_a_version_that_is_gone_is_stale(
        tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The events say which release answered, and when each release answered last."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evalloop.toml").write_text("")
    project = loop.open_project()
    add_events(project, [
        Event(f"e-{release}", "generation.completed", at, {"kind": "app"},
              {"level": "response", "response_id": f"r-{release}", "session_id": release}, context={"release": release},
              payload={"input": {"text": "hi"}, "output": {"text": "ho"}})
        for release, at in (("v1", "2025-01-01T00:00:00.000000Z"), ("v2", "2026-10-01T00:00:00.000000Z"))])
    with ThemeStore(str(project.config.state_dir / "events.sqlite")) as store:
        store.save(Themes("2026-W40", 1, 1, (Cluster("c-1", "links", last_seen="2026-10-01T00:00:00Z"),)))
    write.add(tmp_path / "evalsets/e", "e", [
        Case(f"case-{release}", "links", {"vars": {"q": release}}, (GraderSpec("contains", {"value": "x"}),),
             provenance={"cluster_id": "c-1", "events": [f"e-{release}"], "reviewed_at": "2025-02-01T00:00:00Z"})
        for release in ("v1", "v2")])
    assert run(["retire"]) == 0
    out = capsys.readouterr().out
    assert "stale        case-v1: it was made of v1, which answered last 638 days ago" in out
    assert "case-v2" not in out

"""baseline on the command line: a run kept as a small file, and everything that reads runs reads it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from evalloop.cli.main import run
from evalloop.errors import ExitCode
from evalloop.records.call import Reply
from evalloop.records.run import Grade, Run, Trial
from evalloop.records.variant import Variant
from evalloop.store.runlog import RunLog

SECRET = "the answer of a user"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two runs on 40 cases; grades count for two clusters."""
    (tmp_path / "evalloop.toml").write_text("", encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    make_run(tmp_path, "old", lambda number: number % 3 == 0)
    make_run(tmp_path, "new", lambda number: number % 4 != 0)
    return tmp_path


def make_run(root: Path, name: str, passes, state: str = "ok") -> None:  # type: ignore[no-untyped-def]
    """A run log as ``evalloop run`` leaves it."""
    cases = [f"c-{number}" for number in range(40)]
    header = Run(run_id=f"r-{name}", name=name, evalset="e", evalset_path="evalsets/e", evalset_digest="d",
                 variant=Variant(name, "replay"), variant_id=f"v-{name}", created_at=f"2026-11-2{len(name)}T00:00:00",
                 cases=40, case_ids=tuple(cases))
    folder = root / ".evalloop" / "runs"
    folder.mkdir(parents=True, exist_ok=True)
    with RunLog.create(folder, header) as log:
        for number, case in enumerate(cases):
            good = passes(number)
            grades = (Grade("contains", "1", good, good, explanation=SECRET),
                      Grade("tone", "1", True, True, cluster="t"))
            log.append(Trial(case, "k", 0, state, Reply(SECRET * (number + 1), cost=0.5, latency_s=1.5), grades,
                             1.0 if good else 0.0, good, messages=({"role": "user", "content": SECRET},)))


def compared(capsys: pytest.CaptureFixture[str], *args: str) -> dict[str, object]:
    """What compare prints as JSON."""
    assert run(["compare", *args, "--json"]) == ExitCode.OK
    data: dict[str, object] = json.loads(capsys.readouterr().out)
    return data


def test_gives_the_same_comparison_without_the_run(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every figure, of both clusters, of length, cost and time, is that of the run itself."""
    whole = compared(capsys, "old", "new")
    assert run(["baseline", "set", "old"]) == ExitCode.OK
    (project / ".evalloop" / "runs" / "old.jsonl").unlink()
    capsys.readouterr()
    assert compared(capsys, "@baseline", "new") == whole
    assert compared(capsys, "baselines/e.jsonl", "new") == whole
    assert {row["cluster"] for row in whole["clusters"]} == {"k", "t"}  # type: ignore[attr-defined]


def test_holds_no_text_of_anybody(project: Path) -> None:
    """Neither questions, answers nor explanations; with --answers the answers are kept."""
    assert run(["baseline", "set", "old"]) == ExitCode.OK
    file = project / "baselines" / "e.jsonl"
    assert SECRET not in file.read_text(encoding="utf-8")
    assert file.stat().st_size < 40 * 400
    assert run(["baseline", "set", "old", "--answers"]) == ExitCode.OK
    assert SECRET in file.read_text(encoding="utf-8")


def test_the_gate_and_the_report_take_it(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``gate @baseline`` decides by it, and the page says that its answers were not kept."""
    run(["baseline", "set", "old"])
    evalset = project / "evalsets" / "e"
    evalset.mkdir(parents=True)
    (evalset / "suite.yaml").write_text("evalset: e\ngraders: [{contains: x}]\n", encoding="utf-8")
    (evalset / "k.evalset.yaml").write_text("evalset: e\ncases: [{id: c-1, cluster: k, input: {vars: {q: a}}}]\n",
                                            encoding="utf-8")
    assert run(["gate", "@baseline", "new"]) == ExitCode.OK
    assert run(["report", "@baseline", "new", "-o", "report.html"]) == ExitCode.OK
    assert (project / "report.html").stat().st_size > 10_000


def test_show_tells_which_run_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """Run, variant, cases and score, as a table and as JSON."""
    run(["baseline", "set", "old"])
    capsys.readouterr()
    assert run(["baseline", "show", "e", "--json"]) == ExitCode.OK
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["run"], row["variant_id"], row["cases"], row["errors"]) == ("old", "v-old", 40, 0)
    assert row["score"] == pytest.approx(14 / 40)
    assert run(["baseline", "show"]) == ExitCode.OK
    assert re.search(r"e +old +old v-old", capsys.readouterr().out)


def test_a_broken_run_is_no_baseline(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Trials in error are refused with the way on; --force keeps them as they are."""
    make_run(project, "torn", lambda number: True, state="error")
    assert run(["baseline", "set", "torn"]) == ExitCode.INCOMPLETE
    assert "evalloop run --resume torn" in capsys.readouterr().err
    assert run(["baseline", "set", "torn", "--force"]) == ExitCode.OK


def test_without_a_baseline_the_error_says_how_to_make_one(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither show nor @baseline can do without the file."""
    assert run(["baseline", "show"]) == ExitCode.EMPTY
    assert run(["compare", "@baseline", "new"]) == ExitCode.USAGE
    assert "evalloop baseline set RUN" in capsys.readouterr().err


def test_setting_it_again_writes_the_same_bytes(project: Path) -> None:
    """So that git shows a change only where there is one."""
    run(["baseline", "set", "old"])
    first = (project / "baselines" / "e.jsonl").read_bytes()
    run(["baseline", "set", "baselines/e.jsonl", "--answers"])
    assert (project / "baselines" / "e.jsonl").read_bytes() == first

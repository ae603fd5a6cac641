"""The gate's second stage: alarms are confirmed by fresh runs, never by the same answers again; and its budgets."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from evalloop.cli.main import run
from evalloop.errors import ExitCode

SUITE = """\
evalset: shop
gate: {{protected: [refunds], margin: 0.2{more}}}
variants:
  old: {{target: python, options: {{callable: "answers:old"}}}}
  new: {{target: python, options: {{callable: "answers:new"}}}}
graders: [contains: yes-word]
cases:
{cases}
"""
ANSWERS = """\
import os

FEW = {{str(number) for number in range(6)}}

def old(messages, **_):
    kind, number = messages[-1]["content"].split()
    return "no" if kind == "other" and number in FEW else "yes-word"

def new(messages, **_):
    kind, number = messages[-1]["content"].split()
    return "no" if kind == "refund" and number in FEW and {loses} else "yes-word"
"""


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Both variants run: the new one loses six of twelve refunds and wins six of eighty other cases."""

    def make(loses: str, more: str = "") -> None:
        (tmp_path / "evalloop.toml").write_text('allow_python = ["answers:old", "answers:new"]\n', encoding="utf-8")
        (tmp_path / "answers.py").write_text(ANSWERS.format(loses=loses), encoding="utf-8")
        cases = "".join(f"  - {{id: {name}-{number}, cluster: {name}, "
                        f"input: {{vars: {{q: '{name[:-1]} {number}'}}}}}}\n"
                        for name, count in (("refunds", 12), ("others", 80)) for number in range(count))
        (tmp_path / "evalsets").mkdir()
        (tmp_path / "evalsets" / "shop.evalset.yaml").write_text(SUITE.format(cases=cases, more=more), encoding="utf-8")
        for name in ("old", "new"):
            assert run(["run", "evalsets/shop.evalset.yaml", "--variant", name, "--name", name]) == ExitCode.OK

    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "answers", raising=False)
    return make


def gate(capsys: pytest.CaptureFixture[str], *more: str) -> tuple[int, str]:
    """Exit code and the verdict with its reasons."""
    capsys.readouterr()
    code = run(["gate", "old", "new", *more])
    told = capsys.readouterr()
    return code, told.out + told.err


def test_a_real_loss_is_confirmed_by_fresh_runs_of_its_cluster_alone(shop, capsys) -> None:
    """The alarm is open; --rerun runs the twelve cases twice under both variants, and blocks."""
    shop("True")
    code, told = gate(capsys)
    assert code == ExitCode.INCONCLUSIVE
    assert "alarm: protected cluster refunds is worse" in told
    assert "evalloop gate old new --rerun does both" in told
    code, told = gate(capsys, "--rerun")
    assert code == ExitCode.GATE_FAILED
    assert "and again in the confirming run" in told
    run(["runs", "--json"])
    runs = json.loads(capsys.readouterr().out)
    assert [(each["cases"], each["repeats"], each["summary"]["cached"]) for each in runs[2:]] == [(12, 2, 0)] * 2
    again = {each["variant"]["name"]: each["name"] for each in runs[2:]}
    assert gate(capsys, "--confirm", again["old"], again["new"])[0] == ExitCode.GATE_FAILED


def test_an_alarm_by_chance_is_lifted(shop, capsys) -> None:
    """Answers that were bad once and never again: the policy asks for the rerun, and the release passes."""
    shop("not os.path.exists('mended')", more=", rerun: true")
    Path("mended").touch()
    code, told = gate(capsys)
    assert (code, told.splitlines()[0]) == (ExitCode.OK, "PASS")
    assert "alarm on protected cluster refunds lifted" in told
    assert gate(capsys, "--no-rerun")[0] == ExitCode.INCONCLUSIVE


def test_runs_that_are_no_second_opinion_are_refused(shop, capsys) -> None:
    """The same runs, the other variant, too few repeats, a cached answer, answers graded again: each is named."""
    shop("True")
    code, told = gate(capsys, "--confirm", "old", "new")
    assert code == ExitCode.USAGE
    assert "old is one of the runs that raised it; new is one of the runs that raised it" in told
    for name in ("old", "new"):
        run(["run", "evalsets/shop.evalset.yaml", "--variant", name, "--name", f"{name}-once", "--no-cache"])
        run(["regrade", name, "--name", f"{name}-regraded"])
    assert "old-once has 1 repeats, 2 are needed" in gate(capsys, "--confirm", "old-once", "new-once")[1]
    assert "new-once ran another variant than old" in gate(capsys, "--confirm", "new-once", "old-once")[1]
    assert "holds the answers of old, graded again" in gate(capsys, "--confirm", "old-regraded", "new-regraded")[1]
    assert "evalloop run evalsets/shop.evalset.yaml --no-cache --repeats 2" in told


def test_a_replay_is_refused(shop, capsys) -> None:
    """A recording gives the same answers for ever: it cannot confirm, and it cannot be run afresh."""
    shop("True")
    for name, bad in (("old", "others"), ("new", "refunds")):
        rows = [{"id": f"{kind}-{number}", "output": "no" if kind == bad and number < 6 else "yes-word"}
                for kind, count in (("refunds", 12), ("others", 80)) for number in range(count) for _ in range(2)]
        Path(f"{name}.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
        Path(f"{name}.yaml").write_text(f"target: replay\noptions: {{path: {name}.jsonl}}\n", encoding="utf-8")
        for repeats, run_name in ((1, f"{name}-recorded"), (2, f"{name}-again")):
            assert run(["run", "evalsets/shop.evalset.yaml", "--variant", f"{name}={name}.yaml", "--name", run_name,
                        "--repeats", str(repeats)]) == ExitCode.OK
    capsys.readouterr()
    recorded = ["gate", "old-recorded", "new-recorded"]
    assert run([*recorded, "--confirm", "old-again", "new-again"]) == ExitCode.USAGE
    assert "old-again replays a recording: the same answers again are no second opinion" in capsys.readouterr().err
    assert run([*recorded, "--rerun"]) == ExitCode.USAGE
    assert "old and new replay recordings" in capsys.readouterr().err


def test_cached_answers_do_not_confirm(tmp_path, monkeypatch, capsys) -> None:
    """Answers that came out of the cache are counted and refused."""
    from evalloop.errors import UsageError
    from evalloop.records.call import Reply
    from evalloop.records.run import Run, Trial
    from evalloop.records.variant import Variant
    from evalloop.report.confirmation import fresh

    header = Run("r", "again", "shop", "evalsets/shop", "d", Variant("v", "openai"), "v-1", "2026-11-24T00:00:00Z")
    trials = [Trial(f"c{number}", "k", 0, "ok", Reply("yes", cached=number == 2)) for number in range(4)]
    with pytest.raises(UsageError, match="1 of 4 answers of again came out of the cache"):
        list(fresh(header, trials))
    assert len(list(fresh(header, trials[:2]))) == 2


def table(path: Path, latency: float, spread: float, cost: float) -> list[str]:
    """Two variants that score alike; the new one is slower and dearer."""
    lines = ["case,variant,value,seconds,dollars"]
    for number in range(400):
        lines += [f"c{number},a,1,1.0,0.001", f"c{number},b,1,{latency + spread * (-1) ** number},{cost}"]
    path.write_text("\n".join(lines), encoding="utf-8")
    return ["gate", "--table", str(path), "--latency", "seconds", "--cost", "dollars", "a", "b", "--policy"]


@pytest.mark.parametrize(("policy", "code", "reason"), [
    ("max_latency: 1.5", ExitCode.GATE_FAILED, "mean latency of an answer is 2 s, the budget is 1.5 s"),
    ("max_latency: 1.9999", ExitCode.INCONCLUSIVE, "chance alone could explain it"),
    ("max_latency: 2.5", ExitCode.OK, "PASS"),
    ("max_cost_change: 0.2", ExitCode.GATE_FAILED, "rose from 0.001 to 0.002 $, the policy allows 20 % more"),
    ("max_cost: 0.01", ExitCode.OK, "PASS")])
def test_budgets(tmp_path, monkeypatch, capsys, policy: str, code: int, reason: str) -> None:
    """A budget blocks beyond what chance explains, and is open where chance could explain it."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text(policy, encoding="utf-8")
    assert run([*table(tmp_path / "t.csv", 2.0, 0.1, 0.002), "policy.yaml"]) == code
    assert reason in capsys.readouterr().out


TABLE = ("--table", "t.csv", "--cluster", "part", "--cost", "usd", "a", "b")


@pytest.mark.parametrize(("flags", "code", "reason"), [
    ((), ExitCode.OK, "PASS"),
    (("--max-cost-change", "0.2"), ExitCode.GATE_FAILED, "the policy allows 20 % more"),
    (("--max-cost", "0.01"), ExitCode.OK, "PASS"),
    (("--approval", "liked"), ExitCode.GATE_FAILED, "what is right is worse: −20.0 points"),
    (("--approval", "like"), ExitCode.USAGE, "the table has no cluster of that name")])
def test_budgets_and_approval_as_options(tmp_path, monkeypatch, capsys, flags: tuple[str, ...], code: int,
                                         reason: str) -> None:
    """The command line takes what the policy takes; here the candidate pleases more, costs more and is wrong more."""
    monkeypatch.chdir(tmp_path)
    rows = [f"{part}{number},{part},{name},{value},{0.001 * (1 + (name == 'b'))}"
            for part, count, old, new in (("liked", 400, 100, 400), ("right", 100, 100, 80)) for number in range(count)
            for name, value in (("a", int(number < old)), ("b", int(number < new)))]
    (tmp_path / "t.csv").write_text("\n".join(["case,part,variant,value,usd", *rows]))
    assert run(["gate", *TABLE, *flags]) == code
    told = capsys.readouterr()
    assert reason in told.out + told.err


def test_a_budget_without_figures_is_incomplete(tmp_path, monkeypatch, capsys) -> None:
    """What nobody measured cannot keep a budget."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.yaml").write_text("max_cost: 1", encoding="utf-8")
    arguments = table(tmp_path / "t.csv", 2.0, 0.1, 0.002)
    del arguments[5:7]
    assert run([*arguments, "policy.yaml"]) == ExitCode.INCOMPLETE
    assert "the policy has a budget for cost" in capsys.readouterr().out

"""A server that fails in every way: no trial is lost or doubled, none is green, and a retry finishes the run.

``EVALLOOP_FAULT_CASES=2000`` makes it larger.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

CASES = int(os.environ.get("EVALLOOP_FAULT_CASES", "300"))
FAULTS = "429=0.12,500=0.12,truncated=0.08,reset=0.08,hang=0.04,drip=0.04"
KINDS = {part.partition("=")[0] for part in FAULTS.split(",")}


def _trials(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [row for row in rows if row["type"] == "trial"]


def test_every_case_ends_graded_or_as_an_error_and_a_retry_finishes(project: Any, new_server: Any,
                                                                    read_lines: Any) -> None:
    """Exit 7 with errors, each case once in the log; with the server mended, only the errors are asked again."""
    bad = new_server("--faults", FAULTS, "--retry-after", "0.02", "--latency", "0.005")
    good = new_server()
    project.make("$URL", CASES)
    project.write("variants/base.yaml", "target: openai\nmodel: m\nprompt: 'Sum up: {{ question }}'\n")
    project.write("evalloop.toml", "retries = 1\ntimeout = 0.5\nconcurrency = 50\n")
    project.env |= {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": bad.base_url}
    run = project.evalloop("run", "sums", "--variant", "base", "--name", "r", "--json")
    assert run.returncode == 7, run.stderr
    told = json.loads(run.stdout)[0]
    assert told["ok"] + told["errors"] == CASES
    assert told["ok"] == told["passed"] > 0
    assert told["errors"] > 0
    assert set(bad.stats()["faults"]) == KINDS
    first = _trials(read_lines(Path(told["path"])))
    assert Counter(row["case_id"] for row in first) == Counter(f"c-{n:04d}" for n in range(CASES))
    failed = {row["case_id"] for row in first if row["state"] == "error"}
    assert len(failed) == told["errors"]
    assert all("score" not in row and "passed" not in row for row in first if row["state"] == "error")

    project.env["OPENAI_BASE_URL"] = good.base_url
    project.write("evalloop.toml", "timeout = 30.0\n")
    again = project.evalloop("run", "--retry-errors", "r", "--json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)[0]["calls"] == len(failed)
    assert good.stats()["requests"] == len(failed)
    ended = _trials(read_lines(Path(told["path"])))
    good_ends = Counter(row["case_id"] for row in ended if row["state"] == "ok")
    assert good_ends == Counter(f"c-{n:04d}" for n in range(CASES))
    assert project.evalloop("run", "--retry-errors", "r").returncode == 5


def test_an_old_error_stands_until_its_trial_has_a_better_end(project: Any, new_server: Any, read_lines: Any) -> None:
    """A retry that fails again, or is not begun, takes nothing away; trials put off keep the exit code at 7."""
    bad, good = new_server("--faults", "500=1"), new_server()
    project.make("$URL", 6)
    project.write("variants/base.yaml", "target: openai\nmodel: m\nprompt: 'Sum up: {{ question }}'\n")
    project.write("evalloop.toml", "retries = 0\nconcurrency = 1\n")
    project.env |= {"OPENAI_API_KEY": "sk-test", "OPENAI_BASE_URL": bad.base_url}
    assert project.evalloop("run", "sums", "--variant", "base", "--name", "r", "--max-calls", "4").returncode == 7
    assert project.evalloop("run", "--retry-errors", "r", "--max-calls", "1").returncode == 7
    exported = project.evalloop("export", "r", "-o", "rows.jsonl")
    assert exported.returncode == 0, exported.stderr
    rows = read_lines(project.root / "rows.jsonl")
    assert [row["state"] for row in rows] == ["error"] * 4
    project.env["OPENAI_BASE_URL"] = good.base_url
    done = project.evalloop("run", "--retry-errors", "r")
    assert done.returncode == 7
    assert "2 trials not begun" in done.stderr
    assert project.evalloop("run", "--resume", "r").returncode == 0

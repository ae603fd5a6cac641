"""action.yml: its steps, run by bash as a runner does, on real results and against a server with comments."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

CHECKOUT = Path(__file__).parents[2]
ACTION = yaml.safe_load((CHECKOUT / "action.yml").read_text(encoding="utf-8"))
TABLE = "--table 'my scores.csv' --cluster cluster"


class Runner:
    """A workflow job for pull request 12 that uses the action with some inputs."""

    def __init__(self, folder: Path, api: str) -> None:
        self.folder, self.code, self.log = folder, 0, ""
        self.outputs: dict[str, dict[str, str]] = {"artifact": {"artifact-url": "https://github.test/artifacts/1"}}
        event, programs = folder / "event.json", folder / "bin"
        event.write_text(json.dumps({"pull_request": {"number": 12}}))
        programs.mkdir()
        (programs / "evalloop").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m evalloop "$@"\n')
        (programs / "evalloop").chmod(0o755)
        self.environment = {**os.environ, "PATH": f"{programs}:{os.environ['PATH']}", "PYTHONPATH": str(CHECKOUT),
                            "GITHUB_API_URL": api, "GITHUB_REPOSITORY": "me/app", "GITHUB_EVENT_PATH": str(event),
                            "GITHUB_STEP_SUMMARY": str(folder / "summary.md")}

    def use(self, **inputs: str) -> Runner:
        """Runs the steps that bash runs, in their order; the job's code is that of the last one."""
        given = {name: each["default"] for name, each in ACTION["inputs"].items()}
        given |= {name.replace("_", "-"): value for name, value in inputs.items()} | {"token": "secret-token"}
        for step in ACTION["runs"]["steps"]:
            if "run" not in step or not self.wanted(step.get("if", "")):
                continue
            output = self.folder / "output.txt"
            output.write_text("")
            values = {name: self.filled(value, given) for name, value in step["env"].items()}
            done = subprocess.run(["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]], text=True,
                                  cwd=self.folder / given["working-directory"], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, timeout=120,
                                  env={**self.environment, **values, "GITHUB_OUTPUT": str(output)})
            self.code, self.log = done.returncode, self.log + done.stdout
            self.outputs[step["id"]] = dict(line.split("=", 1) for line in output.read_text().splitlines())
        return self

    def wanted(self, condition: str) -> bool:
        """The conditions of the action, as far as they hang on what the gate said."""
        return "verdict != ''" not in condition or bool(self.outputs["gate"]["verdict"])

    def filled(self, text: str, given: dict[str, str]) -> str:
        """An expression of the action; nothing but inputs and outputs of steps may stand in one."""
        def value(match: re.Match[str]) -> str:
            kind, *names = match[1].split(".")
            return given[names[0]] if kind == "inputs" else self.outputs[names[0]].get(names[2], "")

        return re.sub(r"\$\{\{ ([\w.-]+) \}\}", value, text)


@pytest.fixture
def job(tmp_path: Path, github: Any) -> Runner:
    """A job in a folder with the results of two variants: b is much worse in one cluster."""
    if shutil.which("bash") is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no bash on this machine")
    rows = [f"{cluster}-{number},{cluster},{name},{int(name == 'a' or cluster == 'hours' or number > 30)}"
            for cluster in ("refunds", "hours") for number in range(40) for name in "ab"]
    (tmp_path / "my scores.csv").write_text("\n".join(["case,cluster,variant,value", *rows]))
    return Runner(tmp_path, github.url)


def test_blocked_release_fails_the_job_and_says_why(job: Runner, github: Any) -> None:
    """One comment, the summary, annotations, the page, and the gate's exit code; again: still one comment."""
    job.use(baseline="a", candidate="b", options=TABLE)
    assert (job.code, job.outputs["gate"]) == (1, {"code": "1", "verdict": "BLOCK"})
    assert "::error title=evalloop%3A BLOCK::b against a" in job.log
    assert (job.folder / "evalloop-report/report.html").stat().st_size > 10_000
    body = github.comments[0]["body"]
    assert body.splitlines()[1] == "## BLOCK: b against a"
    assert body.endswith("[The whole report](https://github.test/artifacts/1)\n")
    assert (job.folder / "summary.md").read_text().splitlines()[1] == "## BLOCK: b against a"
    job.use(baseline="b", candidate="a", options=TABLE)
    assert job.code == 0
    assert [each["body"].splitlines()[1] for each in github.comments] == ["## PASS: a against b"]


def test_fork_is_warned_and_judged_all_the_same(job: Runner, github: Any) -> None:
    """A token that may not write costs the comment, never the verdict."""
    github.writes = False
    job.use(baseline="a", candidate="b", options=TABLE)
    assert job.code == 1
    assert "warning: no comment: 403" in job.log
    assert github.comments == []


def test_comment_of_an_app_is_kept_up_to_date(job: Runner, github: Any) -> None:
    """An app's token cannot ask for its name; ``author`` says it, so that no second comment appears."""
    github.add("my-app[bot]", "<!-- evalloop report: my-scores.csv -->\n## PASS: old")
    job.use(baseline="a", candidate="b", options=TABLE, author="my-app[bot]", key="my-scores.csv")
    assert [each["body"].splitlines()[1] for each in github.comments] == ["## BLOCK: b against a"]


def test_allowed_code_passes_and_a_mistake_keeps_its_own(job: Runner) -> None:
    """``allow`` lets a verdict through; a wrong command line is exit 4 and not a verdict."""
    assert job.use(baseline="a", candidate="b", options=TABLE, allow="6 1").code == 0
    assert job.use(baseline="a", candidate="nobody", options=TABLE, allow="6 1").code == 4
    assert job.outputs["gate"]["verdict"] == ""


def test_options_are_words_and_never_commands(job: Runner) -> None:
    """What a branch is called cannot run."""
    job.use(baseline="a", candidate="$(touch owned)`touch owned`;touch owned", options=f"{TABLE} '$(touch owned)'")
    assert not (job.folder / "owned").exists()
    assert all("${{" not in step.get("run", "") for step in ACTION["runs"]["steps"])


def test_foreign_actions_are_pinned() -> None:
    """By their whole commit."""
    assert all(re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", step["uses"])
               for step in ACTION["runs"]["steps"] if "uses" in step)

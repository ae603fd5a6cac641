"""A session from its header to the files it leaves: replay, budget, reports, resuming."""

from __future__ import annotations

import json
import os
import re
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest

PRICED = '''\
async def answer(text):
    return {"text": text, "cost": 0.01}
'''


@pytest.fixture
def priced(make_project) -> Path:
    """The same twelve cases, answered by a callable of which each call costs a cent."""
    folder = make_project("http://127.0.0.1:9/v1")
    (folder / "target.py").write_text(PRICED)
    (folder / "evalloop.toml").write_text('allow_python = ["target.py:answer"]\n')
    suite = folder / "evalsets" / "greet" / "suite.yaml"
    callable_ = 'python, options: {callable: "target.py:answer"}'
    suite.write_text(re.sub(r"openai, model: echo, options: \{[^}]*\}", callable_, suite.read_text()))
    return folder


def runs_of(project: Path) -> list[str]:
    """The names of the runs that there are."""
    return sorted(path.stem for path in (project / ".evalloop" / "runs").glob("*.jsonl"))


def test_the_header_says_what_will_be_run(project, run_pytest) -> None:
    """Cases, variants, calls and what decides; under xdist what the controller can know."""
    alone = run_pytest(project, "evalsets", "--collect-only", "-q", "--evalloop-repeats", "2")
    assert "evalloop: 12 cases x 2 variants, at most 48 calls, 50 in flight, gate against base" in alone.stdout
    some = run_pytest(project, "evalsets", "--collect-only", "-k", "case-00 or (case-01 and base)")
    assert "evalloop: 2 cases x 2 variants (3 items selected)" in some.stdout
    dealt = run_pytest(project, "evalsets", "-n", "2")
    assert "evalloop: 12 cases x 2 variants, all on worker gw0" in dealt.stdout


def test_xdist_is_not_needed(project, run_pytest) -> None:
    """A user who has pytest alone runs evalsets and sees their table."""
    (project / "conftest.py").write_text("import sys\nsys.modules.update({'xdist': None, 'xdist.scheduler': None})\n")
    result = run_pytest(project, "evalsets", "-p", "no:xdist")
    assert "evalloop: 12 cases x 2 variants" in result.stdout
    assert result.returncode == 0, result.stdout + result.stderr
    assert "gate: PASS" in result.stdout


def test_replayed_runs_are_graded_again_without_a_call(project, run_pytest, model_server) -> None:
    """The graders of today judge the outputs of then; a case without an output is an error."""
    run_pytest(project, "evalsets", "--deselect", "evalsets/greet/greetings.evalset.yaml::case-11")
    runs = runs_of(project)
    model_server.reset()
    cases = project / "evalsets" / "greet" / "greetings.evalset.yaml"
    cases.write_text(cases.read_text().replace('contains: "yes"', 'contains: "no"'))
    result = run_pytest(project, "evalsets", "--evalloop-fail-on", "case",
                        *(f"--evalloop-replay={name}" for name in runs))
    assert "13 failed, 11 passed" in result.stdout
    assert "holds no output of case case-11" in result.stdout
    assert model_server.stats()["requests"] == 0
    assert len(runs_of(project)) == 4


def test_a_spent_budget_stops_calls_and_is_no_quality_loss(priced, run_pytest) -> None:
    """What was not asked is an error that names the budget; the run can be gone on with."""
    result = run_pytest(priced, "evalsets", "--evalloop-budget", "0.05", "--evalloop-concurrency", "1",
                        "--evalloop-variant", "cand")
    assert "7 failed, 5 passed" in result.stdout
    assert "the budget of $0.05 is spent" in result.stdout
    name, = runs_of(priced)
    resumed = subprocess.run([sys.executable, "-m", "evalloop", "run", "--resume", name, "--json"], cwd=priced,
                             capture_output=True, text=True, timeout=60, check=False)
    assert resumed.returncode == 0, resumed.stderr
    assert json.loads(resumed.stdout)[0]["calls"] == 7


def test_ini_values_stand_where_no_option_is_given(priced, run_pytest) -> None:
    """Options with underscores; a wrong one is refused."""
    (priced / "pytest.ini").write_text("[pytest]\nevalloop_variant =\n    base\n    cand\nevalloop_baseline = base\n"
                                       "evalloop_budget = 5\n")
    assert "gate against base, budget $5" in run_pytest(priced, "evalsets", "--collect-only").stdout
    (priced / "pytest.ini").write_text("[pytest]\nevalloop_fail_on = sometimes\n")
    refused = run_pytest(priced, "evalsets")
    assert refused.returncode == 2
    assert "use one of: auto, gate, case, never" in refused.stdout


def test_report_and_json_are_written_at_the_end(priced, run_pytest) -> None:
    """The page shows the comparison with both answers; the JSON has runs, clusters and the comparison."""
    result = run_pytest(priced, "evalsets", "--evalloop-baseline", "base", "--evalloop-report", "out/report.html",
                        "--evalloop-json", "out/report.json")
    assert result.returncode == 0, result.stdout
    assert "PASS: cand against base" in (priced / "out" / "report.html").read_text()
    data = json.loads((priced / "out" / "report.json").read_text())
    assert [run["variant"] for run in data["runs"]] == ["base", "cand"]
    assert data["runs"][1]["clusters"] == [
        {"cluster": "greetings", "trials": 12, "passed": 12, "judged": 12, "errors": 0, "score": 1.0}]
    assert data["runs"][0]["cost"] == pytest.approx(0.12)
    assert data["comparisons"][0]["gate"]["verdict"] == "PASS"


def test_a_kept_baseline_needs_no_option_and_no_second_variant(priced, run_pytest) -> None:
    """After ``evalloop baseline set``, the candidate alone is gated, and --evalloop-report has its page."""
    for words in (["run", "evalsets/greet", "--variant", "base"], ["baseline", "set", "@latest"]):
        subprocess.run([sys.executable, "-m", "evalloop", *words], cwd=priced, timeout=60, check=True)
    result = run_pytest(priced, "evalsets", "--evalloop-variant", "cand", "--evalloop-report", "report.html")
    assert result.returncode == 0, result.stdout
    assert "gate against @baseline" in result.stdout
    assert "PASS: cand against @baseline" in (priced / "report.html").read_text()


def test_without_a_baseline_there_is_no_page_and_the_session_says_so(priced, run_pytest) -> None:
    """The option is not passed over in silence."""
    result = run_pytest(priced, "evalsets", "--evalloop-report", "report.html")
    assert "was not written: there is no baseline to compare with (--evalloop-baseline" in result.stdout


def test_a_baseline_that_does_not_exist_stops_before_the_first_call(project, run_pytest, model_server) -> None:
    """Neither a variant nor a run of that name."""
    result = run_pytest(project, "evalsets", "--evalloop-baseline", "bsae")
    assert result.returncode == 2
    assert "no run 'bsae'" in result.stdout
    assert model_server.stats()["requests"] == 0


def test_graders_of_a_conftest_are_plugins_of_the_session(make_project, model_server, run_pytest) -> None:
    """A hook in a conftest.py is enough; a broken one is named."""
    project = make_project(model_server.base_url)
    conftest = project / "evalsets" / "conftest.py"
    conftest.write_text(GRADER)
    cases = project / "evalsets" / "greet" / "greetings.evalset.yaml"
    cases.write_text(cases.read_text().replace('contains: "yes"', "polite"))
    assert "12 failed, 12 passed" in run_pytest(project, "evalsets", "-p", "no:cacheprovider").stdout
    conftest.write_text(GRADER.replace("@evalloop.hookimpl\n", ""))
    broken = run_pytest(project, "evalsets")
    assert broken.returncode == 2
    assert "hookimpl" in broken.stdout


GRADER = '''\
import evalloop


class Polite:
    name, version = "polite", "1"
    schema = {"type": "object", "properties": {}, "additionalProperties": False}
    short, deterministic, needs = None, True, frozenset()

    def grade(self, context, options):
        return "yes" in context.output


@evalloop.hookimpl
def evalloop_graders():
    return [Polite()]
'''


@pytest.mark.skipif(sys.platform == "win32", reason="no pseudo-terminals")
def test_a_terminal_shows_what_an_item_waits_for(make_project, new_server, start_pytest) -> None:
    """A status line stands behind the cursor while calls are in flight, and only on a terminal."""
    import pty

    server = new_server("--latency", "1.0")
    folder = make_project(server.base_url)
    ours, theirs = pty.openpty()
    process = start_pytest("evalsets", "-k", "case-00", cwd=folder, stdout=theirs, stderr=theirs,
                           stdin=subprocess.DEVNULL, env={**os.environ, "TERM": "xterm"})
    os.close(theirs)
    shown = read_all(ours, process)
    assert "0/2 calls, 2 in flight" in shown
    assert re.search(r"1 failed.*1 passed", shown)


def read_all(handle: int, process: subprocess.Popen[bytes]) -> str:
    """Everything that a process writes to its terminal."""
    parts, end = [], time.monotonic() + 60
    while time.monotonic() < end:
        ready, _, _ = select.select([handle], [], [], 0.2)
        try:
            data = os.read(handle, 65536) if ready else b""
        except OSError:
            break
        parts.append(data)
        if not data and process.poll() is not None:
            break
    process.wait(timeout=60)
    os.close(handle)
    return b"".join(parts).decode(errors="replace")

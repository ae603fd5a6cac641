"""Evalsets as pytest items, run by the real pytest in a process of its own."""

from __future__ import annotations

import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def test_each_case_and_variant_is_an_item(project: Path, model_server, run_pytest) -> None:
    """Items are named file::case::variant, and collecting them asks no model."""
    result = run_pytest(project, "--collect-only", "-q")
    assert "evalsets/greet/greetings.evalset.yaml::case-00::base" in result.stdout
    assert "24 tests collected" in result.stdout
    assert model_server.stats()["requests"] == 0


def test_a_candidate_that_is_better_passes_the_gate(project: Path, run_pytest) -> None:
    """Failing cases of the baseline do not fail the session; the table and the gate are printed."""
    result = run_pytest(project, "evalsets")
    assert result.returncode == 0, result.stdout
    assert "12 evalfail" in result.stdout
    assert "gate: PASS" in result.stdout
    assert "greetings" in result.stdout


def test_a_worse_candidate_blocks_with_exit_1(model_server, run_pytest, make_project) -> None:
    """When the gate blocks, it is shown as a failed test and the exit code is 1, also with xdist."""
    folder = make_project(model_server.base_url, "baseline: cand")
    for more in ((), ("-n", "2")):
        result = run_pytest(folder, "evalsets", *more)
        assert result.returncode == 1, result.stdout
        assert "FAILED evalsets/greet::gate[base]" in result.stdout
        assert "gate: BLOCK" in result.stdout
        shown = [int(each) for each in re.findall(r"\[ *(\d+)%\]", result.stdout)]
        assert max(shown) == 100, "the gate is one report more, and counted"


def test_selection_by_keyword_and_mark_asks_only_what_is_selected(project: Path, model_server, run_pytest) -> None:
    """``-k`` and ``-m`` choose items before the first call; tags and clusters are marks."""
    assert run_pytest(project, "evalsets", "-k", "case-03").returncode == 0
    assert model_server.stats()["requests"] == 2
    result = run_pytest(project, "evalsets", "-m", "even and cluster_greetings", "--strict-markers",
                        "--evalloop-variant", "cand", "--evalloop-fail-on", "case")
    assert "6 passed" in result.stdout


def test_failing_cases_fail_without_a_baseline_and_lf_repeats_them(model_server, run_pytest, make_project) -> None:
    """Without a baseline each failing case fails, and ``--lf`` runs just those again."""
    folder = make_project(model_server.base_url)
    first = run_pytest(folder, "evalsets")
    assert first.returncode == 1
    assert "12 failed, 12 passed" in first.stdout
    again = run_pytest(folder, "evalsets", "--lf", "--collect-only", "-q")
    assert "12/24 tests collected" in again.stdout


def test_x_stops_early(new_server, run_pytest, make_project) -> None:
    """``-x`` stops at the first failure and asks at most twice the concurrency beyond it."""
    server = new_server("--latency", "0.02")
    folder = make_project(server.base_url)
    result = run_pytest(folder, "evalsets", "-x", "--evalloop-concurrency", "2")
    assert "1 failed" in result.stdout
    assert server.stats()["requests"] <= 1 + 2 * 2


def test_junit_has_one_testcase_an_item_with_its_cluster(project: Path, run_pytest) -> None:
    """``--junitxml`` writes every item, its cluster, run, score and latency, and the gate."""
    run_pytest(project, "evalsets", "--junitxml", "out.xml")
    cases = ElementTree.parse(project / "out.xml").getroot().findall(".//testcase")
    assert len(cases) == 25
    properties = {each.get("name"): each.get("value") for each in cases[0].findall(".//property")}
    assert {"cluster": "greetings", "score": "0.0"}.items() <= properties.items()
    assert float(properties["latency_s"]) > 0
    assert (project / ".evalloop" / "runs" / f"{properties['run']}.jsonl").is_file()


def test_a_call_that_fails_is_an_error_and_no_quality_loss(new_server, run_pytest, make_project) -> None:
    """A server that breaks fails the item as CallFailed, whatever decides; it never counts as a failing case."""
    server = new_server("--faults", "500=1.0")
    folder = make_project(server.base_url, "baseline: base")
    result = run_pytest(folder, "evalsets", "-k", "case-00")
    assert result.returncode == 1
    assert "CallFailed" in result.stdout
    assert "evalfail" not in result.stdout


def test_a_broken_evalset_is_named_with_its_line(project: Path, run_pytest) -> None:
    """A misspelt key stops the session with file, line and mend, without a traceback."""
    file = project / "evalsets" / "greet" / "greetings.evalset.yaml"
    file.write_text(file.read_text().replace("graders: [", "asert: [", 1))
    result = run_pytest(project, "evalsets")
    assert result.returncode == 2
    assert "greetings.evalset.yaml:6" in result.stdout
    assert "did you mean 'assert'" in result.stdout
    assert "Traceback" not in result.stdout


def test_answers_cannot_write_escapes_or_ci_commands(model_server, run_pytest, make_project) -> None:
    """The output of a model is quoted: no escape sequence and no CI command reaches the log."""
    folder = make_project(model_server.base_url)
    suite = folder / "evalsets" / "greet" / "suite.yaml"
    suite.write_text(suite.read_text().replace("no: {{ word }}", "::error::\\e[31mred {{ word }}"))
    result = run_pytest(folder, "evalsets", "-k", "case-00 and base")
    assert "\x1b[31mred" not in result.stdout
    assert not any(line.lstrip().startswith("::error::") for line in result.stdout.splitlines())


def test_each_session_leaves_runs_to_compare(project: Path, run_pytest) -> None:
    """The trials of a session are kept as runs, one for each variant."""
    run_pytest(project, "evalsets")
    listed = subprocess.run([sys.executable, "-m", "evalloop", "runs", "--json"], cwd=project, capture_output=True,
                            text=True, timeout=60)
    assert listed.stdout.count('"greet-') >= 2, listed.stdout + listed.stderr


def test_foreign_sessions_load_nothing(tmp_path: Path, run_pytest) -> None:
    """A session without evalsets imports no more of evalloop than the plugin's first module, and writes nothing."""
    (tmp_path / "test_plain.py").write_text(
        "import sys\n\ndef test_plain():\n"
        "    assert not [m for m in sys.modules if m.startswith(('evalloop.loop', 'evalloop.pytest_plugin.'))]\n"
        "    assert not {'numpy', 'scipy', 'litellm', 'yaml', 'click'} & set(sys.modules)\n")
    result = run_pytest(tmp_path, "-p", "no:cacheprovider", "test_plain.py")
    assert result.returncode == 0, result.stdout
    assert not (tmp_path / ".evalloop").exists()

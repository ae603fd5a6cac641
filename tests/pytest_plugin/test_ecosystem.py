"""Eval items beside other people's plugins; each test needs its plugin (``tox -e pytest-ecosystem`` has them all)."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import entry_points
from importlib.util import find_spec
from pathlib import Path

import pytest

PLUGIN = () if entry_points(group="pytest11", name="evalloop") else ("-p", "evalloop.pytest_plugin")


def needs(*modules: str) -> pytest.MarkDecorator:
    """Skips where one of these plugins is not installed."""
    missing = [name for name in modules if find_spec(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")


def run(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    """pytest with every plugin of this environment."""
    return subprocess.run([sys.executable, "-m", "pytest", *PLUGIN, *args], cwd=folder, capture_output=True, text=True,
                          timeout=120, check=False)


def trials_of(folder: Path) -> list[dict]:
    """The trials of all run logs."""
    lines = [line for path in (folder / ".evalloop" / "runs").glob("*.jsonl") for line in path.read_text().splitlines()]
    return [row for row in map(json.loads, lines) if row["type"] == "trial"]


@needs("pytest_randomly")
def test_any_order_gives_the_same_result(project, model_server) -> None:
    """pytest-randomly shuffles the items: each is called once, and the gate is the same."""
    for seed in ("1", "2"):
        model_server.reset()
        result = run(project, "evalsets", f"--randomly-seed={seed}",
                     "--evalloop-no-cache")
        assert result.returncode == 0, result.stdout
        assert "gate: PASS" in result.stdout
        assert sorted(model_server.stats()["prompts"].values()) == [1] * 24


@needs("pytest_rerunfailures")
def test_an_item_that_is_run_again_counts_once(make_project, new_server) -> None:
    """pytest-rerunfailures asks again what ended in an error; the run log keeps the last attempt alone."""
    server = new_server()
    folder = make_project(server.base_url)
    cases = folder / "evalsets" / "greet" / "greetings.evalset.yaml"
    cases.write_text(cases.read_text().replace("word: w03", 'word: "w03 [[fault: 500 1]]"'))
    result = run(folder, "evalsets", "--reruns", "1", "--evalloop-variant", "cand")
    assert "12 passed, 1 rerun" in result.stdout
    assert server.stats()["requests"] == 13
    assert sorted(each["case_id"] for each in trials_of(folder)) == [f"case-{number:02}" for number in range(12)]
    assert {each["state"] for each in trials_of(folder)} == {"ok"}


@needs("pytest_asyncio", "anyio")
def test_async_tests_run_beside_eval_items(project) -> None:
    """The background loop and those of pytest-asyncio and anyio do not meet; claims work within them."""
    (project / "test_async.py").write_text(
        "import asyncio\nimport evalloop\nimport pytest\n\n"
        "@pytest.mark.asyncio\nasync def test_asyncio():\n    await asyncio.sleep(0)\n"
        "    evalloop.expect('yes').contains('yes')\n\n"
        "@pytest.mark.anyio\n@pytest.mark.parametrize('anyio_backend', ['asyncio'])\n"
        "async def test_anyio(anyio_backend):\n    evalloop.expect('yes').contains('yes')\n")
    result = run(project)
    assert result.returncode == 0, result.stdout
    assert "15 passed, 12 evalfail" in result.stdout


@needs("pytest_timeout")
def test_a_call_that_hangs_is_given_up_by_the_timeout(make_project, new_server) -> None:
    """pytest-timeout fails that item; all others end."""
    folder = make_project(new_server().base_url)
    cases = folder / "evalsets" / "greet" / "greetings.evalset.yaml"
    cases.write_text(cases.read_text().replace("word: w03", 'word: "w03 [[fault: hang]]"'))
    result = run(folder, "evalsets", "--timeout", "10", "--timeout-method", "signal", "--evalloop-variant", "cand",
                 "-x", "--maxfail", "5")
    assert "1 failed, 11 passed" in result.stdout
    assert "Timeout" in result.stdout


@needs("pytest_html")
def test_the_html_page_holds_items_and_quotes_outputs(make_project, model_server) -> None:
    """pytest-html shows every item; what a model wrote is text there."""
    folder = make_project(model_server.base_url)
    suite = folder / "evalsets" / "greet" / "suite.yaml"
    suite.write_text(suite.read_text().replace("no: {{ word }}", "<img src=x onerror=alert(1)> {{ word }}"))
    result = run(folder, "evalsets", "--html", "page.html", "--self-contained-html")
    assert "12 failed, 12 passed" in result.stdout
    page = (folder / "page.html").read_text()
    assert "case-03::cand" in page
    assert "<img src=x" not in page

"""One whole turn of the loop on real data, as the README runs it."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from evalloop.store import yaml


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder that ``evalloop demo`` leaves, and what it printed."""
    folder = tmp_path_factory.mktemp("demo") / "project"
    result = evalloop("demo", "--dir", str(folder), cwd=folder.parent)
    assert result.returncode == 0, result.stdout + result.stderr
    return folder, result.stdout


def evalloop(*args: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The public command, in a process of its own and with nothing in its environment but paths."""
    environment = {key: os.environ[key] for key in ("PATH", "PYTHONPATH", "HOME", "VIRTUAL_ENV") if key in os.environ}
    return subprocess.run([sys.executable, "-m", "evalloop", *args], cwd=cwd, capture_output=True, text=True,
                          timeout=300, env=environment)


def test_every_command_of_the_demo_is_printed_so_that_it_can_be_repeated(demo: tuple[Path, str]) -> None:
    """A newcomer reads each public command, from capture to notes."""
    verbs = re.findall(r"^\$ evalloop (\w+)", demo[1], re.MULTILINE)
    assert verbs == ["capture", "capture", "signals", "cluster", "grow", "review", "validate", "run", "run", "compare",
                     "gate", "report", "notes"]


def test_the_readme_shows_what_the_demo_prints(demo: tuple[Path, str]) -> None:
    """The excerpt in the README is real output: each of its lines stands in it, spaces aside."""
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    (excerpt,) = re.findall(r"```text\n(.*?)```", readme, re.DOTALL)
    printed = " ".join(demo[1].split())
    lines = [" ".join(line.split()) for line in excerpt.splitlines() if line not in ("", "...")]
    assert len(lines) > 5
    assert not [line for line in lines if line not in printed]


def test_the_demo_leaves_report_notes_evalsets_and_two_runs(demo: tuple[Path, str]) -> None:
    """What the README promises lies in the folder."""
    folder, _ = demo
    assert "<html" in (folder / "report.html").read_text(encoding="utf-8")
    assert (folder / "notes.md").read_text(encoding="utf-8").startswith("#")
    listed = json.loads(evalloop("runs", "--json", cwd=folder).stdout)
    assert {"ifeval-base", "ifeval-cand"} <= {each["name"] for each in listed}


def test_the_comparison_has_the_published_figures(demo: tuple[Path, str]) -> None:
    """GPT-4 passes 416 of 541 prompts, the other model 269; the delta and its interval are those of the paper trail."""
    result: Mapping[str, Any] = json.loads(
        evalloop("compare", "ifeval-base", "ifeval-cand", "--json", cwd=demo[0]).stdout)
    overall = result["overall"]
    assert (overall["n"], overall["wins"], overall["losses"]) == (541, 171, 24)
    assert round(overall["cand"] * 541) == 416
    assert overall["delta"] == pytest.approx(0.2717, abs=5e-5)
    assert overall["interval"] == pytest.approx([0.2267, 0.3171], abs=5e-5)
    assert overall["p_exact"] == pytest.approx(1.556e-28, rel=1e-3)
    assert {each["cluster"] for each in result["clusters"]} == {
        "change_case", "combination", "detectable_content", "detectable_format", "keywords", "language",
        "length_constraints", "punctuation", "startend"}


def test_an_accepted_case_traces_back_to_its_events(demo: tuple[Path, str]) -> None:
    """A reviewer accepted some; each names the events it came from, which are in the store."""
    folder, _ = demo
    accepted = [case for file in (folder / "evalsets" / "feedback").glob("*.evalset.yaml")
                for case in yaml.load(file).data["cases"] if case["status"] == "accepted"]
    assert accepted
    from evalloop.store.events import EventStore

    with EventStore(str(folder / ".evalloop" / "events.sqlite")) as store:
        known = {event.event_id for event in store.events()}
    for case in accepted:
        assert case["provenance"]["reviewed_by"] == "demo"
        assert set(case["provenance"]["events"]) <= known


def test_the_demo_refuses_a_folder_with_files_in_it(tmp_path: Path) -> None:
    """Nothing of the user's is overwritten."""
    (tmp_path / "mine.txt").write_text("keep")
    result = evalloop("demo", "--dir", ".", cwd=tmp_path)
    assert result.returncode == 4
    assert "not empty" in result.stderr


def test_the_evalloop_that_runs_is_this_one() -> None:
    """The name on the package index is a stranger's: what is imported must be this checkout, under its own name."""
    import evalloop

    assert Path(evalloop.__file__).parent == Path(__file__).parents[2] / "evalloop"
    from importlib.metadata import PackageNotFoundError, distribution

    with pytest.raises(PackageNotFoundError):
        distribution("evalloop")


def on_a_terminal(width: int, *args: str, cwd: Path) -> str:
    """What the public command shows on a terminal of so many columns; its progress goes elsewhere."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, width, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
    with subprocess.Popen([sys.executable, "-m", "evalloop", *args], cwd=cwd, env={**environment, "NO_COLOR": "1"},
                          stdin=theirs, stdout=theirs, stderr=subprocess.DEVNULL):
        os.close(theirs)
        text = b"".join(iter(lambda: _received(ours), b""))
    os.close(ours)
    return text.decode().replace("\r\n", "\n")


def _received(terminal: int) -> bytes:
    """What the terminal has; nothing once its program is gone."""
    try:
        return os.read(terminal, 65_536)
    except OSError:
        return b""


@pytest.mark.parametrize("verb", ["signals report", "signals", "themes", "status", "cluster", "runs",
                                  "compare ifeval-base ifeval-cand", "power ifeval-base ifeval-cand"])
def test_what_is_printed_fits_the_terminal(demo: tuple[Path, str], verb: str) -> None:
    """At 80 columns no line is wider, and every number, id and word of the whole lines in a pipe is there uncut."""
    piped = evalloop(*verb.split(), cwd=demo[0]).stdout
    shown = on_a_terminal(80, *verb.split(), cwd=demo[0])
    assert max(map(cell_len, piped.splitlines())) > 80
    assert [line for line in shown.splitlines() if cell_len(line) > 80] == []
    assert {word for word in piped.split() if word.strip("-")} <= set(shown.split())


def test_a_file_is_as_wide_as_it_is(demo: tuple[Path, str], tmp_path: Path) -> None:
    """What -o writes does not depend on the terminal."""
    command = ("compare", "ifeval-base", "ifeval-cand")
    on_a_terminal(80, *command, "-o", str(tmp_path / "whole.txt"), cwd=demo[0])
    assert (tmp_path / "whole.txt").read_text(encoding="utf-8") == evalloop(*command, cwd=demo[0]).stdout

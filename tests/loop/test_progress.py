"""Long work is heard of step by step, and seen on a terminal alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from evalloop import loop
from evalloop.cli.main import run
from evalloop.testing import make_event, make_generation


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> loop.Project:
    """A project with one answer and a vote on it, as the current folder."""
    events = [make_generation(), make_event("feedback.thumbs", payload={"value": -1, "text": "that is wrong"})]
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(each.to_dict()) + "\n" for each in events))
    monkeypatch.chdir(tmp_path)
    assert run(["capture", "events.jsonl"]) == 0
    return loop.open_project()


def test_each_step_is_heard_of_to_its_end(project: loop.Project) -> None:
    """Turns, then the detectors one by one, up to the last."""
    heard: list[tuple[str, int, int]] = []
    project.progress = lambda *step: heard.append(step)
    loop.derive_signals(project)
    count = len(loop.detectors_of(project))
    assert heard == [("turns and acts", 0, 0), ("turns and acts", 1, 1),
                     *(("signals", done, count) for done in range(count + 1))]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a terminal")
def test_steps_are_seen_on_a_terminal_alone(project: loop.Project) -> None:
    """The terminal shows the step; what is piped holds the result and nothing else."""
    command = [sys.executable, "-m", "evalloop", "signals", "--json"]
    environment = {**os.environ, "TERM": "xterm", "PYTHONPATH": str(Path(loop.__file__).parents[2])}
    seen, terminal = os.openpty()
    with ThreadPoolExecutor(1) as reader:
        shown = reader.submit(read, seen)
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=terminal, check=True, env=environment)
        os.close(terminal)
        assert b"signals" in shown.result()
    os.close(seen)
    assert json.loads(done.stdout)["turns"] == 1
    assert subprocess.run(command, capture_output=True, check=True, env=environment).stderr == b""


def read(seen: int) -> bytes:
    """All that a terminal shows, until its other end is closed."""
    found = b""
    with suppress(OSError):
        while more := os.read(seen, 4096):
            found += more
    return found

"""A project with an evalset on the model server, and the command line as a process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

CHECKOUT = Path(__file__).parent.parent.parent
SUITE = """\
evalset: sums
graders:
  - contains: "Answer"
"""
VARIANT = """\
target: openai
model: m
prompt: "Sum up: {{{{ question }}}}"
options: {{base_url: "{base_url}"}}
"""


class Project:
    """A project folder and the ``evalloop`` command in it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.env = {**os.environ, "PYTHONPATH": str(CHECKOUT), "NO_COLOR": "1"}

    def write(self, path: str, text: str) -> None:
        """A file of the project."""
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text)

    def make(self, base_url: str, cases: int, **fields: Any) -> None:
        """An evalset ``sums`` of so many cases, and the variant ``base``."""
        self.write("evalloop.toml", "retries = 2\n")
        self.write("evalsets/sums/suite.yaml", SUITE)
        rows = [{"id": f"c-{n:04d}", "input": {"vars": {"question": f"{n} + {n}"}}, **fields} for n in range(cases)]
        self.write("evalsets/sums/main.evalset.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
        self.write("variants/base.yaml", VARIANT.format(base_url=base_url))

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """The command as a process that goes on, and that Ctrl-C reaches even when we run in the background."""
        return subprocess.Popen([sys.executable, "-m", "evalloop", *arguments], cwd=self.root, env=self.env, text=True,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler))

    def evalloop(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The command, run to its end."""
        process = self.start(*arguments)
        out, err = process.communicate(timeout=180)
        return subprocess.CompletedProcess(arguments, process.returncode, out, err)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """An empty project folder."""
    return Project(tmp_path)


@pytest.fixture
def read_lines() -> Callable[[Path], list[dict[str, Any]]]:
    """The rows of a JSON Lines file, without a torn last line."""
    return lambda path: [json.loads(line) for line in path.read_bytes().splitlines(keepends=True)
                         if line.endswith(b"\n")]

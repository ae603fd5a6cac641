"""The peers: which package at which version, how its environment is made, and the command that runs the suite."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

SUITES = Path(__file__).resolve().parent / "suites"


@dataclass(frozen=True)
class Peer:
    """``packages`` are installed by pip, or by npm when ``command`` gives a node program."""

    name: str
    packages: tuple[str, ...]
    command: Callable[[Path, str, int, int], list[str]]
    npm: bool = False

    @property
    def version(self) -> str:
        """The version of its own package."""
        return self.packages[0].replace("==", " ").replace("@", " ")

    def installed(self, home: Path) -> bool:
        """Whether its environment is there and whole."""
        return (home / self.name / "installed").is_file()

    def install(self, home: Path) -> None:
        """Makes its environment anew."""
        folder = home / self.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        if self.npm:
            subprocess.run(["npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", *self.packages],
                           check=True, stdout=subprocess.DEVNULL)
        else:
            subprocess.run([sys.executable, "-m", "venv", str(folder / "venv")], check=True)
            subprocess.run([str(folder / "venv/bin/python"), "-m", "pip", "install", "-q", *self.packages],
                           check=True, stderr=subprocess.DEVNULL)
            subprocess.run([str(folder / "venv/bin/python"), "-m", "compileall", "-q", str(folder / "venv/lib")],
                           check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (folder / "installed").write_text("")


def _python(name: str) -> Callable[[Path, str, int, int], list[str]]:
    def command(home: Path, base_url: str, cases: int, in_flight: int) -> list[str]:
        script = SUITES / f"{name.replace('-', '_')}_suite.py"
        return [str(home / name / "venv/bin/python"), str(script), base_url, str(cases), str(in_flight)]

    return command


def _promptfoo(home: Path, base_url: str, cases: int, in_flight: int) -> list[str]:
    """Its suite is a file, written here; telemetry and look-ups of updates are off in the environment."""
    asserts = [{"type": "contains", "value": "Answer"}, {"type": "regex", "value": "Answer [0-9]+"}]
    config = {
        "prompts": ["Sum up: {{question}}"],
        "providers": [{"id": "openai:chat:m", "config": {"apiBaseUrl": base_url, "apiKey": "none"}}],
        "defaultTest": {"assert": asserts},
        "tests": [{"vars": {"question": f"{n} + {n}"}} for n in range(cases)],
    }
    file = home / "promptfoo" / f"suite-{cases}.json"
    file.write_text(json.dumps(config))
    program = home / "promptfoo/node_modules/.bin/promptfoo"
    return [str(program), "eval", "-c", str(file), "-j", str(in_flight), "--no-cache", "--no-progress-bar",
            "--no-table", "--no-share"]


PEERS = (
    Peer("pydantic-evals", ("pydantic-evals==2.62.0", "aiohttp"), _python("pydantic-evals")),
    Peer("deepeval", ("deepeval==4.3.1", "aiohttp"), _python("deepeval")),
    Peer("promptfoo", ("promptfoo@0.121.20",), _promptfoo, npm=True),
    Peer("inspect", ("inspect-ai==0.3.285", "openai"), _python("inspect")),
)
QUIET = {
    "DEEPEVAL_TELEMETRY_OPT_OUT": "YES", "DEEPEVAL_DISABLE_DOTENV": "1", "PROMPTFOO_DISABLE_TELEMETRY": "1",
    "PROMPTFOO_DISABLE_UPDATE": "1", "PROMPTFOO_SELF_HOSTED": "1", "LITELLM_LOCAL_MODEL_COST_MAP": "True",
}
"""What keeps every peer from the network and its terminal quiet."""

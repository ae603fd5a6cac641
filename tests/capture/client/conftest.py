"""A collector in a process of its own, and clients that wait for little."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from evalloop.capture import Client, Limits

SERVER = Path(__file__).parent.parent / "collector_server.py"


@dataclass
class RunningCollector:
    """A small collector on this machine."""

    process: subprocess.Popen[str]
    port: int

    @property
    def url(self) -> str:
        """What a client is given."""
        return f"http://127.0.0.1:{self.port}"

    def state(self) -> dict[str, Any]:
        """What it has."""
        with urllib.request.urlopen(f"{self.url}/events", timeout=10) as answer:
            state: dict[str, Any] = json.load(answer)
            return state

    def events(self, event_type: str | None = None) -> list[dict[str, Any]]:
        """The events it stored, in order."""
        return [each for each in self.state()["events"] if event_type in (None, each["event_type"])]

    def mode(self, **mode: Any) -> None:
        """How it answers from now on."""
        body = json.dumps(mode).encode()
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/mode", data=body), timeout=10).close()

    def stop(self) -> None:
        """Ends it."""
        self.process.communicate(timeout=10)


def start(port: int = 0) -> RunningCollector:
    """A new collector."""
    process = subprocess.Popen([sys.executable, str(SERVER), "--port", str(port)], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return RunningCollector(process, int(process.stdout.readline()))


@pytest.fixture
def collector() -> Iterator[RunningCollector]:
    """A collector that has nothing yet."""
    running = start()
    yield running
    running.stop()


@pytest.fixture
def make_client(collector: RunningCollector, tmp_path: Path) -> Iterator[Callable[..., Client]]:
    """Makes clients of the collector; they are closed at the end."""
    made: list[Client] = []

    def make(**options: Any) -> Client:
        given = {"url": collector.url, "key": "sk_test", "salt": "pepper", "folder": tmp_path / "outbox",
                 "limits": Limits(interval=0.05), "strict": True, **options}
        made.append(Client(**given))
        return made[-1]

    yield make
    for client in made:
        client.close(0.5)


@pytest.fixture
def client(make_client: Callable[..., Client]) -> Client:
    """A client of the collector."""
    return make_client()

"""Kills a collector with SIGKILL at random moments under load, and looks whether what it acknowledged is there, once.

    python tests/kill_collector.py --kills 40 [--store postgresql | postgresql://...] [--clients 4] [--batch 50]

``--store postgresql`` starts a server of its own (needs PostgreSQL's programs).

Each client sends one batch after the other and repeats a batch until it is answered with 200, as a real one does. At
the end the collector is stopped with SIGTERM and the store is read. Prints one line of JSON; exit 1 when an event is
missing, doubled, or there without having been sent.
"""

from __future__ import annotations

import collections
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
from killing import run

from evalloop import loop
from evalloop.config import load


class Clients:
    """Threads that send until they are told to end; each ends with an acknowledged batch."""

    def __init__(self, url: str, key: str, number: int, batch: int) -> None:
        self.acknowledged: set[str] = set()
        self.retries = 0
        self._url, self._key, self._batch = url, key, batch
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._send) for _ in range(number)]
        for thread in self._threads:
            thread.start()

    def finish(self) -> None:
        """Waits until every batch that was begun is acknowledged."""
        self._end.set()
        for thread in self._threads:
            thread.join()

    def _send(self) -> None:
        with httpx.Client(headers={"authorization": f"Bearer {self._key}"}, timeout=10) as client:
            while not self._end.is_set():
                batch = [event() for _ in range(self._batch)]
                while not self._accepted(client, batch):
                    self.retries += 1
                    time.sleep(0.05)
                self.acknowledged.update(each["event_id"] for each in batch)

    def _accepted(self, client: httpx.Client, batch: list[dict[str, Any]]) -> bool:
        try:
            answer = client.post(self._url, json=batch)
        except httpx.HTTPError:
            return False
        if answer.status_code == 200:
            counts = answer.json()
            assert counts["stored"] + counts["already"] == len(batch), counts
        return answer.status_code == 200


def event() -> dict[str, Any]:
    """A vote with an id of its own."""
    return {"schema": "evalloop.event/1", "event_id": str(uuid.uuid4()), "event_type": "feedback.thumbs",
            "occurred_at": "2026-01-05T10:00:00Z", "source": {"kind": "end_user"},
            "subject": {"level": "response", "response_id": "r-1"}, "actor": {"user_key": "ada"},
            "payload": {"value": 1, "text": "good, and quick"}}


def start(folder: Path, port: int) -> subprocess.Popen[str]:
    """A collector that takes requests."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    process = subprocess.Popen([sys.executable, "-m", "evalloop", "serve", "--port", str(port)], cwd=folder,
                               stderr=subprocess.PIPE, text=True, env=environment)
    assert process.stderr is not None
    line = process.stderr.readline()
    assert "collecting events" in line, line + process.stderr.read()
    threading.Thread(target=process.stderr.read, daemon=True).start()
    return process


def soak(folder: Path, kills: int, clients: int, batch: int, seed: int) -> dict[str, Any]:
    """Runs the whole and returns what was seen."""
    chance = random.Random(seed)
    project = loop.Project(load(folder, {}))
    _, key = loop.create_key(project, "sk", "kill")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = start(folder, port)
    sending = Clients(f"http://127.0.0.1:{port}/v1/events", key, clients, batch)
    for _ in range(kills):
        time.sleep(chance.uniform(0.05, 1.0))
        process.send_signal(signal.SIGKILL)
        process.wait()
        process = start(folder, port)
    sending.finish()
    process.terminate()
    code = process.wait(timeout=60)
    with loop.open_events(project) as store:
        stored = collections.Counter(each.event_id for each in store.events())
    return {"kills": kills, "acknowledged": len(sending.acknowledged), "stored": sum(stored.values()),
            "missing": len(sending.acknowledged - set(stored)), "doubled": sum(n > 1 for n in stored.values()),
            "never_acknowledged": len(set(stored) - sending.acknowledged), "retries": sending.retries, "exit": code}


if __name__ == "__main__":
    sys.exit(run(__doc__, {"kills": 40, "clients": 4, "batch": 50, "seed": 0}, soak,
                 ("missing", "doubled", "never_acknowledged", "exit")))

"""Kills ``evalloop store drain`` with SIGKILL at random moments, and looks whether every event is there, once.

    python tests/kill_drain.py --kills 40 [--store postgresql | postgresql://...] [--events 20000]

Before each run new events of past days are stored; a run is killed after a random time, the last one ends by itself.
Then inbox and lake are read. Prints one line of JSON; exit 1 when an event is missing or doubled.
"""

from __future__ import annotations

import collections
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from killing import run

from evalloop import loop
from evalloop.config import load
from evalloop.loop.evidence import open_log
from evalloop.records.event import Event

DRAIN = [sys.executable, "-m", "evalloop", "store", "drain", "--settle-days", "0"]


def act(number: int) -> Event:
    """An act of one of five days."""
    return Event(f"event-{number:07d}", "signal.copied", f"2026-01-{number % 5 + 1:02d}T00:00:00.000000Z",
                 {"kind": "end_user"}, {"level": "response", "response_id": f"r{number}"}, payload={"chars": number})


def soak(folder: Path, kills: int, events: int, seed: int) -> dict[str, Any]:
    """Runs the whole and returns what was seen; a run is killed while it has begun to move events."""
    chance, project, fates = random.Random(seed), loop.Project(load(folder, {})), collections.Counter[str]()
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    length = 0.0
    with open_log(project) as log:
        for number in range(kills + 1):
            log.store.add(map(act, range(number * events // (kills + 1), (number + 1) * events // (kills + 1))))
            began = time.monotonic()
            process = subprocess.Popen(DRAIN, cwd=folder, env=environment, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.DEVNULL)
            try:
                process.wait(None if number in (0, kills) else chance.uniform(0.4, 1.0) * length)
                length = time.monotonic() - began
            except subprocess.TimeoutExpired:
                process.kill()
            fates["killed" if process.wait() == -9 else f"exit {process.returncode}"] += 1
        stored = collections.Counter(each.event_id for each in log.events())
        left = sum(log.store.count().values())
    return {"runs": dict(fates), "events": events, "stored": sum(stored.values()), "missing": events - len(stored),
            "doubled": sum(n > 1 for n in stored.values()), "left_in_inbox": left}


if __name__ == "__main__":
    sys.exit(run(__doc__, {"kills": 40, "events": 20_000, "seed": 0}, soak, ("missing", "doubled", "left_in_inbox")))

"""What a masker costs: a collector with forms alone, with Presidio, and with Presidio and a spaCy model, in one run.

    python benchmarks/mask_texts.py [--events 6000] [--rounds 3] [--model en=en_core_web_sm] [--workers 2]

The events are those of ``benchmarks/collector.py`` (of ten one is an answer of 300 characters with its question, one a
comment that holds personal data, two are votes, six are acts), sent in batches of 50 over loopback by 8 clients.
Meanwhile ``/healthz`` is asked every 20 ms: how long it takes tells whether the process that takes requests is kept
from its work. Then texts alone: microseconds for each masker and text in one process, no text twice.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from threading import Event, Thread

from collector import ANSWER, Served, bodies, measured, serving
from measure import environment, workplace

from evalloop.masking import Masking, open_masker

PLAIN = "the answer was wrong and it did not help me at all, please look at the second question again "
PERSONAL = "write to jo{}@example.org or call +49 30 901820, my account is DE89 3704 0044 0532 0130 00 "


class Probe(Thread):
    """Asks ``/healthz`` until it is told to stop; ``took`` has the milliseconds of each answer."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self.address, self.done, self.took = f"http://127.0.0.1:{port}/healthz", Event(), [0.0]

    def run(self) -> None:
        while not self.done.wait(0.02):
            began = time.perf_counter()
            urllib.request.urlopen(self.address, timeout=60).close()
            self.took.append(1000 * (time.perf_counter() - began))

    def share(self, quantile: float) -> float:
        """The milliseconds below which this share of the answers lies."""
        return sorted(self.took)[int(quantile * (len(self.took) - 1))]


def collectors(root: Path, chosen: dict[str, dict[str, object]], events: int, rounds: int, workers: int) -> None:
    """One collector for each masker, in turns."""
    heads = f"{'events/s':>10} {'p50 ms':>8} {'p99 ms':>8} {'us/event':>9} {'MB':>6} {'healthz p50':>12} {'p99':>7}"
    print(f"{'':28} {heads}")
    rates: dict[str, list[float]] = {name: [] for name in chosen}
    for number in range(rounds):
        for port, (name, fields) in enumerate(chosen.items(), 8795):
            folder = root / f"{number}-{port}"
            folder.mkdir()
            lines = [f"{key} = {json.dumps(item)}\n" for key, item in fields.items()]
            (folder / "evalloop.toml").write_text("".join(lines))
            made = subprocess.run([sys.executable, "-m", "evalloop", "keys", "create", "sk"], cwd=folder,
                                  env=environment(root), text=True, capture_output=True, check=True)
            command = [sys.executable, "-m", "evalloop", "serve", "--port", str(port), "--workers", str(workers)]
            with serving(command, folder, port) as process:
                measured(process, port, made.stdout.strip(), bodies(500, 50), 50, 2)
                probe = Probe(port)
                probe.start()
                served = measured(process, port, made.stdout.strip(), bodies(events, 50), 50, 8)
                probe.done.set()
                probe.join()
            rates[name].append(served.events / served.wall)
            print(line(f"{name}, round {number + 1}", served, probe), flush=True)
    first = statistics.median(next(iter(rates.values())))
    for name, seen in rates.items():
        print(f"{name}: {statistics.median(seen):,.0f} events/s, {statistics.median(seen) / first:.3f} of forms alone")


def line(name: str, served: Served, probe: Probe) -> str:
    """One row of the table."""
    ranked = sorted(served.took)
    p50, p99 = (1000 * ranked[int(share * (len(ranked) - 1))] for share in (0.5, 0.99))
    return (f"{name:28} {served.events / served.wall:10,.0f} {p50:8.1f} {p99:8.1f} "
            f"{1e6 * served.cpu / served.events:9.0f} {served.peak_mb:6.0f} {probe.share(0.5):12.1f} "
            f"{probe.share(0.99):7.1f}")


def texts(chosen: dict[str, dict[str, object]], rounds: int) -> None:
    """Microseconds of one text, by masker and kind of text."""
    kinds = {"comment": PLAIN, "comment with numbers": PERSONAL, "answer": ANSWER}
    print(f"\n{'us of CPU a text':28} " + " ".join(f"{name:>22}" for name in kinds))
    for name, fields in chosen.items():
        masker = open_masker(Masking(str(fields["masker"]), tuple(fields.get("masker_models", ()))))  # type: ignore[arg-type]
        masker.text(PERSONAL)
        row = []
        for text in kinds.values():
            many = [f"{text.format(number)} {'abcdefghij'[number % 10]}{number}" for number in range(100 * rounds)]
            began = time.process_time()
            for each in many:
                masker.text(each)
            row.append(1e6 * (time.process_time() - began) / len(many))
        print(f"{name:28} " + " ".join(f"{each:22,.0f}" for each in row), flush=True)


def main() -> None:
    """Measures and prints both tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=6_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--model", action="append", default=[], help="LANGUAGE=NAME-OR-FOLDER, as in masker_models")
    given = parser.parse_args()
    chosen: dict[str, dict[str, object]] = {"forms alone": {"masker": "regex"}, "presidio": {"masker": "presidio"}}
    if given.model:
        chosen["presidio with a model"] = {"masker": "presidio", "masker_models": given.model}
    with workplace() as folder:
        collectors(folder, chosen, given.events, given.rounds, given.workers)
    texts(chosen, given.rounds)


if __name__ == "__main__":
    main()

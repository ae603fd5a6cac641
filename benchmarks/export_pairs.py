"""Writing preference pairs in each format, against ``json.dumps`` of the same rows: time, and memory beside the pairs.

    python benchmarks/export_pairs.py [--pairs 1000000] [--format trl-dpo --format datasets]

Each format runs in a process of its own. The rows are made before; what is told is how much the process grew after
that, at most, while it wrote.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

WORDS = ("you", "can", "sort", "list", "call", "method", "first", "then", "value", "number", "change", "address")
PLAIN = "json.dumps"


def pairs(number: int) -> list[Any]:
    """So many pairs of answers of about 200 characters."""
    from evalloop.records.preference import Preference

    draw = Random(7)
    texts = [" ".join(draw.choices(WORDS, k=40)) for _ in range(2000)]
    return [Preference(row_id=f"p{row}", source="correction", prompt=({"role": "user", "content": texts[row % 1999]},),
                       chosen=texts[row % 1997], rejected=texts[row % 1993], weight=1.0, confidence=0.85,
                       occurred_at="2026-01-05T00:00:00.000000Z", user_key=f"u{row % 9973}",
                       split="heldout" if row % 10 == 0 else "train") for row in range(number)]


def peak_mb() -> float:
    """The most that this process had in memory since the mark was set."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024


def measure(form: str, number: int) -> dict[str, float]:
    """Writes in this process."""
    from evalloop.contracts import TrainingData
    from evalloop.preferences.formats import FORMATS, trl_dpo

    data = TrainingData(pairs(number))
    Path("/proc/self/clear_refs").write_text("5")  # sets the mark back to what is in memory now
    before, wall, cpu = peak_mb(), time.perf_counter(), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        if form == PLAIN:
            with (Path(folder) / "rows").open("w") as file:
                file.writelines(json.dumps(row) + "\n" for row in trl_dpo(data))
        else:
            next(each for each in FORMATS if each.name == form).write(data, Path(folder) / "out")
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu, "held": before,
            "grown": peak_mb() - before}


def main() -> None:
    """Prints one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--format", action="append", help="default: trl-dpo, openai, datasets")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measure(given.one, given.pairs)))
        return
    print(f"{'':12} {'wall s':>8} {'CPU s':>8} {'CPU x':>6} {'pairs MB':>9} {'more MB':>8}")
    plain = 0.0
    for form in (PLAIN, *(given.format or ("trl-dpo", "openai", "datasets"))):
        done = subprocess.run([sys.executable, __file__, "--pairs", str(given.pairs), "--one", form], check=True,
                              capture_output=True, text=True)
        cost = json.loads(done.stdout.splitlines()[-1])
        plain = plain or cost["cpu"]
        print(f"{form:12} {cost['wall']:8.1f} {cost['cpu']:8.1f} {cost['cpu'] / plain:6.2f} {cost['held']:9.0f} "
              f"{cost['grown']:8.0f}", flush=True)


if __name__ == "__main__":
    main()

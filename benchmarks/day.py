"""A day of 200,000 users from captured events to the status of the loop, by the public verbs, on two cores.

    python benchmarks/day.py                    (all of it: 2 M turns, 10 M acts, 36,000 votes; hours)
    python benchmarks/day.py --scale 0.05 --json

The events are made with a fixed seed (``day_events.py``) into 24 files of JSON lines, each captured and deleted; then
``store drain``, ``signals``, ``cluster``, ``grow`` and ``status`` run, each as a process of its own. What each took is
kept in ``FOLDER/day.json``: a run that was killed goes on behind its last finished step. At the end the shares of the
themes are held against those that were planted. ``--lake`` leaves the first two stages out (``day_lake.py``).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from day_events import HOURS, Day
from measure import CHECKOUT, Cost, environment, process

EVALLOOP = (sys.executable, "-m", "evalloop")
STAGES: Mapping[str, tuple[str, ...]] = {
    "store drain": ("store", "drain"), "signals": ("signals",), "cluster": ("cluster",), "grow": ("grow",),
    "status": ("status",)}
SETTINGS = 'engine_memory = "2GB"\n'


class Progress:
    """What was done and what it cost, in a file."""

    def __init__(self, folder: Path, day: Day) -> None:
        self._place = folder / "day.json"
        about = {"scale": day.scale, "seed": day.seed}
        kept: dict[str, Any] = {"day": about, "costs": {}, "counts": {}}
        if self._place.is_file():
            kept = json.loads(self._place.read_text())
        if kept["day"] != about:
            raise SystemExit(f"{folder} holds another day ({kept['day']}): give another --folder")
        self.costs: dict[str, list[float]] = kept["costs"]
        self.counts: dict[str, dict[str, int]] = kept["counts"]
        self._about = about

    def note(self, step: str, cost: Cost, counts: dict[str, int] | None = None) -> None:
        """Keeps the cost of a finished step."""
        self.costs[step] = [cost.wall, cost.cpu, cost.peak_mb]
        if counts:
            self.counts[step] = counts
        new = self._place.with_suffix(".new")
        new.write_text(json.dumps({"day": self._about, "costs": self.costs, "counts": self.counts}, indent=1))
        new.replace(self._place)
        print(f"{step:16} {cost.wall:8.1f} s  {cost.cpu:8.1f} s of CPU  {cost.peak_mb:7.0f} MB", file=sys.stderr,
              flush=True)


def run(folder: Path, day: Day, again: frozenset[str], until: str, *, laid: bool = False) -> Progress:
    """Does what is not done yet, up to the stage ``until``."""
    folder.mkdir(parents=True, exist_ok=True)
    project = folder / "project"
    project.mkdir(exist_ok=True)
    (project / "evalloop.toml").write_text(SETTINGS)
    done, env = Progress(folder, day), environment(folder)
    if laid and "lake" not in done.costs:
        _laid(folder, day, done, env)
    for hour in range(0 if laid else HOURS):
        if f"capture {hour:02d}" not in done.costs:
            _captured(folder, day, hour, done, env)
    wanted = list(STAGES)[:[*STAGES].index(until) + 1 if until in STAGES else 0]
    for name, words in ((each, STAGES[each]) for each in wanted):
        if (name not in done.costs or name in again) and not (laid and name == "store drain"):
            done.note(name, process([*EVALLOOP, *words, "--json"], env, project))
    return done


def _captured(folder: Path, day: Day, hour: int, done: Progress, env: Mapping[str, str]) -> None:
    """Makes and captures the events of an hour."""
    place = folder / f"hour-{hour:02d}.jsonl"
    wall, cpu = time.perf_counter(), time.process_time()
    counts = day.hour(hour).write(place)
    done.note(f"events {hour:02d}", Cost(time.perf_counter() - wall, time.process_time() - cpu, 0.0), counts)
    cost = process([*EVALLOOP, "capture", str(place), "--json"], env, folder / "project")
    place.unlink()
    done.note(f"capture {hour:02d}", cost)


def _laid(folder: Path, day: Day, done: Progress, env: Mapping[str, str]) -> None:
    """Makes the events of all hours and puts them into the lake, past ``capture`` and ``store drain``."""
    cost = process([sys.executable, str(CHECKOUT / "benchmarks" / "day_lake.py"), str(folder), str(day.scale),
                    str(day.seed)], env, folder)
    counts: Counter[str] = Counter()
    for place in folder.glob("*.laid"):
        counts.update(json.loads(place.read_text()))
    done.note("lake", cost, dict(counts))


# ---- what came of it -------------------------------------------------------------------------------------------------


def table(done: Progress) -> dict[str, dict[str, float]]:
    """Seconds and memory of each stage; those of an hour are added up."""
    found: dict[str, dict[str, float]] = {}
    for step, (wall, cpu, peak) in done.costs.items():
        name = step.split()[0] if step.startswith(("events", "capture")) else step
        row = found.setdefault(name, {"wall_s": 0.0, "cpu_s": 0.0, "peak_mb": 0.0})
        row["wall_s"] += wall
        row["cpu_s"] += cpu
        row["peak_mb"] = max(row["peak_mb"], peak)
    return found


def totals(done: Progress) -> Counter[str]:
    """How many events of which sort there are."""
    found: Counter[str] = Counter()
    for counts in done.counts.values():
        found.update(counts)
    return found


def shares(folder: Path) -> list[dict[str, Any]]:
    """Each planted theme: its share of all answers that let a user down, and what the clusters say of it.

    A cluster counts for the theme of most of its members. Failures of no answer that was planted (curiosity) and
    clusters of no theme are left out on both sides, as a person who reads them would.
    """
    truth = dict(_truth(folder))
    planted = Counter(truth.values())
    sums: defaultdict[str, list[float]] = defaultdict(lambda: [0.0, 0.0, 0.0])
    inside: Counter[str] = Counter()
    for each in _clusters(folder / "project"):
        labels = Counter(truth.get(_response(name), "none") for name in each.member_ids)
        inside.update(labels)
        most = labels.most_common(1)[0][0] if labels and each.cluster_id != "other" else "none"
        half = (each.share_high - each.share_low) / 2
        for place, value in enumerate((each.share, half, labels[most])):
            sums[most][place] += value
    themes = [name for name in planted if name != "stray"]
    whole = sum(sums[name][0] for name in themes)
    told = sum(planted[name] for name in themes)
    rows = []
    for name in sorted(themes, key=lambda each: -planted[each]):
        share, half, hits = sums[name]
        found = share / whole if whole else 0.0
        wide = half / whole if whole else 1.0
        rows.append({"theme": name, "planted": planted[name] / told, "found": found, "low": found - wide,
                     "high": found + wide, "recovered": hits / inside[name] if inside[name] else 0.0,
                     "within": abs(found - planted[name] / told) <= wide})
    return rows


_IDS: dict[str, str] = {}


def _response(failure_id: str) -> str:
    return _IDS.get(failure_id, "")


def _truth(folder: Path) -> Iterator[tuple[str, str]]:
    for place in sorted(folder.glob("*.truth")):
        for line in place.read_text(encoding="utf-8").splitlines():
            response, why = line.split("\t")
            _IDS["f-" + hashlib.sha256(response.encode()).hexdigest()[:24]] = response
            yield response, why


def _clusters(project: Path) -> tuple[Any, ...]:
    from evalloop import loop

    return loop.known_clusters(loop.open_project(project))


def main() -> None:
    """Runs, and prints one table of costs and one of shares."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--scale", type=float, default=1.0, help="part of the day (0.01: 2,000 users)")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--folder", type=Path, help="where everything lies (default: day-SCALE beside this checkout)")
    parser.add_argument("--again", action="append", default=[], choices=list(STAGES), help="do this stage once more")
    parser.add_argument("--until", default="status", choices=["capture", *STAGES], help="stop behind this stage")
    parser.add_argument("--lake", action="store_true", help="leave capture and store drain out")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    folder = (given.folder or CHECKOUT.parent / f"day-{given.scale:g}").absolute()
    done = run(folder, Day(given.scale, given.seed), frozenset(given.again), given.until, laid=given.lake)
    if given.until != "status":
        return
    found = {"day": {"scale": given.scale, "seed": given.seed, **totals(done)}, "stages": table(done),
             "themes": shares(folder)}
    print(json.dumps(found, indent=1)) if given.json else show(found)


def show(found: Mapping[str, Any]) -> None:
    """Prints what came of it for people."""
    print(", ".join(f"{name} {value:,}" for name, value in found["day"].items()))
    print(f"\n{'stage':14} {'wall s':>9} {'CPU s':>9} {'peak MB':>9}")
    for name, row in found["stages"].items():
        print(f"{name:14} {row['wall_s']:9.1f} {row['cpu_s']:9.1f} {row['peak_mb']:9.0f}")
    print(f"\n{'theme':22} {'planted':>8} {'found':>8} {'interval':>16} {'members':>8}")
    for row in found["themes"]:
        print(f"{row['theme']:22} {row['planted']:8.1%} {row['found']:8.1%} {row['low']:7.1%} to {row['high']:5.1%} "
              f"{row['recovered']:8.1%}  {'' if row['within'] else 'outside'}")


if __name__ == "__main__":
    main()

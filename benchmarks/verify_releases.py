"""Simulates releases that are watched every day: false verdicts, true ones found, and what a change of the mix does.

    python benchmarks/verify_releases.py [--runs 1000]

Each release: users before it, then 100 users a day for 60 days with a look at the end of each. A peer that looks every
day with a fixed 5 % test of two proportions stands beside it.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from evalloop import stats

DAYS, PER_DAY, USERS = 60, 100, 20_000
RATES = np.array([0.02, 0.08])


def watches(seed: int, runs: int, factor: float,
            mix_after: tuple[float, float]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(side, users until it was clear or nan, side of the peeking peer) of each release."""
    random = np.random.default_rng(seed)
    sides, needed, peers = np.zeros(runs), np.full(runs, np.nan), np.zeros(runs)
    for run in range(runs):
        before = random.multinomial(USERS, [0.5, 0.5])
        old = np.stack([random.binomial(before, RATES), before], axis=-1)
        users = random.multinomial(PER_DAY, mix_after, size=DAYS)
        looks = np.stack([random.binomial(users, RATES * factor).cumsum(axis=0), users.cumsum(axis=0)], axis=-1)
        found = stats.watch_rate(old, looks)
        sides[run] = found.side
        needed[run] = np.nan if found.first is None else (found.first + 1) * PER_DAY
        peers[run] = peeking(old.sum(axis=0), looks.sum(axis=1))
    return sides, needed, peers


def peeking(old: np.ndarray, looks: np.ndarray) -> int:
    """Which way a z test of two proportions, repeated every day, decides first; 0 when never."""
    hits, users = looks[:, 0], looks[:, 1]
    pooled = (old[0] + hits) / (old[1] + users)
    z = (hits / users - old[0] / old[1]) / np.sqrt(pooled * (1 - pooled) * (1 / users + 1 / old[1]))
    clear = np.flatnonzero(np.abs(z) > 1.96)
    return int(np.sign(z[clear[0]])) if clear.size else 0


def main() -> None:
    """Prints one row for each scenario."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=1000)
    runs = parser.parse_args().runs
    scenarios = (("no change", 1.0, (0.5, 0.5)), ("no change, traffic mix shifts", 1.0, (0.9, 0.1)),
                 ("5 % to 3.5 %", 0.7, (0.5, 0.5)), ("5 % to 3.5 %, traffic mix shifts", 0.7, (0.9, 0.1)),
                 ("5 % to 7 %", 1.4, (0.5, 0.5)))
    print(f"{runs} releases each, {USERS:,} users before, {PER_DAY} a day for {DAYS} days, a look each day")
    print("| scenario | fell | rose | users until clear, median | peeking fixed test: fell | rose | s |")
    print("|---|---|---|---|---|---|---|")
    for number, (name, factor, mix) in enumerate(scenarios):
        start = time.perf_counter()
        sides, needed, peers = watches(number, runs, factor, mix)
        median = f"{np.nanmedian(needed):,.0f}" if np.isfinite(needed).any() else "-"
        print(f"| {name} | {(sides < 0).mean():.1%} | {(sides > 0).mean():.1%} | {median} | {(peers < 0).mean():.1%} | "
              f"{(peers > 0).mean():.1%} | {time.perf_counter() - start:.0f} |", flush=True)


if __name__ == "__main__":
    main()

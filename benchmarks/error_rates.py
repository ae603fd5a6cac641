"""What the statistics promise, simulated: coverage of intervals, false alarms over clusters, error rates of the gate.

    python benchmarks/error_rates.py [--part coverage|attainable|graded|clusters|gate] [--times 1000] [--seed 0]

coverage: exact, by enumerating every table of pass/fail pairs; attainable: the same beside the least that any interval
can have; graded: scores on 0, 1/2, 1, drawn; clusters: the real scores of LiveBench with baseline and candidate swapped
at random in each case, so that nothing is true; gate: ten clusters of twenty cases through the product's own gate, with
the confirming runs of an alarm, beside simpler rules.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from math import lgamma, log
from pathlib import Path

import numpy as np
from measure import workplace
from numpy.typing import NDArray
from scipy.optimize import Bounds, LinearConstraint, milp

from evalloop import stats
from evalloop.report.columns import Columns
from evalloop.report.compare import compare
from evalloop.report.policy import Policy

SIZES = (8, 12, 20, 40, 80)
CHANGES = ((0.02, 0.02), (0.05, 0.05), (0.10, 0.10), (0.20, 0.05), (0.20, 0.20), (0.30, 0.05), (0.30, 0.10))
"""Seven scenarios: how often the candidate wins and loses a case."""
LIVEBENCH = Path(__file__).parents[1] / "tests" / "data" / "paired_scores" / "livebench_gpt4o.csv"
Floats = NDArray[np.float64]


def show(title: str, head: list[str], rows: list[list[str]]) -> None:
    """A Markdown table."""
    print(f"\n{title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}")
    for row in rows:
        print(f"| {' | '.join(row)} |")


def tables(n: int) -> Iterator[tuple[int, int]]:
    """Every (losses, wins) of n pairs."""
    return ((lost, won) for lost in range(n + 1) for won in range(n + 1 - lost))


def chance(n: int, lost: int, won: int, up: float, down: float) -> float:
    """Multinomial probability of a table."""
    same = n - lost - won
    ways = lgamma(n + 1) - lgamma(lost + 1) - lgamma(won + 1) - lgamma(same + 1)
    return float(np.exp(ways + lost * log(down) + won * log(up) + same * log(1 - up - down)))


def coverage(_times: int, _seed: int) -> None:
    """Exact coverage of the nominal 95 % interval that a report prints for pass and fail."""
    rows = []
    for n in SIZES:
        intervals = {(lost, won): stats.tango_interval(lost, won, n) for lost, won in tables(n)}
        figures = [covered(intervals, n, *change) for change in CHANGES]
        rows.append([str(n), f"{min(figures):.3f}", f"{np.mean(figures):.3f}", f"{max(figures):.3f}"])
    show("Coverage of Tango's interval, exact, seven scenarios", ["n", "minimum", "mean", "maximum"], rows)


def attainable(_times: int, _seed: int) -> None:
    """Tango's coverage in each scenario beside the least that any interval can have which keeps 94 % everywhere."""
    rows = []
    for n in SIZES[:3]:
        found = list(tables(n))
        intervals = {(lost, won): stats.tango_interval(lost, won, n) for lost, won in found}
        for name, figures in (("Tango", [covered(intervals, n, *change) for change in CHANGES]),
                              ("the least possible", [least(n, *change) for change in CHANGES])):
            rows.append([str(n), name, *(f"{figure:.3f}" for figure in figures)])
    show("Coverage at small sizes, exact", ["n", "", *(f"{up:.2f}/{down:.2f}" for up, down in CHANGES)], rows)


def covered(intervals: Mapping[tuple[int, int], stats.Interval], n: int, up: float, down: float) -> float:
    """The chance that an interval holds the true difference."""
    return sum(chance(n, *table, up, down) for table, (low, high) in intervals.items() if low <= up - down <= high)


def least(n: int, up: float, down: float, floor: float = 0.94) -> float:
    """The smallest coverage of this scenario by any interval that covers at least ``floor`` of every other one with the
    same difference, by integer programming over the sets of tables whose interval holds it.

    Asked of the interval: to hold its own estimate; of tables with equally many changes, to hold the difference in
    those that lie nearer to it when it does in those further away; and, for no difference, to treat both sides alike.
    """
    found, true = list(tables(n)), up - down
    steps = np.linspace(abs(true) + 0.002, 0.998, 150)
    spread = np.array([[chance(n, *table, (psi + true) / 2, (psi - true) / 2) for table in found] for psi in steps])
    aim = np.array([chance(n, *table, up, down) for table in found])
    place = {table: number for number, table in enumerate(found)}
    rules = []
    for (lost, won), number in place.items():
        off = (won - lost) / n - true
        further = (lost - 1, won + 1) if off > 0 else (lost + 1, won - 1)
        if further in place and abs(off) > 1e-12:
            rules.append((number, place[further]))
        if abs(true) < 1e-12 and lost != won:
            rules.append((number, place[won, lost]))
    order = np.zeros((len(rules), len(found)))
    for row, (near, far) in enumerate(rules):
        order[row, near], order[row, far] = order[row, near] + 1, order[row, far] - 1
    own = np.array([float(abs((won - lost) / n - true) < 1e-12) for lost, won in found])
    done = milp(aim, constraints=[LinearConstraint(spread, lb=floor), LinearConstraint(order, lb=0)],
                integrality=np.ones(len(found)), bounds=Bounds(own, 1), options={"time_limit": 60})
    return float(done.mip_dual_bound)


def graded(times: int, seed: int) -> None:
    """Coverage of the printed interval for scores on 0, 1/2, 1: a case changes by a half or a whole."""
    random = np.random.default_rng(seed)
    rows = []
    for n in SIZES:
        figures = []
        for up, down in CHANGES:
            hits = 0
            for _ in range(times):
                draw, size = random.random(n), random.choice([0.5, 1.0], n)
                change = np.where(draw < up, size, np.where(draw > 1 - down, -size, 0.0))
                base = np.where(change > 0, 0.0, np.where(change < 0, 1.0, random.choice([0.0, 0.5, 1.0], n)))
                base[0] = 0.5 if change[0] == 0 else base[0]
                interval = stats.paired(base, base + change, seed=1).interval
                hits += interval is not None and interval.low <= 0.75 * (up - down) <= interval.high
            figures.append(hits / times)
        rows.append([str(n), f"{min(figures):.3f}", f"{np.mean(figures):.3f}", f"{max(figures):.3f}"])
    show(f"Coverage for graded scores, {times} samples of each scenario", ["n", "minimum", "mean", "maximum"], rows)


def clusters(times: int, seed: int) -> None:
    """Share of comparisons without any true difference in which some cluster is called improved or regressed."""
    with LIVEBENCH.open(encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    scores = np.array([[float(row["base"]), float(row["cand"])] for row in table])
    names = [row["task"] for row in table]
    random = np.random.default_rng(seed)
    found: Counter[str] = Counter()
    for _ in range(times):
        swap = random.random(len(scores)) < 0.5
        mixed = np.where(swap[:, None], scores[:, ::-1], scores)
        deltas = compare(columns(mixed[:, 0], mixed[:, 1], names), "a", "b").clusters
        found["unadjusted p < .05"] += any((delta.p or 1) < 0.05 for delta in deltas)
        found["called improved or regressed (Holm)"] += any(delta.verdict in ("improved", "regressed")
                                                            for delta in deltas)
        found["q < .05 (Benjamini-Hochberg)"] += any((delta.q or 1) < 0.05 for delta in deltas)
    show(f"Some of 18 LiveBench tasks is significant though nothing changed, {times} random swaps",
         ["rule", "share"], [[name, f"{count / times:.3f}"] for name, count in found.items()])


def columns(base: Floats, cand: Floats, names: list[str]) -> Columns:
    """Scores of the variants a and b, one case for each row."""
    cases = list(range(len(base)))
    return Columns(case=[*cases, *cases], variant=["a"] * len(base) + ["b"] * len(base),
                   value=[*base.tolist(), *cand.tolist()], cluster=[*names, *names])


@cache
def midp(lost: int, won: int) -> float:
    """McNemar's mid-p, remembered."""
    return stats.mcnemar_midp(lost, won)


def gate(times: int, seed: int) -> None:
    """Verdicts of the gate on ten clusters of twenty cases of which a tenth flips each way by chance."""
    groups, size, steady = 10, 20, 0.8872983346  # steady: 2 p (1 - p) = 0.2
    names = [f"cluster {number}" for number in range(groups) for _ in range(size)]
    passing = np.full(groups * size, steady)
    worse = passing - np.where(np.arange(groups * size) < size, 0.25, 0.0)
    policy = Policy(protected=tuple(dict.fromkeys(names)))
    rows = []
    for title, cand in (("no change", passing), ("one cluster −25 pp", worse), ("all +5 pp", passing + 0.05)):
        random, count = np.random.default_rng(seed), Counter[str]()
        for _ in range(times):
            first = _draw(random, passing, cand, 1)
            count.update(simple(*first, groups))
            again = compare(columns(*_draw(random, passing, cand, 2), names), "a", "b", policy=policy)
            for name, confirmation in (("gate", None), ("gate, alarms rerun", again)):
                verdict = compare(columns(*first, names), "a", "b", policy=policy, confirmation=confirmation).gate
                assert verdict is not None
                count[f"{name}: {verdict.verdict}"] += 1
        rows.append((title, count))
    rules = list(dict.fromkeys(name for _, count in rows for name in sorted(count)))
    show(f"Ten clusters of twenty cases, {times} releases each", ["rule", *(title for title, _ in rows)],
         [[name, *(f"{100 * count[name] / times:.1f} %" for _, count in rows)] for name in rules])


def simple(base: Floats, cand: Floats, groups: int) -> Iterator[str]:
    """The simpler rules that would block."""
    change = (cand - base).reshape(groups, -1)
    lost, won = (change < 0).sum(axis=1), (change > 0).sum(axis=1)
    p = [midp(int(down), int(up)) for down, up in zip(lost, won, strict=True)]
    down = [each for each in range(groups) if lost[each] > won[each]]
    if down:
        yield "any cluster's delta under 0 blocks"
    if any(p[each] < 0.05 for each in down):
        yield "any cluster worse at mid-p < .05 blocks"
    holm = stats.holm(p)
    if any(holm[each] < 0.05 for each in down):
        yield "any cluster worse at Holm < .05 blocks"
    if stats.tango_interval(int(lost.sum()), int(won.sum()), change.size, 0.10).low <= -0.05:
        yield "overall lower limit under −5 pp blocks"


def _draw(random: np.random.Generator, base: Floats, cand: Floats, repeats: int) -> tuple[Floats, Floats]:
    one, other = ((random.random((repeats, rate.size)) < rate).mean(axis=0) for rate in (base, cand))
    return one, other


PARTS: dict[str, Callable[[int, int], None]] = {"coverage": coverage, "attainable": attainable, "graded": graded,
                                                "clusters": clusters, "gate": gate}


def main() -> None:
    """Runs the parts that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--part", choices=PARTS, action="append")
    parser.add_argument("--times", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    with workplace():
        for name in given.part or PARTS:
            PARTS[name](given.times, given.seed)


if __name__ == "__main__":
    main()

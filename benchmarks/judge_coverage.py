"""Intervals of a rate by a judge and few labels: how often they hold the truth, on 1,704 pairs that people decided.

    python benchmarks/judge_coverage.py [--resamples 600]

Each resample labels some pairs and leaves the others to the judge; the truth is people's share over all pairs. Rows:
people's labels alone (Wilson), the judge alone (Wilson, no label), the judge corrected with weight 1 (PPI), and with
the weight that the labels give (PPI++, what evalloop uses). The data are those of tests/data/llmfao.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from evalloop import stats  # noqa: E402
from evalloop.report.labels import Table, items, verdicts  # noqa: E402

Floats = NDArray[np.float64]
Limits = Callable[[Floats, Floats, Floats], tuple[float, float]]


def table(name: str) -> Table:
    """One file of the data."""
    with (CHECKOUT / "tests/data/llmfao" / name).open(newline="") as file:
        return Table(name, list(enumerate(csv.DictReader(file), 2)), {})


def wilson(scores: Floats) -> tuple[float, float]:
    """The interval of a share."""
    low, high = stats.wilson_interval(int(scores.sum()), scores.size)
    return low, high


def corrected(weight: float | None) -> Limits:
    """The interval by labels and judge together."""
    def limits(human: Floats, judge: Floats, rest: Floats) -> tuple[float, float]:
        interval = stats.ppi_mean(human, judge, rest, weight=weight).interval
        assert interval is not None
        return interval.low, interval.high

    return limits


METHODS: dict[str, Limits] = {
    "people alone": lambda human, judge, rest: wilson(human),
    "judge alone": lambda human, judge, rest: wilson(np.concatenate([judge, rest])),
    "PPI": corrected(1.0),
    "PPI++": corrected(None),
}


def resampled(human: Floats, judge: Floats, labels: int, count: int) -> Iterator[tuple[str, float, float]]:
    """(method, coverage, mean width) over so many random choices of what is labelled."""
    draw, truth = np.random.default_rng(0), float(human.mean())
    orders = [draw.permutation(human.size) for _ in range(count)]
    for name, limits in METHODS.items():
        ends = [limits(human[order[:labels]], judge[order[:labels]], judge[order[labels:]]) for order in orders]
        yield name, float(np.mean([low <= truth <= high for low, high in ends])), float(
            np.mean([high - low for low, high in ends]))


def main() -> None:
    """Prints one table for each judge and number of labels."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--resamples", type=int, default=600)
    given = parser.parse_args()
    people = {each.id: each.human for each in items(table("crowd.csv")) if each.human is not None}
    for judge, file in (("GPT-4", "gpt4-crowd.csv"), ("GPT-3", "gpt3-crowd.csv")):
        said = verdicts(table(file), pairs=True)
        human = np.array([people[name] for name in people])
        first = np.array([float(said[name] > 0.5) for name in people])
        for labels in (30, 200):
            row = ", ".join(f"{name} {held:.2f} ({width:.3f})" for name, held, width in
                            resampled(human, first, labels, given.resamples))
            rates = f"truth {human.mean():.3f}, judge {first.mean():.3f}"
            print(f"{judge}, {labels} labels of {human.size}, {rates}: {row}")


if __name__ == "__main__":
    main()

"""A comparison of a million pairs in a thousand clusters, against scipy and statsmodels called for each cluster.

    python benchmarks/compare_pairs.py [--pairs 1000000] [--clusters 1000] [--rounds 3]

evalloop: finds duplicate rows, pairs the 2 x 1,000,000 rows (texts for case, variant and cluster), and gives interval,
test, Holm, smallest detectable effect, verdict and gate for each cluster. Peer, calls only: McNemar, paired t with
its interval, and Holm, on arrays that are paired and grouped already. Peer with pandas: the same calls, after a pivot
of the same rows. All in this process, in turns; needs statsmodels and pandas.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
import pandas as pd
from measure import rounds, show, timed, workplace
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from evalloop.report import duplicates
from evalloop.report.columns import Columns
from evalloop.report.compare import compare

Scores = NDArray[np.float64]


def table(pairs: int, clusters: int) -> dict[str, list[object]]:
    """Rows of two variants on the same cases; scores are 0 or 1, one in ten is drawn anew."""
    draw = np.random.default_rng(0)
    base = (draw.random(pairs) < 0.7).astype(float)
    cand = np.where(draw.random(pairs) < 0.1, (draw.random(pairs) < 0.75).astype(float), base)
    cases = [f"case-{number:07d}" for number in range(pairs)]
    names = [f"cluster-{number % clusters:04d}" for number in range(pairs)]
    return {"case": [*cases, *cases], "variant": ["base"] * pairs + ["cand"] * pairs,
            "value": [*base.tolist(), *cand.tolist()], "cluster": [*names, *names]}


def evalloop(rows: dict[str, list[object]]) -> None:
    """The product's own way."""
    kept, notes = duplicates.resolve(Columns(**rows), ("base", "cand"), "error")
    compare(kept, "base", "cand", notes=notes)


def grouped(rows: dict[str, list[object]]) -> list[tuple[Scores, Scores]]:
    """(base, cand) of each cluster, by pandas."""
    wide = pd.DataFrame(rows).pivot(index=["cluster", "case"], columns="variant", values="value")
    return [(group["base"].to_numpy(), group["cand"].to_numpy()) for _, group in wide.groupby(level="cluster")]


def tested(base: Scores, cand: Scores) -> Iterator[float]:
    """The p-values of one cluster."""
    counts = [[int(((base == i) & (cand == j)).sum()) for j in (0, 1)] for i in (0, 1)]
    yield mcnemar(counts, exact=True).pvalue
    paired = stats.ttest_rel(cand, base)
    paired.confidence_interval()
    yield paired.pvalue


def calls(groups: list[tuple[Scores, Scores]]) -> None:
    """The peer's tests of all clusters."""
    multipletests([min(tested(base, cand)) for base, cand in groups], method="holm")


def main() -> None:
    """Measures and prints one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=1_000_000)
    parser.add_argument("--clusters", type=int, default=1_000)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    with workplace():
        rows = table(given.pairs, given.clusters)
        groups = grouped(rows)
        costs = rounds({
            "scipy and statsmodels, calls only": lambda: timed(lambda: calls(groups)),
            "scipy and statsmodels after a pandas pivot": lambda: timed(lambda: calls(grouped(rows))),
            "evalloop": lambda: timed(lambda: evalloop(rows)),
        }, given.rounds)
    show(f"{given.pairs:,} pairs, {given.clusters:,} clusters, median of {given.rounds}", costs,
         "scipy and statsmodels after a pandas pivot")


if __name__ == "__main__":
    main()

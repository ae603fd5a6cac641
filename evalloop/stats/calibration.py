"""Judge scores corrected by human labels (PPI++), and deltas read at equal answer length."""

from __future__ import annotations

from dataclasses import replace
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from evalloop.stats.arrays import equal_length, finite
from evalloop.stats.distributions import normal_quantile, normal_two_sided, t_quantile, t_two_sided
from evalloop.stats.results import DifferenceResult, Interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


FLAT = 1e-3  # spread of the bent length change below which no line can be laid through it


def ppi_mean(
    human: ArrayLike,
    judge: ArrayLike,
    judge_only: ArrayLike,
    *,
    weight: float | None = None,
    alpha: float = 0.05,
    ddof: int = 1,
) -> DifferenceResult:
    """Mean human score estimated from n cases with both verdicts and N with the judge's alone (PPI++).

    theta = mean(human) + w * (mean(judge_only) - mean(judge)); w minimises the variance and lies in [0, 1], 1 is plain
    prediction-powered inference (Angelopoulos et al., arXiv 2301.09633 and 2311.01453). Never much worse than the human
    labels alone. For a delta: ``ppi_delta``. ``ddof=0`` takes population variances, as the authors' ppi-python does: a
    little too narrow for few labels. ValueError under two rows of either kind.
    """
    label, score, rest = finite(human, "human"), finite(judge, "judge"), finite(judge_only, "judge_only")
    equal_length(label, score, "human and judge")
    n, more = label.size, rest.size
    if n < 2 or more < 2:
        raise ValueError(f"a corrected mean needs two rows of either kind, there are {n} and {more}")
    if weight is None:
        spread = float(np.var(np.concatenate([score, rest]), ddof=1))
        covariance = float(np.cov(label, score, ddof=ddof)[0, 1])
        weight = min(1.0, max(0.0, covariance / ((1 + n / more) * spread))) if spread > 0 else 0.0
    mean = float(label.mean() + weight * (rest.mean() - score.mean()))
    spreads = float(np.var(label - weight * score, ddof=ddof)), float(np.var(rest, ddof=ddof))
    variance = spreads[0] / n + weight**2 * spreads[1] / more
    result = _normal(mean, sqrt(variance), n + more, f"PPI++, judge weight {weight:.2f}", alpha)
    return replace(result, weight=weight)


def ppi_delta(
    human: tuple[ArrayLike, ArrayLike],
    judge: tuple[ArrayLike, ArrayLike],
    judge_only: tuple[ArrayLike, ArrayLike],
    *,
    weight: float | None = None,
    alpha: float = 0.05,
    ddof: int = 1,
) -> DifferenceResult:
    """Candidate minus baseline on the human scale: ``ppi_mean`` of the paired differences.

    Each argument holds (baseline, candidate): the n cases that people and the judge scored, and the N that only the
    judge did, in the same order under both variants. A bias that the judge has for both variants alike drops out; one
    for the candidate (its length, its style) is corrected. ValueError on unequal lengths.
    """
    pairs = []
    for name, (base, cand) in (("human", human), ("judge", judge), ("judge_only", judge_only)):
        before, after = finite(base, name), finite(cand, name)
        equal_length(before, after, f"the two sides of {name}")
        pairs.append(after - before)
    return ppi_mean(pairs[0], pairs[1], pairs[2], weight=weight, alpha=alpha, ddof=ddof)


def length_adjusted_delta(differences: ArrayLike, length_changes: ArrayLike, alpha: float = 0.05) -> DifferenceResult:
    """Mean difference at equal length: intercept of least squares on tanh(length change / sd), HC3 errors.

    A diagnostic that extrapolates when few pairs have about the same length. ValueError under four cases; no interval
    when the length change hardly varies.
    """
    diff, change = finite(differences, "differences"), finite(length_changes, "length_changes")
    equal_length(diff, change, "differences and length_changes")
    if diff.size < 4:
        raise ValueError(f"a length-adjusted delta needs four cases, there are {diff.size}")
    spread = float(change.std(ddof=1))
    bent = np.tanh(change / spread) if spread > 0 else change * 0.0
    if bent.std() < FLAT:
        return DifferenceResult(float(diff.mean()), None, None, None, diff.size, "the length change hardly varies")
    design = np.column_stack([np.ones(diff.size), bent])
    inverse = np.linalg.inv(design.T @ design)
    coefficients = inverse @ (design.T @ diff)
    leverage = np.einsum("ij,jk,ik->i", design, inverse, design)
    residuals = (diff - design @ coefficients) / np.maximum(1 - leverage, 1e-12)
    meat = (design * residuals[:, None] ** 2).T @ design
    se = float(np.sqrt((inverse @ meat @ inverse)[0, 0]))
    delta, df = float(coefficients[0]), diff.size - 2
    if se == 0:
        return DifferenceResult(delta, 0.0, None, None, diff.size, "no variation around the line")
    half = t_quantile(1 - alpha / 2, df) * se
    interval = Interval(delta - half, delta + half)
    return DifferenceResult(delta, se, interval, t_two_sided(delta / se, df), diff.size, "at equal length, HC3")


def _normal(mean: float, se: float, n: int, method: str, alpha: float) -> DifferenceResult:
    if se == 0:
        return DifferenceResult(mean, 0.0, None, None, n, method)
    half = normal_quantile(1 - alpha / 2) * se
    return DifferenceResult(mean, se, Interval(mean - half, mean + half), normal_two_sided(mean / se), n, method)

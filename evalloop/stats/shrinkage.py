"""Cluster deltas put together: one weighted headline, and shrunken deltas for ranking and wording."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evalloop.stats.arrays import equal_length, finite, totals, unit_codes
from evalloop.stats.distributions import normal_quantile, normal_two_sided, root
from evalloop.stats.results import DifferenceResult, Interval, ShrunkenDeltas

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from evalloop.stats.arrays import Floats

PSEUDO_CASES = 4  # cases at the average variance lent to each cluster before shrinking: some clusters have variance 0


def weighted_delta(deltas: ArrayLike, ses: ArrayLike, weights: ArrayLike, alpha: float = 0.05) -> DifferenceResult:
    """Delta over clusters weighted as in production: sum(w * delta) / sum(w), normal interval, clusters independent.

    ValueError when nothing is given or the weights are negative or all 0.
    """
    delta, se, weight = finite(deltas, "deltas"), finite(ses, "ses"), finite(weights, "weights")
    equal_length(delta, se, "deltas and ses")
    equal_length(delta, weight, "deltas and weights")
    if (weight < 0).any() or weight.sum() == 0:
        raise ValueError("weights are not negative and not all 0")
    weight = weight / weight.sum()
    mean, total_se = float(weight @ delta), float(np.sqrt((weight * se) @ (weight * se)))
    if total_se == 0:
        return DifferenceResult(mean, 0.0, None, None, delta.size, "no variation")
    half = normal_quantile(1 - alpha / 2) * total_se
    p = normal_two_sided(mean / total_se)
    return DifferenceResult(mean, total_se, Interval(mean - half, mean + half), p, delta.size, "weighted, normal")


def weighted_over_clusters(
    differences: Sequence[ArrayLike], weights: ArrayLike, units: Sequence[Iterable[Hashable]], *, alpha: float = 0.05
) -> DifferenceResult:
    """``weighted_delta`` from the differences of each cluster, when a case or a user may be in several of them.

    ``units`` names, for each cluster, what each difference belongs to; the contributions of a unit to all clusters are
    added before squaring (with n / (n - 1) in each cluster). Clusters without any spread are no certainty: the error is
    at least that of independent clusters whose variances are smoothed as in ``empirical_bayes``. Equals
    ``weighted_delta`` for disjoint clusters of equal variance. ValueError on a cluster under two differences.
    """
    rows = [finite(each, "differences") for each in differences]
    weight = finite(weights, "weights")
    if len(rows) != weight.size or not rows or (weight < 0).any() or weight.sum() == 0:
        raise ValueError("every cluster needs a weight; weights are not negative and not all 0")
    if min(row.size for row in rows) < 2:
        raise ValueError("every cluster needs two differences")
    weight = weight / weight.sum()
    sizes = np.array([row.size for row in rows], dtype=np.float64)
    influence = np.concatenate([share * (row - row.mean()) / np.sqrt(row.size * (row.size - 1))
                                for share, row in zip(weight, rows, strict=True)])
    codes, count = unit_codes([unit for each in units for unit in each], influence.size)
    sums = totals(influence, codes, count)
    variance = np.array([row.var(ddof=1) / row.size for row in rows])
    floor = _smoothed(variance, sizes) if variance.any() else variance
    se = float(np.sqrt(max(float(sums @ sums), float((weight * weight) @ floor))))
    mean = float(weight @ [row.mean() for row in rows])
    if se == 0:
        return DifferenceResult(mean, 0.0, None, None, count, "no variation")
    half = normal_quantile(1 - alpha / 2) * se
    p = normal_two_sided(mean / se)
    return DifferenceResult(mean, se, Interval(mean - half, mean + half), p, count, "weighted, normal")


def empirical_bayes(deltas: ArrayLike, ses: ArrayLike, sizes: ArrayLike | None = None) -> ShrunkenDeltas:
    """Cluster deltas drawn towards their precision-weighted mean (normal-normal, tau^2 by Paule and Mandel 1982).

    With ``sizes`` (cases per cluster) each cluster's variance is first smoothed by four pseudo-cases at the average
    variance of one case. ValueError when a standard error is not above 0 (after smoothing) or nothing is given.
    """
    delta, se = finite(deltas, "deltas"), finite(ses, "ses")
    equal_length(delta, se, "deltas and ses")
    variance = se * se if sizes is None else _smoothed(se * se, finite(sizes, "sizes"))
    if delta.size == 0 or (variance <= 0).any():
        raise ValueError("every cluster needs a standard error above 0; give sizes to smooth the clusters without one")
    tau2 = paule_mandel(delta, variance)
    weight = 1 / (variance + tau2)
    mean = float(weight @ delta / weight.sum())
    keep = tau2 / (variance + tau2)
    shrunken = mean + keep * (delta - mean)
    spread = np.sqrt(keep * variance + (1 - keep) ** 2 / weight.sum())
    return ShrunkenDeltas(mean, tau2, tuple(map(float, shrunken)), tuple(map(float, spread)))


def paule_mandel(deltas: ArrayLike, variances: ArrayLike) -> float:
    """Variance between clusters at which the weighted squares equal their expectation, k - 1; at least 0."""
    delta, variance = finite(deltas, "deltas"), finite(variances, "variances")

    def excess(tau2: float) -> float:
        weight = 1 / (variance + tau2)
        centred = delta - weight @ delta / weight.sum()
        return float(weight @ (centred * centred)) - (delta.size - 1)

    if delta.size < 2 or excess(0.0) <= 0:
        return 0.0
    return root(excess, 0.0, float(((delta - delta.mean()) ** 2).sum()))


def _smoothed(variance: Floats, sizes: Floats) -> Floats:
    """Squared standard errors after lending each cluster pseudo-cases at the average variance of one case."""
    equal_length(variance, sizes, "ses and sizes")
    of_one_case = variance * sizes
    average = float(of_one_case @ sizes / sizes.sum())
    smoothed: Floats = (sizes * of_one_case + PSEUDO_CASES * average) / (sizes + PSEUDO_CASES) / sizes
    return smoothed

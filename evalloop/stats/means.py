"""Means of differences: Student's t over cases, and the cluster-robust form when cases share a user or document."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from math import sqrt
from typing import TYPE_CHECKING

from evalloop.stats.arrays import ROUNDING, finite, totals, unit_codes
from evalloop.stats.distributions import t_cdf, t_quantile, t_two_sided
from evalloop.stats.results import Interval, MeanEstimate

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from evalloop.stats.arrays import Codes, Floats

MIN_UNITS = 8  # below this many units a cluster-robust interval is refused
MIN_EFFECTIVE_UNITS = 6  # with half of all cases in one unit a 95 % interval covers only 60 to 80 %


def paired_t(differences: ArrayLike) -> MeanEstimate:
    """Mean of the differences with se = sd / sqrt(n) and n - 1 degrees of freedom; ValueError under two differences."""
    diff = finite(differences, "differences")
    if diff.size < 2:
        raise ValueError(f"a standard error needs two differences, there are {diff.size}")
    se = float(diff.std(ddof=1)) / sqrt(diff.size)
    return MeanEstimate(float(diff.mean()), _without_noise(se, diff), diff.size - 1)


def cluster_robust(
    differences: ArrayLike, units: Iterable[Hashable], *, min_units: int = MIN_UNITS
) -> MeanEstimate:
    """Mean of the differences with the CR1 standard error over C units and C - 1 degrees of freedom.

    se^2 = C / (C - 1) * sum over units of (sum of the unit's residuals)^2 / n^2 (Liang and Zeger 1986; Miller 2024,
    arXiv 2411.00640, appendix A, with the small-sample factor). ValueError under
    ``min_units`` units: with few of them the error is too small.
    """
    diff = finite(differences, "differences")
    codes, count = unit_codes(units, diff.size)
    if count < min_units:
        raise ValueError(f"a cluster-robust standard error needs {min_units} units, there are {count}")
    return clustered_mean(diff, codes, count)


def clustered_mean(diff: Floats, codes: Codes, count: int) -> MeanEstimate:
    """``cluster_robust`` for units that are already numbered."""
    if count < 2:
        raise ValueError(f"a cluster-robust standard error needs two units, there are {count}")
    mean = float(diff.mean())
    residuals = totals(diff - mean, codes, count)
    se = sqrt(count / (count - 1) * float(residuals @ residuals)) / diff.size
    return MeanEstimate(mean, _without_noise(se, diff), count - 1)


def kish_size(weights: Floats) -> float:
    """Number of equal weights that would be worth as much: (sum w)^2 / sum w^2."""
    return float(weights.sum() ** 2 / (weights @ weights))


def why_refused(unit_weights: Floats) -> str:
    """Why these units (their cases or weights, shape (units,)) carry no cluster-robust interval; empty if they do."""
    return why_units_refused(unit_weights.size, kish_size(unit_weights))


def why_units_refused(count: int, effective: float) -> str:
    """The same where only their number and Kish's size of their weights are known."""
    if count < MIN_UNITS:
        return f"cluster-robust interval refused: {count} units, at least {MIN_UNITS} needed"
    if effective < MIN_EFFECTIVE_UNITS:
        return (
            f"cluster-robust interval refused: few of the {count} units outweigh the rest "
            f"({effective:.1f} effective units, at least {MIN_EFFECTIVE_UNITS} needed)"
        )
    return ""


def t_interval(estimate: MeanEstimate, alpha: float = 0.05) -> Interval:
    """Two-sided 1 - alpha interval; its lower limit at 2 * alpha is the one-sided bound at alpha."""
    half = t_quantile(1 - alpha / 2, estimate.df) * estimate.se
    return Interval(estimate.mean - half, estimate.mean + half)


def t_p(estimate: MeanEstimate) -> float | None:
    """Two-sided p-value of "the mean is 0"; None when the differences do not vary around a mean that is not 0."""
    if estimate.se == 0:
        return 1.0 if estimate.mean == 0 else None
    return t_two_sided(estimate.mean / estimate.se, estimate.df)


def t_better(estimate: MeanEstimate) -> float | None:
    """Posterior probability that the mean is above 0 under the reference prior; None without variation."""
    return t_cdf(estimate.mean / estimate.se, estimate.df) if estimate.se > 0 else None


def _without_noise(se: float, diff: Floats) -> float:
    """A standard error that is only rounding is 0."""
    return 0.0 if se <= ROUNDING * float(abs(diff).max(initial=0.0)) else se

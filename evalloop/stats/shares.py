"""Shares and means of production signals: weighted, with the user as the independent unit."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from evalloop.stats.arrays import equal_length, finite, in_unit_interval, totals, unit_codes
from evalloop.stats.binary import wilson_limits
from evalloop.stats.distributions import t_quantile, t_two_sided
from evalloop.stats.means import kish_size, why_refused, why_units_refused
from evalloop.stats.results import DifferenceResult, Interval, ShareResult

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from evalloop.stats.arrays import Floats


def share_interval_clustered(
    values: ArrayLike,
    *,
    users: Iterable[Hashable] | None = None,
    weights: ArrayLike | None = None,
    alpha: float = 0.05,
) -> ShareResult:
    """Weighted share of values in [0, 1] (usually 0 or 1) with an interval clustered by user.

    The variance of sum(w * y) / sum(w) is linearised and summed per user (CR1); it gives the effective size, and
    Wilson's limits at that size with a t quantile of users - 1 degrees of freedom stay inside [0, 1] even for the rates
    of 0.5 to 3 % that clicks have (Korn and Graubard 1998, with Wilson's limits). Refused under 8 users, and when
    few users outweigh the rest: cap their weight first.
    ValueError on an empty or missing value, and on weights that are negative or all 0.
    """
    sample = _Sample.of(values, users, weights)
    if not in_unit_interval(sample.values):
        raise ValueError("a share is made of values between 0 and 1")
    share, n_effective = sample.mean, sample.effective_size()
    refusal = why_refused(sample.unit_weights)
    if refusal:
        return ShareResult(sample.n, n_effective, sample.units, share, None, None, refusal)
    quantile = t_quantile(1 - alpha / 2, sample.units - 1)
    interval = wilson_limits(share * n_effective, n_effective, quantile)
    method = f"Wilson limits at the effective size, t over {sample.units} units"
    return ShareResult(sample.n, n_effective, sample.units, share, sample.se, interval, method)


@dataclass(frozen=True, slots=True)
class UnitSums:
    """Rows that are 0 or 1, added up by unit (a user) and then over units: n and hits of each, squares and products.

    Whole numbers, so that an engine gives the same ones however it adds them up.
    """

    units: int
    rows: int
    hits: int
    rows_squared: int
    rows_hits: int
    hits_squared: int


def share_of_units(sums: UnitSums, *, alpha: float = 0.05) -> ShareResult:
    """``share_interval_clustered`` of rows without weights, from sums; ValueError without a row."""
    if sums.rows < 1:
        raise ValueError("a share needs at least one value")
    share, units_kish = sums.hits / sums.rows, sums.rows**2 / sums.rows_squared
    squares = max(sums.hits_squared - 2 * share * sums.rows_hits + share * share * sums.rows_squared, 0.0)
    se = sqrt(sums.units / (sums.units - 1) * squares) / sums.rows if sums.units > 1 else None
    n_effective = min(share * (1 - share) / (se * se), float(sums.rows)) if se else units_kish
    refusal = why_units_refused(sums.units, units_kish)
    if refusal:
        return ShareResult(sums.rows, n_effective, sums.units, share, None, None, refusal)
    quantile = t_quantile(1 - alpha / 2, sums.units - 1)
    interval = wilson_limits(share * n_effective, n_effective, quantile)
    method = f"Wilson limits at the effective size, t over {sums.units} units"
    return ShareResult(sums.rows, n_effective, sums.units, share, se, interval, method)


def share_difference(
    first: ArrayLike,
    second: ArrayLike,
    *,
    first_users: Iterable[Hashable] | None = None,
    second_users: Iterable[Hashable] | None = None,
    alpha: float = 0.05,
) -> DifferenceResult:
    """Difference of the means of two groups, second minus first, clustered by user.

    A user seen in both groups is one unit: the contributions to both means are added before squaring. The degrees of
    freedom are users - 1, refused under 8 users. Equals the group coefficient of least squares with clustered errors,
    with the plain C / (C - 1) factor.
    """
    before, after = finite(first, "first"), finite(second, "second")
    if before.size == 0 or after.size == 0:
        raise ValueError("both groups need at least one value")
    codes, count = unit_codes(
        _labels(first_users, before.size, 1) + _labels(second_users, after.size, 2), before.size + after.size
    )
    delta = float(after.mean() - before.mean())
    influence = np.concatenate([(before.mean() - before) / before.size, (after - after.mean()) / after.size])
    refusal = why_refused(totals(np.repeat([1 / before.size, 1 / after.size], [before.size, after.size]), codes, count))
    if refusal:
        return DifferenceResult(delta, None, None, None, count, refusal)
    sums = totals(influence, codes, count)
    se = sqrt(count / (count - 1) * float(sums @ sums))
    if se == 0:
        return DifferenceResult(delta, 0.0, None, None, count, "no variation")
    half = t_quantile(1 - alpha / 2, count - 1) * se
    interval = Interval(delta - half, delta + half)
    return DifferenceResult(delta, se, interval, t_two_sided(delta / se, count - 1), count, f"t over {count} units")


def share_change(before: tuple[float, float, int], after: tuple[float, float, int], *, alpha: float = 0.05
                 ) -> DifferenceResult:
    """Change between two shares that are known only as (share, standard error, units), such as those of two weeks.

    The samples are taken as independent: users who are in both make the interval too wide, never too narrow. The
    degrees of freedom are Satterthwaite's, from units - 1 on each side.
    """
    (share0, se0, units0), (share1, se1, units1) = before, after
    delta, variance, units = share1 - share0, se0 * se0 + se1 * se1, units0 + units1
    if variance == 0 or min(units0, units1) < 2:
        return DifferenceResult(delta, sqrt(variance), None, None, units, "no variation")
    df = variance * variance / (se0**4 / (units0 - 1) + se1**4 / (units1 - 1))
    se = sqrt(variance)
    half = t_quantile(1 - alpha / 2, df) * se
    return DifferenceResult(delta, se, Interval(delta - half, delta + half), t_two_sided(delta / se, df), units,
                            f"t with {df:.0f} degrees of freedom")


def _labels(users: Iterable[Hashable] | None, n: int, group: int) -> list[Hashable]:
    if users is None:
        return [(group, row) for row in range(n)]
    labels = list(users)
    if len(labels) != n:
        raise ValueError(f"users differ in length from the values: {len(labels)} and {n}")
    return labels


@dataclass(frozen=True, slots=True)
class _Sample:
    """Rows with weights, and what each unit adds to the weighted mean."""

    values: Floats
    weights: Floats
    unit_weights: Floats
    unit_residuals: Floats
    mean: float

    @classmethod
    def of(cls, values: ArrayLike, users: Iterable[Hashable] | None, weights: ArrayLike | None) -> _Sample:
        rows = finite(values, "values")
        if rows.size == 0:
            raise ValueError("a share needs at least one value")
        weight = np.ones(rows.size) if weights is None else finite(weights, "weights")
        equal_length(rows, weight, "values and weights")
        if (weight < 0).any() or weight.sum() == 0:
            raise ValueError("weights are not negative and not all 0")
        codes, count = unit_codes(range(rows.size) if users is None else users, rows.size)
        mean = float(np.clip((weight @ rows) / weight.sum(), rows.min(), rows.max()))  # rounding may lead beyond
        residuals = totals(weight * (rows - mean), codes, count)
        unit_weights = totals(weight, codes, count)
        kept = unit_weights > 0
        return cls(rows, weight, unit_weights[kept], residuals[kept], mean)

    @property
    def n(self) -> int:
        return int(self.values.size)

    @property
    def units(self) -> int:
        return int(self.unit_weights.size)

    @property
    def se(self) -> float | None:
        if self.units < 2:
            return None
        squares = float(self.unit_residuals @ self.unit_residuals)
        return sqrt(self.units / (self.units - 1) * squares) / float(self.weights.sum())

    def effective_size(self) -> float:
        """mean * (1 - mean) / se^2, at most Kish's size of the weights; that of the users when nothing varies."""
        se = self.se
        if not se:
            return kish_size(self.unit_weights)
        return min(self.mean * (1 - self.mean) / (se * se), kish_size(self.weights))

"""Many variants measured on the same cases: what to expect of the one that looks best."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalloop.stats.arrays import finite, unit_codes
from evalloop.stats.shrinkage import paule_mandel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from evalloop.stats.arrays import Floats

DRAWS = 20_000


@dataclass(frozen=True, slots=True)
class WinnersResult:
    """Per variant, in the order given: mean and error, corrected mean and error, probability of being the best."""

    means: tuple[float, ...]
    ses: tuple[float, ...]
    corrected: tuple[float, ...]
    corrected_ses: tuple[float, ...]
    p_best: tuple[float, ...]
    tau2: float
    df: int


def winners(scores: ArrayLike, *, weights: ArrayLike | None = None, units: Iterable[Hashable] | None = None,
            seed: int = 0) -> WinnersResult:
    """Means of scores (cases, variants), corrected for the choice of the largest (the winner's curse).

    The differences between variants are drawn towards 0 by a normal-normal model: tau^2 by Paule and Mandel, and the
    errors with their whole covariance, for all variants saw the same cases (cases that share a unit are added up
    first). ``weights`` (cases,) are those of production. ``p_best`` comes from draws of the posterior with a fixed
    seed. Estimates for choosing and wording, never evidence. ValueError under two variants, cases or units.
    """
    table = np.asarray(scores, dtype=np.float64)
    if table.ndim != 2 or min(table.shape) < 2 or not np.isfinite(table).all():
        raise ValueError("scores have one row for each of two cases or more and one column for each of two variants")
    weight = np.ones(len(table)) if weights is None else finite(weights, "weights")
    if weight.size != len(table) or (weight < 0).any() or weight.sum() == 0:
        raise ValueError("every case needs a weight; weights are not negative and not all 0")
    weight = weight / weight.sum()
    means = weight @ table
    codes, count = unit_codes(range(len(table)) if units is None else units, len(table))
    if count < 2:
        raise ValueError("a standard error needs two units")
    sums = np.zeros((count, table.shape[1]))
    np.add.at(sums, codes, weight[:, None] * (table - means))
    covariance = count / (count - 1) * sums.T @ sums
    corrected, spread, tau2 = _shrunken(means, covariance)
    ses = np.sqrt(np.diag(covariance))
    p_best = _p_best(corrected, spread, seed)
    level = float(covariance.mean())
    return WinnersResult(_tuple(means), _tuple(ses), _tuple(corrected), _tuple(np.sqrt(np.diag(spread) + level)),
                         _tuple(p_best), tau2, count - 1)


def _shrunken(means: Floats, covariance: Floats) -> tuple[Floats, Floats, float]:
    """Posterior mean and covariance of each variant around the mean of all, and the variance between variants."""
    k = means.size
    centre = np.eye(k) - 1 / k
    apart, errors = centre @ means, centre @ covariance @ centre
    variances = np.maximum(np.diag(errors), 0.0)
    tau2 = 0.0 if variances.min() <= 0 else paule_mandel(apart, variances)
    if variances.min() <= 0:
        tau2 = max(float(apart.var(ddof=1) - variances.mean()), 0.0)
    if tau2 == 0:
        return np.full(k, means.mean()), np.zeros((k, k)), 0.0
    gain = tau2 * np.linalg.inv(errors + tau2 * np.eye(k))
    posterior = tau2 * (np.eye(k) - gain)
    corrected: Floats = means.mean() + gain @ apart
    return corrected, (posterior + posterior.T) / 2, tau2


def _p_best(means: Floats, spread: Floats, seed: int) -> Floats:
    if not spread.any():
        best = np.isclose(means, means.max())
        equal: Floats = best / best.sum()
        return equal
    draws = np.random.default_rng(seed).multivariate_normal(means, spread, DRAWS, method="eigh")
    share: Floats = np.bincount(draws.argmax(axis=1), minlength=means.size) / DRAWS
    return share


def _tuple(values: Floats) -> tuple[float, ...]:
    return tuple(float(value) for value in values)

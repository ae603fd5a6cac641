"""Rates of many small groups, drawn towards the rate of all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalloop.stats.arrays import equal_length, finite
from evalloop.stats.results import ShrunkenRates

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

LEAST_STRENGTH, MOST_STRENGTH = 1.0, 1e6


def shrunken_rates(successes: ArrayLike, trials: ArrayLike) -> ShrunkenRates:
    """Posterior means (s_i + m * k) / (n_i + k) of a beta-binomial model: rate m of all, strength k in trials.

    k comes from the spread between groups beyond chance, by moments (Kleinman 1973): no spread draws every group to m,
    much spread leaves it alone. Groups without a trial get m. ValueError when no group has a trial, or a count cannot
    be.
    """
    hits, sizes = finite(successes, "successes"), finite(trials, "trials")
    equal_length(hits, sizes, "successes and trials")
    if (hits < 0).any() or (hits > sizes).any() or sizes.sum() == 0:
        raise ValueError("successes lie between 0 and the trials, and some group needs a trial")
    mean = float(hits.sum() / sizes.sum())
    strength = _strength(hits[sizes > 0], sizes[sizes > 0], mean)
    return ShrunkenRates(mean, strength, tuple(map(float, (hits + mean * strength) / (sizes + strength))))


def _strength(hits: np.ndarray, sizes: np.ndarray, mean: float) -> float:
    """Trials that the rate of all counts for: 1 / rho - 1, rho the correlation within groups (ANOVA estimator)."""
    groups, total = sizes.size, float(sizes.sum())
    if groups < 2 or total == groups or not 0 < mean < 1:
        return MOST_STRENGTH
    rates = hits / sizes
    between = float((sizes * (rates - mean) ** 2).sum()) / (groups - 1)
    within = float((hits * (1 - rates)).sum()) / (total - groups)
    typical = (total - float((sizes**2).sum()) / total) / (groups - 1)
    spread = between + (typical - 1) * within
    rho = (between - within) / spread if spread > 0 else 0.0
    return MOST_STRENGTH if rho <= 0 else float(np.clip(1 / rho - 1, LEAST_STRENGTH, MOST_STRENGTH))

"""How far predicted probabilities can be taken at their word: Brier score, isotonic check, reliability bins."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING

import numpy as np

from evalloop.stats.arrays import equal_length, finite, in_unit_interval, is_binary, unit_codes
from evalloop.stats.results import Interval, LikelihoodRatio, ReliabilityBin

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from evalloop.stats.arrays import Codes, Floats

BINS = 10


def brier(predicted: ArrayLike, outcomes: ArrayLike) -> float:
    """Mean squared distance of predicted probabilities (n,) from outcomes 0/1 (n,) (Brier 1950); 0 is best."""
    chance, outcome = _checked(predicted, outcomes)
    return float(np.mean((chance - outcome) ** 2))


def isotonic(predicted: ArrayLike, outcomes: ArrayLike, at: ArrayLike) -> Floats:
    """The rising step function that fits ``outcomes`` on ``predicted`` best, read at ``at`` (PAVA)."""
    from scipy.optimize import isotonic_regression

    chance, outcome = _checked(predicted, outcomes)
    levels, place = np.unique(chance, return_inverse=True)
    counts = np.bincount(place)
    fitted = isotonic_regression(np.bincount(place, weights=outcome) / counts, weights=counts).x
    found: Floats = np.interp(finite(at, "at"), levels, fitted)
    return found


def reliability(
    predicted: ArrayLike, outcomes: ArrayLike, *, units: Iterable[Hashable] | None = None, bins: int = BINS
) -> list[ReliabilityBin]:
    """Predicted against observed in ``bins`` equal steps of [0, 1], empty ones left out; intervals by unit."""
    from evalloop.stats.shares import share_interval_clustered

    chance, outcome = _checked(predicted, outcomes)
    codes, _ = unit_codes(range(chance.size) if units is None else units, chance.size)
    place = np.minimum((chance * bins).astype(int), bins - 1)
    found = []
    for step in np.unique(place):
        inside = place == step
        share = share_interval_clustered(outcome[inside], users=codes[inside])
        found.append(ReliabilityBin(float(step / bins), float((step + 1) / bins), int(inside.sum()),
                                    float(chance[inside].mean()), share.share, share.interval))
    return found


def likelihood_ratio(
    spoke: ArrayLike, bad: ArrayLike, *, units: Iterable[Hashable] | None = None, alpha: float = 0.05
) -> LikelihoodRatio:
    """P(spoke | bad) / P(spoke | good), with half a turn added to each cell, and its interval on the log scale.

    ``spoke`` and ``bad`` are 0/1 (n,). The variance of the log ratio is summed over units (linearised, CR1); refused
    (None) under 8 units or when few outweigh the rest. ValueError unless bad and good both occur.
    """
    from evalloop.stats.distributions import t_quantile
    from evalloop.stats.means import why_refused

    said, worse = _checked(spoke, bad)
    if not 0 < worse.sum() < worse.size:
        raise ValueError("bad and good turns must both occur")
    sizes = np.array([worse.sum(), (1 - worse).sum()])
    hits = np.array([(said * worse).sum(), (said * (1 - worse)).sum()])
    rates = (hits + 0.5) / (sizes + 1)
    ratio = float(rates[0] / rates[1])
    codes, count = unit_codes(range(said.size) if units is None else units, said.size)
    refusal = why_refused(np.bincount(codes, minlength=count).astype(np.float64))
    if refusal:
        return LikelihoodRatio(ratio, None, count, refusal)
    influence = np.where(worse == 1, (said - rates[0]) / (rates[0] * (sizes[0] + 1)),
                         -(said - rates[1]) / (rates[1] * (sizes[1] + 1)))
    half = t_quantile(1 - alpha / 2, count - 1) * _clustered(influence, codes, count)
    return LikelihoodRatio(ratio, Interval(ratio * float(np.exp(-half)), ratio * float(np.exp(half))), count,
                           f"log ratio, t over {count} units")


def _clustered(influence: Floats, codes: Codes, count: int) -> float:
    sums = np.bincount(codes, weights=influence, minlength=count)
    return float(np.sqrt(count / (count - 1) * (sums @ sums)))


def _checked(first: ArrayLike, second: ArrayLike) -> tuple[Floats, Floats]:
    values, outcomes = finite(first, "predicted"), finite(second, "outcomes")
    equal_length(values, outcomes, "predicted and outcomes")
    if values.size == 0 or not in_unit_interval(values) or not is_binary(outcomes):
        raise ValueError("predictions lie in [0, 1], outcomes are 0 or 1, and there must be one")
    return values, outcomes

"""Weights of a sample that was not drawn at random: cap, raking, inverse probabilities, and what they cost."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from evalloop.stats.arrays import equal_length, finite, totals, unit_codes
from evalloop.stats.means import kish_size
from evalloop.stats.results import RakedWeights

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from evalloop.stats.arrays import Codes, Floats

ROUNDS, TOLERANCE = 200, 1e-9
TRIMMED_ROUNDS = 50


def cap_per_unit(weights: ArrayLike, units: Iterable[Hashable], cap: float) -> Floats:
    """The weights (n,), those of a unit (a user) scaled down together where they sum to more than ``cap``."""
    given = _weights(weights)
    codes, count = unit_codes(units, given.size)
    sums = totals(given, codes, count)
    factors = np.divide(cap, sums, out=np.ones(count), where=sums > cap)
    capped: Floats = given * factors[codes]
    return capped


def rake(
    weights: ArrayLike, columns: Sequence[Codes], targets: Sequence[ArrayLike], *, rounds: int = ROUNDS,
    tolerance: float = TOLERANCE,
) -> RakedWeights:
    """Weights (n,) whose sums over each column's categories are the targets (Deming and Stephan 1940).

    ``columns[j]`` (n,) holds category numbers, ``targets[j]`` (categories,) what their weights must sum to; targets of
    every column must sum to the same. A category with a target but without weight in the sample cannot be matched: its
    target is spread over the others in proportion and counted in ``unmatched``. One column is post-stratification.
    ``off`` is the largest relative miss that is left, above ``tolerance`` when ``rounds`` did not suffice.
    """
    raked = _weights(weights).copy()
    wanted = [finite(target, "targets") for target in targets]
    for column, target in zip(columns, wanted, strict=True):
        if np.size(column) != raked.size or (target < 0).any() or target.sum() <= 0:
            raise ValueError("each column needs a category for each weight, and targets that are not negative")
        if np.size(column) and int(np.max(column)) >= target.size:
            raise ValueError(f"a category without a target: {int(np.max(column))} of {target.size}")
    sums = [target.sum() for target in wanted]
    if sums and max(sums) - min(sums) > 1e-6 * max(sums):
        raise ValueError(f"the targets of the columns sum to different totals: {sums}")
    reachable = [_reachable(raked, column, target) for column, target in zip(columns, wanted, strict=True)]
    unmatched = max((1 - target[kept].sum() / target.sum()
                     for target, (kept, _) in zip(wanted, reachable, strict=True)), default=0.0)
    off, used = 0.0, 0
    for used in range(1, rounds + 1):  # noqa: B007 - told to the caller
        off = 0.0
        for column, (_, target) in zip(columns, reachable, strict=True):
            have = totals(raked, column, target.size)
            factor = np.divide(target, have, out=np.ones(target.size), where=have > 0)
            off = max(off, float(np.abs(factor - 1).max(initial=0.0)))
            raked *= factor[column]
        if off <= tolerance:
            break
    return RakedWeights(raked, used, off, float(unmatched))


def _reachable(weights: Floats, column: Codes, target: Floats) -> tuple[NDArray[np.bool_], Floats]:
    """Which categories the sample has, and the targets scaled so that these carry the whole."""
    kept = totals(weights, column, target.size) > 0
    inside = float(target[kept].sum())
    if inside == 0:
        raise ValueError("no category with a target has weight in the sample")
    scaled: Floats = np.where(kept, target, 0.0) * (target.sum() / inside)
    return kept, scaled


def trim(weights: ArrayLike, limit: float) -> Floats:
    """No weight above ``limit`` (> 1) times the mean; what is cut is spread over the rest, the sum stays."""
    given = _weights(weights)
    if limit <= 1:
        raise ValueError(f"a limit of {limit} times the mean cannot be kept")
    total = given.sum()
    top = limit * total / max(given.size, 1)
    trimmed = np.minimum(given, top)
    for _ in range(TRIMMED_ROUNDS):
        rest = trimmed < top
        missing = total - trimmed.sum()
        if missing <= 1e-12 * total or not trimmed[rest].sum():
            break
        trimmed = np.minimum(np.where(rest, trimmed * (1 + missing / trimmed[rest].sum()), trimmed), top)
    return np.asarray(trimmed, np.float64)


def design_effect(weights: ArrayLike) -> float:
    """How many times larger the variance is than with equal weights: n sum w^2 / (sum w)^2 (Kish 1965), at least 1."""
    given = _weights(weights)
    used = given[given > 0]
    if not used.size:
        raise ValueError("no weight above 0")
    return float(used.size / kish_size(used))


def _weights(weights: ArrayLike) -> Floats:
    given = finite(weights, "weights")
    equal_length(given, given, "weights")
    if (given < 0).any():
        raise ValueError("a weight is negative")
    return given

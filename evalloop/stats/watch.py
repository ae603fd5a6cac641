"""Did a rate change after a release? A two-sample test by strata that may be looked at as often as one likes.

Before the release, stratum s had k of n users who were let down. After it, users come in one by one. Null: the rate
of no stratum changed. Alternative: all log odds moved by one shift. The e-value is the ratio of two predictions of what
came after: with the shift mixed over a normal prior, and without one; in both the old rates are uncertain as far as the
counts before leave them so (Jeffreys' prior). Under the null the ratio is a non-negative martingale, so it passes
1 / alpha at any time with probability at most alpha (Ville 1939). A change of the traffic mix alone moves no stratum's
rate, and therefore proves nothing.

The method is the beta-binomial mixture of Robbins (1970) with a sample in place of the known rate, and strata.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalloop.stats.arrays import ROUNDING
from evalloop.stats.distributions import beta_quantiles, log_sum_exp
from evalloop.stats.results import Interval, WatchResult

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from evalloop.stats.arrays import Floats

NODES = 64
"""Points that stand for what is known of a stratum's old rate, each as likely as the others."""
SHIFTS = np.linspace(-3.0, 3.0, 121)
"""Shifts of the log odds; 0 is the null. exp(-0.36) in the odds is a fall from 5 % to 3.5 %."""
SPREAD = 0.5
"""Standard deviation of the normal prior over shifts."""


def watch_rate(before: ArrayLike, looks: ArrayLike, alpha: float = 0.05) -> WatchResult:
    """The verdict on a rate: ``before`` (strata, 2) holds hits and users of each stratum, ``looks`` (looks, strata, 2)
    the cumulative hits and users after the release at each look, oldest first.

    A hit may be a part of one (a user whose word counts less): the ratio is convex in it, so that its mean under the
    null stays at most 1. The interval of the ratio intersects those of all looks. ValueError when counts cannot be,
    shrink, or nobody was there before.
    """
    old, new = np.asarray(before, dtype=float), np.asarray(looks, dtype=float)
    _check(old, new)
    hit, miss = _logs(old)
    log_prior = _log_prior()
    null = int(np.argmin(np.abs(SHIFTS)))
    alive = np.ones(SHIFTS.size, dtype=bool)
    largest, first, side = 0.0, None, 0
    for number, look in enumerate(new):
        likelihood = _log_likelihood(look, hit, miss)
        mixed = float(log_sum_exp(log_prior + likelihood, axis=0))
        alive &= mixed - likelihood < np.log(1 / alpha)
        if mixed - likelihood[null] > largest:
            largest = float(mixed - likelihood[null])
        if first is None and mixed - likelihood[null] >= np.log(1 / alpha):
            first, side = number, int(np.sign(SHIFTS[int(np.argmax(likelihood))]))
    return _result(old, new, alive, largest, first, side)


def _check(old: Floats, new: Floats) -> None:
    if old.ndim != 2 or old.shape[1] != 2 or new.ndim != 3 or new.shape[1:] != old.shape:
        raise ValueError(f"before is (strata, 2) and looks (looks, strata, 2), not {old.shape} and {new.shape}")
    counts = np.concatenate([old[None], new])
    if (counts[..., 0] < 0).any() or (counts[..., 0] > counts[..., 1]).any() or old[:, 1].sum() == 0:
        raise ValueError("hits lie between 0 and the users, and some user must have been there before")
    steps = np.diff(new, axis=0)
    if steps.size and ((steps[..., 0] < 0).any() or (steps[..., 1] - steps[..., 0] < -ROUNDING * counts.max()).any()):
        raise ValueError("looks are cumulative: hits and misses never shrink")


def _logs(old: Floats) -> tuple[Floats, Floats]:
    """log p and log (1 - p) for each stratum, old rate and shift: (strata, NODES, shifts)."""
    places = (np.arange(NODES) + 0.5) / NODES
    rates = np.array([beta_quantiles(places, 0.5 + hits, 0.5 + users - hits) for hits, users in old])
    rates = np.clip(rates, 1e-12, 1 - 1e-12)
    odds = (np.log(rates) - np.log1p(-rates))[:, :, None] + SHIFTS
    return -np.logaddexp(0.0, -odds), -np.logaddexp(0.0, odds)


def _log_prior() -> Floats:
    weights = np.exp(-0.5 * (SHIFTS / SPREAD) ** 2)
    prior: Floats = np.log(weights / weights.sum())
    return prior


def _log_likelihood(look: Floats, hit: Floats, miss: Floats) -> Floats:
    """log of the chance of what came after, for each shift; strata are independent, old rates are averaged over."""
    hits, users = look[:, 0, None, None], look[:, 1, None, None]
    total: Floats = (log_sum_exp(hits * hit + (users - hits) * miss, axis=1) - np.log(NODES)).sum(axis=0)
    return total


def _result(old: Floats, new: Floats, alive: np.ndarray, largest: float, first: int | None, side: int) -> WatchResult:
    mix = old[:, 1] / old[:, 1].sum()
    rates = np.divide(old[:, 0], old[:, 1], out=np.zeros(len(old)), where=old[:, 1] > 0)
    before = float(mix @ rates)
    after = _on_old_mix(new[-1], mix) if len(new) else None
    return WatchResult(before, after, after / before if after is not None and before > 0 else None,
                       _ratios(alive, rates, mix), float(np.exp(min(largest, 700.0))), float(np.exp(-largest)), first,
                       side, int(old[:, 1].sum()), int(new[-1][:, 1].sum()) if len(new) else 0)


def _on_old_mix(look: Floats, mix: Floats) -> float | None:
    """The rate after, with each stratum as heavy as before; strata that nobody was in after are left out."""
    seen = look[:, 1] > 0
    weight = mix[seen].sum()
    return float(mix[seen] @ (look[seen, 0] / look[seen, 1]) / weight) if weight > 0 else None


def _ratios(alive: np.ndarray, rates: Floats, mix: Floats) -> Interval:
    """The shifts that no look refuted, as ratios of the rate after to the rate before."""
    base = float(mix @ rates)
    kept = np.flatnonzero(alive)
    if base <= 0 or kept.size == 0:
        return Interval(0.0, float("inf"))
    rates = np.clip(rates, 1e-12, 1 - 1e-12)
    low, high = SHIFTS[max(kept[0] - 1, 0)], SHIFTS[min(kept[-1] + 1, SHIFTS.size - 1)]

    def ratio(shift: float) -> float:
        return float(mix @ (1 / (1 + (1 - rates) / rates * np.exp(-shift)))) / base

    return Interval(ratio(low) if kept[0] > 0 else 0.0, ratio(high) if kept[-1] < SHIFTS.size - 1 else float("inf"))

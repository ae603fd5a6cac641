"""Paired pass/fail scores: intervals and tests from the table of passes and failures.

Cells are named baseline first: ``n10`` passed before and fails now (a loss), ``n01`` failed before and passes now (a
win). The delta is (n01 - n10) / n.
"""

from __future__ import annotations

from functools import lru_cache
from math import copysign, inf, sqrt

from evalloop.stats.distributions import beta_survival, binomial_cdf, fair_coin_cdf, normal_quantile, root
from evalloop.stats.results import Interval


def tango_interval(n10: int, n01: int, n: int, alpha: float = 0.05) -> Interval:
    """Score interval of the difference of two paired proportions (Tango, Statistics in Medicine 17:891, 1998).

    Keeps its level from 8 cases on, where Wald, t and bootstrap intervals do not. ValueError on an impossible table.
    """
    _check_counts(n10, n01, n)
    z2 = normal_quantile(1 - alpha / 2) ** 2
    return Interval(-_tango_upper(n01, n10, n, z2), _tango_upper(n10, n01, n, z2))


@lru_cache(maxsize=8192)
def _tango_upper(n10: int, n01: int, n: int, z2: float) -> float:
    """Largest delta whose score statistic stays within sqrt(z2); the lower limit follows by swapping the variants."""
    if n01 == n:
        return 1.0
    if n10 == n:
        return (z2 - n) / (z2 + n)
    if n10 == n01 == 0:
        return z2 / (n + z2)

    def excess(delta: float) -> float:
        return (n01 - n10 - n * delta) ** 2 - z2 * n * _tango_variance(n10, n01, n, delta)

    return root(excess, (n01 - n10) / n, 1.0)


def _tango_variance(n10: int, n01: int, n: int, delta: float) -> float:
    """n times the variance of the estimate, at the most likely table with this delta."""
    a = 2.0 * n
    b = (2 * n - n01 + n10) * delta - n10 - n01
    c = -n10 * delta * (1 - delta)
    spread = sqrt(max(b * b - 4 * a * c, 0.0))
    lost = -2 * c / (b + spread) if b > 0 else (spread - b) / (2 * a)
    return max(2 * lost + delta * (1 - delta), 0.0)


def tango_statistic(n10: int, n01: int, n: int, delta: float) -> float:
    """Tango's score statistic of a true difference ``delta`` (-1 < delta < 1), standard normal when it is true."""
    _check_counts(n10, n01, n)
    if not -1 < delta < 1:
        raise ValueError(f"a difference of two shares lies between -1 and 1, not {delta}")
    excess, variance = n01 - n10 - n * delta, n * _tango_variance(n10, n01, n, delta)
    return excess / sqrt(variance) if variance > 0 else copysign(inf, excess) if excess else 0.0


def newcombe10_interval(n11: int, n10: int, n01: int, n00: int, alpha: float = 0.05) -> Interval:
    """Newcombe's method 10 (Statistics in Medicine 17:2635, 1998): Wilson limits joined by the corrected correlation.

    A second opinion beside Tango's interval. ValueError on an impossible table.
    """
    n = n11 + n10 + n01 + n00
    _check_counts(n10, n01, n)
    before, after = (n11 + n10) / n, (n11 + n01) / n
    low_before, high_before = wilson_interval(n11 + n10, n, alpha)
    low_after, high_after = wilson_interval(n11 + n01, n, alpha)
    phi = _corrected_phi(n11, n10, n01, n00)
    down = _joined(after - low_after, high_before - before, phi)
    up = _joined(high_after - after, before - low_before, phi)
    return Interval(after - before - down, after - before + up)


def _joined(first: float, second: float, phi: float) -> float:
    return sqrt(max(first * first - 2 * phi * first * second + second * second, 0.0))


def _corrected_phi(n11: int, n10: int, n01: int, n00: int) -> float:
    """Correlation of the two variants, a positive one reduced by half a case."""
    margins = (n11 + n10) * (n01 + n00) * (n11 + n01) * (n10 + n00)
    if margins == 0:
        return 0.0
    cross = float(n11 * n00 - n10 * n01)
    if cross > 0:
        cross = max(cross - (n11 + n10 + n01 + n00) / 2, 0.0)
    return cross / sqrt(margins)


def mcnemar_exact(n10: int, n01: int) -> float:
    """Exact two-sided McNemar test: a fair coin over the discordant cases; 1 without any."""
    return min(1.0, 2 * fair_coin_cdf(min(n10, n01), n10 + n01))


def mcnemar_midp(n10: int, n01: int) -> float:
    """McNemar mid-p: the observed outcome counts half (Fagerland et al., BMC Med Res Methodol 13:91, 2013)."""
    fewer = min(n10, n01)
    return min(1.0, fair_coin_cdf(fewer, n10 + n01) + fair_coin_cdf(fewer - 1, n10 + n01))


def probability_better(n10: int, n01: int) -> float:
    """Posterior probability that a discordant case favours the candidate, Jeffreys prior; wording for people only."""
    return beta_survival(0.5, n01 + 0.5, n10 + 0.5)


def binomial_p(successes: int, n: int, rate: float) -> float:
    """Exact two-sided p of "the chance of a success is ``rate``": twice the smaller tail, at most 1."""
    if not 0 <= successes <= n or not 0 < rate < 1:
        raise ValueError(f"{successes} successes in {n} trials at rate {rate} cannot be")
    below, above = binomial_cdf(successes, n, rate), 1 - binomial_cdf(successes - 1, n, rate)
    return min(1.0, 2 * min(below, above))


def wilson_interval(successes: float, n: float, alpha: float = 0.05) -> Interval:
    """Wilson score interval of one proportion; counts may be fractional (effective sizes)."""
    return wilson_limits(successes, n, normal_quantile(1 - alpha / 2))


def wilson_limits(successes: float, n: float, quantile: float) -> Interval:
    """Wilson's limits at a given quantile, so that a t quantile can stand in for the normal one."""
    if n <= 0 or not 0 <= successes <= n:
        raise ValueError(f"{successes} successes in {n} trials cannot be")
    share, q2 = successes / n, quantile * quantile
    centre = (share + q2 / (2 * n)) / (1 + q2 / n)
    half = quantile / (1 + q2 / n) * sqrt(share * (1 - share) / n + q2 / (4 * n * n))
    return Interval(max(0.0, centre - half), min(1.0, centre + half))


def _check_counts(n10: int, n01: int, n: int) -> None:
    if n < 1 or n10 < 0 or n01 < 0 or n10 + n01 > n:
        raise ValueError(f"{n10} losses and {n01} wins in {n} cases cannot be")

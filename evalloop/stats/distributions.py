"""Quantiles, tails and roots: the only lines that touch scipy, and only its light parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from scipy import optimize, special

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from evalloop.stats.arrays import Floats


def normal_quantile(q: float) -> float:
    """Quantile of the standard normal distribution."""
    return float(special.ndtri(q))


def normal_cdf(z: float) -> float:
    """Probability of a standard normal of at most z."""
    return float(special.ndtr(z))


def normal_two_sided(z: float) -> float:
    """Probability of a standard normal at least as far from 0 as z."""
    return float(2 * special.ndtr(-abs(z)))


def t_quantile(q: float, df: float) -> float:
    """Quantile of Student's t."""
    return float(special.stdtrit(df, q))


def t_cdf(t: float, df: float) -> float:
    """Probability of a Student t of at most t."""
    return float(special.stdtr(df, t))


def t_two_sided(t: float, df: float) -> float:
    """Probability of a Student t at least as far from 0 as t."""
    return float(2 * special.stdtr(df, -abs(t)))


def binomial_cdf(k: int, n: int, rate: float) -> float:
    """Probability of at most k successes in n trials; 0 for k < 0."""
    return float(special.bdtr(k, n, rate)) if k >= 0 else 0.0


def fair_coin_cdf(k: int, n: int) -> float:
    """Probability of at most k heads in n tosses; 0 for k < 0."""
    return float(special.bdtr(k, n, 0.5)) if k >= 0 else 0.0


def beta_survival(x: float, a: float, b: float) -> float:
    """Probability that a Beta(a, b) variable exceeds x."""
    return float(special.betaincc(a, b, x))


def log_beta(a: float, b: float) -> float:
    """Logarithm of the beta function."""
    return float(special.betaln(a, b))


def logistic(x: float) -> float:
    """1 / (1 + exp(-x)), without overflow."""
    return float(special.expit(x))


def root(function: Callable[[float], float], low: float, high: float) -> float:
    """The zero of a function that changes sign between low and high (Brent), to 1e-14."""
    return float(optimize.brentq(function, low, high, xtol=1e-14, rtol=1e-14))


def poisson_tail(k: int, mean: float) -> float:
    """Probability that a Poisson count reaches k."""
    return float(special.pdtrc(k - 1, mean)) if k > 0 else 1.0


def beta_quantiles(q: ArrayLike, a: float, b: float) -> Floats:
    """Quantiles of a Beta(a, b) variable."""
    found: Floats = special.betaincinv(a, b, q)
    return found


def log_sum_exp(values: Floats, axis: int) -> Floats:
    """log(sum(exp(values))) along an axis, without overflow."""
    found: Floats = special.logsumexp(values, axis=axis)
    return found

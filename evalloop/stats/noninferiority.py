"""No worse than the margin: the one-sided test that belongs to the printed lower limit."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from math import inf
from typing import TYPE_CHECKING

from evalloop.stats.binary import tango_statistic
from evalloop.stats.comparison import paired
from evalloop.stats.distributions import normal_cdf, t_cdf
from evalloop.stats.results import NonInferiorityResult

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def noninferiority(
    base: ArrayLike, cand: ArrayLike, margin: float, *, units: Iterable[Hashable] | None = None, alpha: float = 0.05
) -> NonInferiorityResult:
    """Whether the candidate is no more than ``margin`` worse, from scores paired as in ``paired``.

    ``lower`` is the one-sided 1 - alpha limit, and ``shown`` says that it lies above -margin. ``p`` is the one-sided
    p-value of "worse by the margin or more": Tango's score test for pass and fail, t else; None where the limit rests
    on rare changes or cannot be given. ValueError unless the margin is above 0.
    """
    if not 0 < margin < inf:
        raise ValueError(f"a margin is above 0, not {margin}")
    result = paired(base, cand, units=units, alpha=alpha)
    shown = result.lower is not None and result.lower > -margin
    p = None
    if result.p_exact is not None and margin < 1:
        p = normal_cdf(-tango_statistic(result.losses, result.wins, result.n, -margin))
    elif result.se and "few changes" not in result.method:
        p = t_cdf(-(result.delta + margin) / result.se, (result.units or result.n) - 1)
    return NonInferiorityResult(result.n, result.delta, margin, result.lower, p, shown)

"""How a judge's verdicts stand to people's: what it sees of the good and of the bad, and where it leans."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING

from evalloop.stats.arrays import equal_length, finite
from evalloop.stats.distributions import normal_quantile, normal_two_sided
from evalloop.stats.results import DifferenceResult, Interval

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def sensitivity_specificity(human: ArrayLike, judge: ArrayLike) -> tuple[float | None, float | None]:
    """The shares of what people pass (fail) that the judge passes (fails); None without any of that sort.

    Both are verdicts of 0 and 1, (n,).
    """
    label, verdict = finite(human, "human"), finite(judge, "judge")
    equal_length(label, verdict, "human and judge")
    people, said = label > 0.5, verdict > 0.5
    good, bad = int(people.sum()), int((~people).sum())
    return (float(said[people].mean()) if good else None, float((~said[~people]).mean()) if bad else None)


def mean_contrast(first: ArrayLike, second: ArrayLike, alpha: float = 0.05) -> DifferenceResult:
    """Mean of ``first`` less mean of ``second``: two separate groups, Welch's standard error, a normal interval.

    No interval under two rows of either, or when nothing varies.
    """
    one, two = finite(first, "first"), finite(second, "second")
    if not one.size or not two.size:
        raise ValueError("a contrast needs a row on both sides")
    n, delta, method = one.size + two.size, float(one.mean() - two.mean()), "Welch"
    if min(one.size, two.size) < 2:
        return DifferenceResult(delta, None, None, None, n, "too few rows")
    se = sqrt(float(one.var(ddof=1)) / one.size + float(two.var(ddof=1)) / two.size)
    if se == 0:
        return DifferenceResult(delta, 0.0, None, None, n, "no variation")
    half = normal_quantile(1 - alpha / 2) * se
    return DifferenceResult(delta, se, Interval(delta - half, delta + half), normal_two_sided(delta / se), n, method)

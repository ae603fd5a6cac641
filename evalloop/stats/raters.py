"""Agreement of many raters beyond chance: Fleiss' kappa and Krippendorff's alpha, intervals by the jackknife."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from math import sqrt
from typing import TYPE_CHECKING

import numpy as np

from evalloop.stats.arrays import unit_codes
from evalloop.stats.distributions import t_quantile
from evalloop.stats.results import Interval, RatersResult

if TYPE_CHECKING:
    from evalloop.stats.arrays import Floats

LEVELS = ("nominal", "ordinal", "interval", "ratio")


def fleiss_kappa(ratings: Sequence[Sequence[Hashable]], alpha: float = 0.05) -> RatersResult:
    """Fleiss' kappa (Psychological Bulletin 76:378, 1971): one row for each item, one label for each of its m raters.

    Raters need not be the same people for each item, but as many. Labels are nominal. ValueError on rows of unequal
    length, fewer than two raters, a label of None, or no item. Interval: delete-one jackknife over items, from 8 on.
    """
    raters = {len(row) for row in ratings}
    if len(raters) != 1 or min(raters) < 2:
        raise ValueError("every item needs the same number of raters, at least two; krippendorff_alpha takes any")
    if any(label is None for row in ratings for label in row):
        raise ValueError("a label is None; krippendorff_alpha takes missing labels")
    m = raters.pop()
    codes, count = unit_codes([label for row in ratings for label in row], len(ratings) * m)
    table = np.zeros((len(ratings), count))
    np.add.at(table, (np.repeat(np.arange(len(ratings)), m), codes), 1)
    agreeing = ((table * table).sum(axis=1) - m) / (m * (m - 1))

    def kappa(items: Floats, same: Floats) -> tuple[float, float | None]:
        shares = items.sum(axis=0) / items.sum()
        chance = float(shares @ shares)
        agreement = float(same.mean())
        return agreement, None if 1 - chance < 1e-12 else (agreement - chance) / (1 - chance)

    keep = ~np.eye(len(ratings), dtype=bool)
    left_out = [kappa(table[row], agreeing[row])[1] for row in keep] if len(ratings) > 1 else []
    return _result(len(ratings), m, *kappa(table, agreeing), left_out, alpha)


def krippendorff_alpha(
    ratings: Sequence[Sequence[Hashable | None]], level: str = "nominal", alpha: float = 0.05
) -> RatersResult:
    """Krippendorff's alpha (Content Analysis, 2004, chapter 11): one row for each item, one place for each rater.

    None is a missing rating; items with fewer than two ratings say nothing. ``level`` is nominal, ordinal, interval or
    ratio (all but nominal need numbers). ``agreement`` is the share of agreeing pairs. ValueError when no item has two
    ratings. Interval: delete-one jackknife over items, from 8 on.
    """
    if level not in LEVELS:
        raise ValueError(f"a level is one of {', '.join(LEVELS)}, not {level!r}")
    rows = [kept for row in ratings if len(kept := [label for label in row if label is not None]) > 1]
    if not rows:
        raise ValueError("no item has two ratings")
    pooled = [label for row in rows for label in row]
    if level != "nominal" and not all(isinstance(label, int | float) for label in pooled):
        raise ValueError(f"the level {level} needs numbers")
    names = sorted(set(pooled)) if level != "nominal" else list(dict.fromkeys(pooled))  # type: ignore[type-var]
    number = {name: code for code, name in enumerate(names)}
    pairs = np.array([_pairs(_counts([number[label] for label in row], len(names))) for row in rows])
    values = np.array(names, dtype=np.float64) if level != "nominal" else np.arange(len(names), dtype=np.float64)

    def value(coincidences: Floats) -> float | None:
        sizes = coincidences.sum(axis=1)
        distance = _DISTANCES[level](values, sizes)
        expected = float((np.outer(sizes, sizes) * distance).sum())
        if expected <= 0:
            return None
        return 1 - float(sizes.sum() - 1) * float((coincidences * distance).sum()) / expected

    whole = pairs.sum(axis=0)
    left_out = [value(whole - each) for each in pairs] if len(rows) > 1 else []
    raters = max(len(row) for row in ratings)
    return _result(len(rows), raters, float(whole.trace() / whole.sum()), value(whole), left_out, alpha)


def _counts(codes: list[int], count: int) -> Floats:
    counts: Floats = np.bincount(codes, minlength=count).astype(np.float64)
    return counts


def _pairs(counts: Floats) -> Floats:
    """Coincidences of one item with m ratings: each ordered pair of them counts 1 / (m - 1)."""
    pairs: Floats = (np.outer(counts, counts) - np.diag(counts)) / (counts.sum() - 1)
    return pairs


def _nominal(values: Floats, sizes: Floats) -> Floats:
    return 1.0 - np.eye(values.size)


def _ordinal(values: Floats, sizes: Floats) -> Floats:
    """Squared number of ratings that lie between two values, the ends half."""
    middle = np.cumsum(sizes) - sizes / 2
    distance: Floats = (middle[:, None] - middle[None, :]) ** 2
    return distance


def _interval(values: Floats, sizes: Floats) -> Floats:
    distance: Floats = (values[:, None] - values[None, :]) ** 2
    return distance


def _ratio(values: Floats, sizes: Floats) -> Floats:
    sums = np.abs(values[:, None]) + np.abs(values[None, :])
    distance: Floats = np.divide(_interval(values, sizes), sums * sums, out=np.zeros_like(sums), where=sums > 0)
    return distance


_DISTANCES: dict[str, Callable[[Floats, Floats], Floats]] = {
    "nominal": _nominal, "ordinal": _ordinal, "interval": _interval, "ratio": _ratio}
MIN_ITEMS = 8


def _result(items: int, raters: int, agreement: float, value: float | None, left_out: Sequence[float | None],
            alpha: float) -> RatersResult:
    """The estimate with its jackknife error and t interval, where no item alone carries it."""
    if value is None or items < MIN_ITEMS or any(each is None for each in left_out):
        return RatersResult(items, raters, agreement, value, None, None)
    each = np.array(left_out, dtype=np.float64)
    se = sqrt((items - 1) / items * float(((each - each.mean()) ** 2).sum()))
    half = t_quantile(1 - alpha / 2, items - 1) * se
    interval = Interval(max(-1.0, value - half), min(1.0, value + half)) if se > 0 else None
    return RatersResult(items, raters, agreement, value, se, interval)

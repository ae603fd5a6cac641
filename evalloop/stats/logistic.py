"""Logistic regression on tables of few columns: propensities and fused scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evalloop.stats.arrays import equal_length, finite
from evalloop.stats.results import LogisticModel

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from evalloop.stats.arrays import Floats

    Table = NDArray[np.float64]


def fit_logistic(
    rows: ArrayLike, hits: ArrayLike, misses: ArrayLike | None = None, *, ridge: float = 1.0
) -> LogisticModel:
    """Ridge logistic regression of ``hits`` (n,) against ``misses`` (n,; default 1 - hits) on ``rows`` (n, d).

    Hits and misses are weights that are not negative: a row may count as both in part. Columns are brought to spread 1
    for the penalty ``ridge`` / 2 * |coefficients|^2 (the intercept is free); what comes back fits the rows as given.
    Equal rows are added up first, so that a million rows of few sorts cost little. scikit-learn's newton-cholesky.
    ValueError when there is no hit or no miss.
    """
    from sklearn.linear_model import LogisticRegression

    table = np.asarray(rows, dtype=np.float64)
    yes = finite(hits, "hits")
    no = 1 - yes if misses is None else finite(misses, "misses")
    equal_length(yes, no, "hits and misses")
    if table.ndim != 2 or len(table) != yes.size or not np.isfinite(table).all():
        raise ValueError("rows must be a finite table with one row for each hit")
    if yes.sum() <= 0 or no.sum() <= 0 or min(yes.min(), no.min()) < 0:
        raise ValueError("hits and misses must both occur and must not be negative")
    distinct, place = _distinct(table)
    ups = np.bincount(place, weights=yes, minlength=len(distinct))
    downs = np.bincount(place, weights=no, minlength=len(distinct))
    mean, spread = _moments(distinct, np.asarray(ups + downs, np.float64))
    scaled = (distinct - mean) / spread
    model = LogisticRegression(C=1 / ridge, solver="newton-cholesky", tol=1e-8, max_iter=200)
    model.fit(np.vstack([scaled, scaled]), np.repeat([1, 0], len(distinct)), sample_weight=np.append(ups, downs))
    coefficients = model.coef_[0] / spread
    return LogisticModel(tuple(map(float, coefficients)), float(model.intercept_[0] - coefficients @ mean))


def predict_logistic(model: LogisticModel, rows: ArrayLike) -> Floats:
    """The probability of a hit (n,) for each row (n, d)."""
    table = np.asarray(rows, dtype=np.float64)
    scores = table @ np.asarray(model.coefficients) + model.intercept
    chances: Floats = 1 / (1 + np.exp(-np.clip(scores, -500, 500)))
    return chances


def _distinct(table: Table) -> tuple[Table, NDArray[np.intp]]:
    """The rows that differ, and the number of each row among them."""
    key = np.zeros(len(table), np.int64)
    for column in table.T:  # numbers the rows column by column: far faster than sorting whole rows
        levels, codes = np.unique(column, return_inverse=True)
        key = np.unique(key * len(levels) + codes, return_inverse=True)[1]
    _, first, place = np.unique(key, return_index=True, return_inverse=True)
    return table[first], place


def _moments(rows: Table, weights: Floats) -> tuple[Floats, Floats]:
    """Weighted mean and spread of each column; the spread of a constant column is 1."""
    share = weights / weights.sum()
    mean = share @ rows
    spread = np.sqrt(share @ (rows - mean) ** 2)
    return mean, np.where(spread > 1e-12, spread, 1.0)

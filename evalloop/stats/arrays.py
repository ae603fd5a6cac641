"""Checked arrays: what comes in from callers becomes finite numpy arrays of equal length, or a ValueError."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

ROUNDING = 1e-12  # relative size below which a difference of two scores is rounding, not a difference


def finite(values: ArrayLike, name: str) -> Floats:
    """One-dimensional float array; ValueError on None, NaN, infinity or another shape."""
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 1:
        raise ValueError(f"{name} must have one dimension, has {array.ndim}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} holds None, NaN or infinity; drop missing values before the comparison")
    return array


def equal_length(first: Floats, second: Floats, names: str) -> None:
    """ValueError when two arrays of one table differ in length."""
    if first.size != second.size:
        raise ValueError(f"{names} differ in length: {first.size} and {second.size}")


def is_binary(values: Floats) -> bool:
    """Whether every value is 0 or 1."""
    return bool(((values == 0) | (values == 1)).all())


def in_unit_interval(values: Floats) -> bool:
    """Whether every value lies between 0 and 1."""
    return bool(((values >= 0) & (values <= 1)).all())


def differences(base: Floats, cand: Floats) -> Floats:
    """``cand - base`` per case, where rounding noise (0.3 against 0.1 + 0.2) counts as a tie."""
    diff = cand - base
    diff[np.abs(diff) <= ROUNDING * np.maximum(np.abs(base), np.abs(cand))] = 0.0
    return diff


def unit_codes(units: Iterable[Hashable], n: int) -> tuple[Codes, int]:
    """Number the units 0, 1, ... in order of appearance: codes (n,) and their count.

    A unit of ``None`` shares its case with nobody; an array of whole numbers is numbered by value instead, which is
    faster. ValueError unless there are n units.
    """
    if isinstance(units, np.ndarray) and units.dtype.kind in "iu" and len(units) == n:
        present, codes = np.unique(units, return_inverse=True)
        return codes, len(present)
    seen: dict[Any, int] = {}
    labels = units.tolist() if isinstance(units, np.ndarray) else list(units)
    if len(labels) != n:
        raise ValueError(f"units differ in length from the scores: {len(labels)} and {n}")
    keys = (object() if label is None else label for label in labels)
    codes = np.fromiter((seen.setdefault(key, len(seen)) for key in keys), dtype=np.intp, count=n)
    return codes, len(seen)


def totals(values: Floats, codes: Codes, count: int) -> Floats:
    """Sum of the values of each unit, shape (count,)."""
    sums: Floats = np.bincount(codes, weights=values, minlength=count).astype(np.float64)
    return sums

"""Columns: values numbered in order of appearance, whichever way is taken."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalloop.report import columns
from evalloop.report.columns import Columns, factorize

TEXTS = st.lists(st.none() | st.sampled_from(["a", "b", "ä", ""]) | st.text(max_size=3), max_size=30)
MIXED = st.lists(st.none() | st.booleans() | st.integers(0, 2) | st.sampled_from(["1", "a"]), max_size=30)


@settings(deadline=None)
@given(TEXTS | MIXED)
def test_codes_lead_back_to_the_values_in_order_of_appearance(values: list[Any]) -> None:
    """Few values and many values are numbered alike: each name once, in order, equal to what it stands for."""
    expected = list(dict.fromkeys(values))
    for many in (0, columns.MANY):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(columns, "MANY", many)
            codes, names = factorize(values)
        assert names == expected
        assert [names[code] for code in codes] == values


def test_half_a_surrogate_pair_is_a_value_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Text that is no UTF-8, which JSON can bring in, is told apart too."""
    monkeypatch.setattr(columns, "MANY", 0)
    codes, names = factorize(["a", "\ud800", "a", "\ud801"])
    assert (codes.tolist(), names) == ([0, 1, 0, 2], ["a", "\ud800", "\ud801"])


@settings(deadline=None)
@given(st.lists(st.integers(0, 40), max_size=60), st.integers(41, 500))
def test_keys_are_grouped_alike_by_counting_and_by_sorting(keys: list[int], size: int) -> None:
    """The distinct keys in order, and which of them each entry has, whatever keys there could be."""
    distinct, inverse = columns.grouped(np.array(keys, dtype=np.int64), size)
    assert distinct.tolist() == sorted(set(keys))
    assert [distinct[number] for number in inverse] == keys


def test_taken_rows_are_numbered_afresh() -> None:
    """A part of a table knows nothing of the numbers of the whole."""
    whole = Columns(case=["x", "y", "z"], variant=["a", "a", "b"], value=[1.0, 0.0, 1.0])
    assert whole.coded("case")[1] == ["x", "y", "z"]
    part = whole.take([2, 1])
    assert part.coded("case")[1] == ["z", "y"]
    assert part.cluster is None

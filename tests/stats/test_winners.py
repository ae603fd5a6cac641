"""Correcting the choice of the largest among many means."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalloop import stats


def _scores(seed, n, k, spread):
    random = np.random.default_rng(seed)
    return random.normal(0, 1, (n, 1)) + random.normal(0, spread, k) + random.normal(0, 1, (n, k))


def test_means_and_errors_are_those_of_numpy():
    """Unweighted: the column means with their standard errors; all weight on some rows: their means."""
    table = _scores(0, 50, 4, 0.3)
    result = stats.winners(table)
    assert result.means == pytest.approx(table.mean(axis=0))
    assert result.ses == pytest.approx(table.std(axis=0, ddof=1) / np.sqrt(50))
    half = stats.winners(table, weights=[1.0] * 25 + [0.0] * 25)
    assert half.means == pytest.approx(table[:25].mean(axis=0))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 5_000), st.integers(2, 9), st.floats(0, 1))
def test_corrected_means_are_drawn_together_and_probabilities_add_up(seed, k, spread):
    """Less spread than before, the same mean of all, p_best a distribution, the order of columns irrelevant."""
    table = _scores(seed, 40, k, spread)
    result = stats.winners(table)
    assert np.std(result.corrected) <= np.std(result.means) + 1e-9
    assert np.mean(result.corrected) == pytest.approx(np.mean(result.means), abs=1e-9)
    assert sum(result.p_best) == pytest.approx(1)
    turned = stats.winners(table[:, ::-1])
    assert turned.corrected[::-1] == pytest.approx(result.corrected, abs=1e-9)


def test_units_are_what_varies():
    """Every case given twice under one unit says no more than once: the same means and errors."""
    table = _scores(3, 30, 3, 0.5)
    once = stats.winners(table)
    twice = stats.winners(np.repeat(table, 2, axis=0), units=np.repeat(np.arange(30), 2))
    assert twice.ses == pytest.approx(once.ses)
    assert twice.corrected == pytest.approx(once.corrected)


def test_identical_variants_share_the_chance_of_being_best():
    """No difference at all: nothing to correct, no winner."""
    column = np.arange(10.0)[:, None]
    result = stats.winners(np.repeat(column, 4, axis=1))
    assert (result.tau2, result.p_best) == (0.0, pytest.approx((0.25,) * 4))


def test_the_corrected_winner_is_right_on_average():
    """Ten variants whose worth truly varies: the raw winner claims too much, the corrected one does not."""
    raw = corrected = 0.0
    random = np.random.default_rng(9)
    for _ in range(300):
        truth = random.normal(0, 0.2, 10)
        table = truth + random.normal(0, 1, (30, 10))
        result = stats.winners(table)
        best = int(np.argmax(result.corrected))
        raw += result.means[best] - truth[best]
        corrected += result.corrected[best] - truth[best]
    assert raw / 300 > 0.1
    assert abs(corrected / 300) < 0.06


@pytest.mark.parametrize("wrong", [[[1, 2]], [[1], [2]], [[1, 2], [None, 1]], [1, 2]])
def test_too_little_is_refused(wrong):
    """Two cases and two variants, all with a score."""
    with pytest.raises(ValueError, match="two"):
        stats.winners(wrong)

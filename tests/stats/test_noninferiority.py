"""No worse than the margin: against statsmodels, and against the interval it belongs to."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.weightstats import ttost_paired

from evalloop import stats


def _binary(n10, n01, ties):
    return [1.0] * n10 + [0.0] * n01 + [1.0] * ties, [0.0] * n10 + [1.0] * n01 + [1.0] * ties


@settings(deadline=None)
@given(st.integers(0, 2_000), st.floats(0.01, 0.3))
def test_graded_scores_agree_with_statsmodels(seed, margin):
    """The lower of the two one-sided t tests of statsmodels' equivalence test."""
    random = np.random.default_rng(seed)
    base, cand = random.random(25), random.random(25)
    theirs = ttost_paired(cand, base, -margin, margin)[1][1]
    assert stats.noninferiority(base, cand, margin).p == pytest.approx(theirs, rel=1e-9, abs=1e-12)


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 60), st.sampled_from([0.02, 0.05, 0.1, 0.3]))
def test_pass_and_fail_is_shown_exactly_when_p_is_small(n10, n01, ties, margin):
    """Tango's test and Tango's limit are one: p < alpha means that the limit lies above -margin."""
    if n10 + n01 + ties < 2:
        return
    result = stats.noninferiority(*_binary(n10, n01, ties), margin)
    if abs(result.p - 0.05) > 1e-9:
        assert result.shown == (result.p < 0.05)
    assert result.lower == pytest.approx(stats.tango_interval(n10, n01, n10 + n01 + ties, 0.10).low)


def test_the_published_numbers_of_pairs():
    """Nothing changes: 52 cases are too few for five points, 52 * 2 are enough; one loss more takes it away."""
    assert not stats.noninferiority(*_binary(0, 0, 51), 0.05).shown
    assert stats.noninferiority(*_binary(0, 0, 52), 0.05).shown
    assert not stats.noninferiority(*_binary(1, 0, 51), 0.05).shown


def test_eight_identical_cases_show_nothing():
    """Graded scores that never change give no p, and no proof."""
    result = stats.noninferiority([0.3] * 8, [0.3] * 8, 0.05)
    assert (result.p, result.shown) == (None, False)


@pytest.mark.parametrize("margin", [0, -0.1, float("inf"), float("nan")])
def test_a_margin_is_above_zero(margin):
    """Without a margin there is nothing to be no worse than."""
    with pytest.raises(ValueError, match="margin"):
        stats.noninferiority([0, 1], [1, 1], margin)


def test_size_at_the_margin():
    """A candidate that is truly worse by the margin passes in about one of twenty samples."""
    random = np.random.default_rng(0)
    n, margin, passed = 200, 0.05, 0
    for _ in range(600):
        draw = random.random(n)
        n10, n01 = int((draw < 0.12).sum()), int((draw > 0.93).sum())
        passed += stats.tango_interval(n10, n01, n, 0.10).low > -margin
    assert 0.02 <= passed / 600 <= 0.08

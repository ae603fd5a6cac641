"""Shrunken and weighted deltas against statsmodels and numpy."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.meta_analysis import combine_effects

from evalloop import stats

clusters = st.lists(st.tuples(st.floats(-0.5, 0.5), st.floats(0.02, 0.3)), min_size=2, max_size=20)


@given(clusters)
def test_variance_between_clusters_solves_its_equation(table):
    """At tau^2 the weighted squares equal k - 1; it is 0 when they fall short without it."""
    deltas, ses = np.array(table).T
    tau2 = stats.paule_mandel(deltas, ses**2)
    weight = 1 / (ses**2 + tau2)
    squares = weight @ (deltas - weight @ deltas / weight.sum()) ** 2
    if tau2 > 0:
        assert squares == pytest.approx(len(table) - 1, rel=1e-6)
    else:
        assert squares <= len(table) - 1 + 1e-9


@pytest.mark.parametrize("seed", [0, 1, 3, 4])
def test_variance_between_clusters_agrees_with_statsmodels(seed):
    """The iterated estimate of statsmodels, where its iteration converges."""
    random = np.random.default_rng(seed)
    ses = random.uniform(0.02, 0.1, 18)
    deltas = random.normal(0.02, np.sqrt(0.1**2 + ses**2))
    theirs = combine_effects(deltas, ses**2, method_re="iterated", atol=1e-13, maxiter=5000)
    assert stats.paule_mandel(deltas, ses**2) == pytest.approx(theirs.tau2, abs=1e-9)


@given(clusters)
def test_shrunken_deltas_lie_between_their_own_and_the_mean(table):
    """Every cluster moves towards the mean, none beyond it."""
    deltas, ses = np.array(table).T
    result = stats.empirical_bayes(deltas, ses)
    for raw, shrunken in zip(deltas, result.deltas, strict=True):
        assert min(raw, result.mean) - 1e-12 <= shrunken <= max(raw, result.mean) + 1e-12


def test_alike_clusters_collapse_and_distinct_ones_stay():
    """Without spread beyond noise all get the mean; with far more spread than noise they keep their own."""
    same = stats.empirical_bayes([0.1, 0.11, 0.09], [0.1, 0.1, 0.1])
    assert (same.tau2, same.deltas) == (0.0, pytest.approx((0.1, 0.1, 0.1)))
    apart = stats.empirical_bayes([-0.4, 0.0, 0.4], [0.001] * 3)
    assert apart.deltas == pytest.approx((-0.4, 0.0, 0.4), abs=1e-4)


def test_the_best_looking_small_cluster_no_longer_leads():
    """Winner's curse: +35 pp over six cases ranks below +12 pp over four hundred once shrunk."""
    deltas, sizes = [0.35, 0.12, -0.02, 0.0, 0.01], [6, 400, 400, 400, 400]
    ses = [np.sqrt(0.2 / n) for n in sizes]
    result = stats.empirical_bayes(deltas, ses, sizes)
    assert result.deltas[0] < result.deltas[1] + 0.01
    assert result.deltas[0] < 0.15


def test_a_cluster_without_variation_borrows_the_average_variance():
    """A standard error of 0 is usable with sizes, and refused without."""
    result = stats.empirical_bayes([0.0, 0.2, 0.1], [0.0, 0.1, 0.1], [5, 10, 10])
    assert all(se > 0 for se in result.ses) or result.tau2 == 0
    with pytest.raises(ValueError, match="above 0"):
        stats.empirical_bayes([0.0, 0.2], [0.0, 0.1])


@given(clusters)
def test_weighted_delta_is_the_weighted_mean(table):
    """The headline is the weighted mean, its variance the weighted sum of variances."""
    deltas, ses = np.array(table).T
    weights = np.arange(1, len(table) + 1)
    result = stats.weighted_delta(deltas, ses, weights)
    share = weights / weights.sum()
    assert result.delta == pytest.approx(np.average(deltas, weights=weights), abs=1e-12)
    assert result.se == pytest.approx(np.sqrt((share**2 * ses**2).sum()), rel=1e-12)
    assert result.interval.low < result.delta < result.interval.high


def test_useless_weights_are_refused():
    """Weights that are all 0, negative, or of another number raise ValueError."""
    for weights in ([0, 0], [1, -1], [1]):
        with pytest.raises(ValueError, match="weights"):
            stats.weighted_delta([0.1, 0.2], [0.1, 0.1], weights)

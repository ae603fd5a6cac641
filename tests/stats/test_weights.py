"""Weights of samples that were not drawn at random, against figures of balance 0.23.0 (numpy 1.26.4)."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalloop import stats

ROWS, POPULATION = np.arange(240), np.arange(3000)
PLAN = np.where(ROWS % 7 < 4, 0, np.where(ROWS % 7 < 6, 1, 2))
PLACE = np.where((ROWS * ROWS) % 5 < 2, 0, 1)
LIKED = ((ROWS * 3) % 11 < 4).astype(float)
OF_PLAN = np.bincount(np.where(POPULATION % 10 < 3, 0, np.where(POPULATION % 10 < 5, 1, 2)))
OF_PLACE = np.bincount(np.where(POPULATION % 3 < 2, 0, 1))
BALANCE_RAKE = {(0, 0): 7.3001656179, (0, 1): 5.3819003452, (1, 0): 9.8090541214, (2, 0): 49.4703073116,
                (1, 1): 7.2315279578, (2, 1): 36.4709895548}
BALANCE_POSTSTRATIFY = {(0, 0): 7.3170731707, (0, 1): 5.3571428571, (1, 0): 9.5238095238, (2, 0): 50.0,
                        (1, 1): 7.6923076923, (2, 1): 35.7142857143}


def test_raking_gives_the_weights_of_balance() -> None:
    """Two margins, 240 rows to 3,000: every cell's weight, the weighted mean and the design effect agree."""
    raked = stats.rake(np.ones(240), [PLAN, PLACE], [OF_PLAN, OF_PLACE])
    for cell, weight in BALANCE_RAKE.items():
        assert raked.weights[(cell[0] == PLAN) & (cell[1] == PLACE)] == pytest.approx(weight, rel=1e-9)
    assert np.average(LIKED, weights=raked.weights) == pytest.approx(0.3615396191922526, rel=1e-10)
    assert stats.design_effect(raked.weights) == pytest.approx(2.105624156783063, rel=1e-10)
    assert (raked.off <= 1e-9, raked.unmatched) == (True, 0.0)


def test_one_column_of_cells_is_the_poststratification_of_balance() -> None:
    """The cells of both columns as one."""
    plans, places = np.where(POPULATION % 10 < 3, 0, np.where(POPULATION % 10 < 5, 1, 2)), POPULATION % 3 >= 2
    raked = stats.rake(np.ones(240), [PLAN * 2 + PLACE], [np.bincount(plans * 2 + places)])
    for cell, weight in BALANCE_POSTSTRATIFY.items():
        assert raked.weights[(cell[0] == PLAN) & (cell[1] == PLACE)] == pytest.approx(weight, rel=1e-9)
    assert stats.design_effect(raked.weights) == pytest.approx(2.112067065725602, rel=1e-10)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 3), st.floats(0.1, 5)), min_size=12, max_size=80),
       st.lists(st.floats(0.05, 1), min_size=3, max_size=3), st.lists(st.floats(0.05, 1), min_size=4, max_size=4))
def test_raked_margins_are_met_or_the_miss_is_told(rows, first, second) -> None:
    """Whatever the table: weights stay positive, their sum is the total, and ``off`` is no smaller than the miss."""
    one, two, weights = (np.array(column) for column in zip(*rows, strict=True))
    targets = [np.array(first) / sum(first), np.array(second) / sum(second)]
    raked = stats.rake(weights, [one, two], targets)
    assert (raked.weights > 0).all()
    assert raked.weights.sum() == pytest.approx(1, rel=1e-6)
    if raked.unmatched == 0:
        have = np.bincount(one, weights=raked.weights, minlength=3)
        assert np.abs(targets[0] / have - 1).max() <= raked.off * 1.5 + 1e-6


def test_a_level_without_anyone_is_told() -> None:
    """A tenth of the failures are expected where nobody complained: the others carry it, and it is said."""
    raked = stats.rake(np.ones(4), [np.array([0, 0, 1, 1])], [[0.6, 0.3, 0.1]])
    assert raked.unmatched == pytest.approx(0.1)
    assert raked.weights.tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 6, 1 / 6])


def test_cap_scales_loud_users_down_together() -> None:
    """Forty votes of one user count as one, one vote of another as it is, a share of a vote stays."""
    capped = stats.cap_per_unit([1.0] * 40 + [1.0, 0.5], ["loud"] * 40 + ["calm", "half"], 1.0)
    assert capped[:40].sum() == pytest.approx(1)
    assert capped[40:].tolist() == [1.0, 0.5]


@given(st.lists(st.floats(0.01, 1000), min_size=1, max_size=50), st.floats(1.5, 20))
def test_trimming_keeps_the_sum_and_the_limit(weights, limit) -> None:
    """No weight lies above the limit, and what was cut is with the others."""
    trimmed = stats.trim(weights, limit)
    assert trimmed.sum() == pytest.approx(sum(weights), rel=1e-6)
    assert trimmed.max() <= limit * np.mean(weights) * (1 + 1e-6)


def test_logistic_regression_agrees_with_statsmodels() -> None:
    """Without a penalty to speak of, and with rows that count in part, the coefficients are those of a binomial GLM."""
    import statsmodels.api as sm

    rng = np.random.default_rng(1)
    rows = np.column_stack([rng.integers(0, 2, 400), rng.integers(0, 5, 400)]).astype(float)
    hits = rng.uniform(0, 2, 400)
    misses = rng.uniform(0, 2, 400) * (1 + rows[:, 0])
    model = stats.fit_logistic(rows, hits, misses, ridge=1e-9)
    fit = sm.GLM(np.column_stack([hits, misses]), sm.add_constant(rows), family=sm.families.Binomial()).fit()
    assert [model.intercept, *model.coefficients] == pytest.approx(fit.params.tolist(), abs=1e-5)
    assert stats.predict_logistic(model, rows) == pytest.approx(fit.predict(), abs=1e-6)


def test_reliability_of_honest_and_of_bold_predictions() -> None:
    """Honest chances lie on the diagonal; doubled log odds are worse, and isotonic regression mends them."""
    rng = np.random.default_rng(2)
    honest = rng.uniform(0.02, 0.98, 6000)
    came = (rng.random(6000) < honest).astype(float)
    odds = (honest / (1 - honest)) ** 2
    bold = odds / (1 + odds)
    for each in stats.reliability(honest, came, units=range(6000)):
        assert each.interval is not None
        assert abs(each.observed - each.predicted) < 0.06
    mended = stats.isotonic(bold[:3000], came[:3000], bold[3000:])
    assert stats.brier(honest, came) < stats.brier(bold, came)
    assert stats.brier(mended, came[3000:]) < stats.brier(bold[3000:], came[3000:])


def test_likelihood_ratio_covers_and_widens_with_users() -> None:
    """Seen on 60 % of bad and 20 % of good turns: about 3; with ten turns per user that agree the interval widens."""
    rng = np.random.default_rng(3)
    bad = (rng.random(2000) < 0.3).astype(float)
    spoke = (rng.random(2000) < np.where(bad == 1, 0.6, 0.2)).astype(float)
    found = stats.likelihood_ratio(spoke, bad)
    assert found.interval.low < 3 < found.interval.high
    tenfold = stats.likelihood_ratio(np.repeat(spoke, 10), np.repeat(bad, 10), units=np.repeat(np.arange(2000), 10))
    assert tenfold.interval.high - tenfold.interval.low == pytest.approx(found.interval.high - found.interval.low,
                                                                        rel=0.05)
    assert stats.likelihood_ratio([1, 0], [1, 0]).interval is None


def test_groups_and_tails() -> None:
    """Chains are one group; the tail of a Poisson count includes the count."""
    assert stats.connected([(0, 1), (1, 2), (4, 3)], 6) == [0, 0, 0, 1, 1, 2]
    assert stats.poisson_tail(1, 1.0) == pytest.approx(1 - np.exp(-1))
    assert stats.poisson_tail(0, 1.0) == 1

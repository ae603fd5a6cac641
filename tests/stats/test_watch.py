"""A rate is watched after a release: daily looks raise no false alarm, a real fall is found, mix proves nothing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalloop import stats

CELL = st.integers(0, 60).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def daily(random, rates, mix, days, per_day):
    """Cumulative (hits, users) of each stratum at the end of each day."""
    users = random.multinomial(per_day, mix, size=days)
    hits = random.binomial(users, rates)
    return np.stack([hits.cumsum(axis=0), users.cumsum(axis=0)], axis=-1)


def sides(runs, seed, rates_after, *, rates=(0.02, 0.08), mix=(0.5, 0.5), mix_after=(0.5, 0.5), users=20_000):
    """What ``runs`` watches of 60 days with 100 users a day end in."""
    random = np.random.default_rng(seed)
    found = []
    for _ in range(runs):
        before = random.multinomial(users, mix)
        old = np.stack([random.binomial(before, rates), before], axis=-1)
        found.append(stats.watch_rate(old, daily(random, rates_after, mix_after, 60, 100)).side)
    return np.array(found)


def test_daily_looks_at_no_change_rarely_decide():
    """60 looks, 60 releases, nothing changed: at most 5 % (here 3 of 60) may be decided either way."""
    assert (sides(60, 1, (0.02, 0.08)) != 0).sum() <= 3


def test_a_shift_of_the_traffic_alone_decides_nothing():
    """The bad stratum goes from half of the users to a tenth: the raw rate falls from 5 to 2.6 %, no stratum's does."""
    assert (sides(60, 2, (0.02, 0.08), mix_after=(0.9, 0.1)) != 0).sum() <= 3


def test_a_real_fall_is_confirmed():
    """From 5 to 3.5 % in both strata: found in at least 95 % of releases within 6,000 users."""
    assert (sides(40, 3, (0.014, 0.056)) == -1).mean() >= 0.95


def test_a_rise_is_seen_as_a_rise():
    """From 5 to 8 %."""
    assert (sides(20, 4, (0.032, 0.128)) == 1).all()


def test_the_interval_of_the_ratio_holds_at_the_last_look():
    """The true ratio, 0.7, lies inside in nearly all of 60 watches, and the interval is not everything."""
    random = np.random.default_rng(5)
    inside = 0
    for _ in range(60):
        old = np.array([[random.binomial(20_000, 0.05), 20_000]])
        found = stats.watch_rate(old, daily(random, [0.035], [1.0], 60, 100))
        inside += found.interval.low <= 0.7 <= found.interval.high
        assert found.interval.high < 1.05
    assert inside >= 57


def test_rates_are_told_on_the_mix_of_before():
    """Half and half before; after, only the good stratum grew: the rate is still that of half and half."""
    found = stats.watch_rate([[20, 1000], [80, 1000]], [[[180, 9000], [80, 1000]]])
    assert (found.before, found.after) == pytest.approx((0.05, 0.05))
    assert found.ratio == pytest.approx(1.0)


@settings(max_examples=40, deadline=None)
@given(st.lists(CELL, min_size=1, max_size=3).filter(lambda rows: sum(n for _, n in rows) > 0), st.data())
def test_strata_and_splits_of_a_day_do_not_matter(before, data):
    """Any order of strata, and looks in between, leave the last e-value of all data the same or larger."""
    after = [data.draw(CELL) for _ in before]
    once = stats.watch_rate(before, [after])
    turned = stats.watch_rate(before[::-1], [after[::-1]])
    assert turned.e == pytest.approx(once.e, rel=1e-6)
    half = [(hits // 2, hits // 2 + (users - hits) // 2) for hits, users in after]
    assert stats.watch_rate(before, [half, after]).e >= once.e * (1 - 1e-9)


def test_nothing_after_is_no_evidence():
    """No look, or a look at nobody: e at most 1, nothing decided, everything possible."""
    for looks in (np.zeros((0, 1, 2)), [[[0, 0]]]):
        found = stats.watch_rate([[5, 100]], looks)
        assert found.e == pytest.approx(1.0) or found.e == 1.0
        assert (found.first, found.side) == (None, 0)


@pytest.mark.parametrize(("before", "looks"), [
    ([[5, 4]], [[[0, 0]]]), ([[0, 0]], [[[0, 0]]]), ([[1, 9]], [[[1, 5]], [[0, 6]]]), ([[1, 9]], [[1, 5]]),
    ([[1, 9]], [[[2, 5]], [[3, 5]]])])
def test_counts_that_cannot_be_are_refused(before, looks):
    """Shrinking looks, hits without users, and wrong shapes."""
    with pytest.raises(ValueError, match=r"before|hits|looks"):
        stats.watch_rate(before, looks)


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (60, 100), (500, 1000)])
def test_binomial_p_is_twice_the_smaller_tail(k, n):
    """Against scipy's distribution."""
    from scipy.stats import binom

    wanted = min(1.0, 2 * min(binom.cdf(k, n, 0.4), binom.sf(k - 1, n, 0.4)))
    assert stats.binomial_p(k, n, 0.4) == pytest.approx(wanted, rel=1e-9)

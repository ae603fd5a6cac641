"""Rates of small groups are drawn to the rate of all, the less there is the more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalloop import stats

GROUPS = st.lists(st.integers(0, 40).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))), min_size=1,
                  max_size=30).filter(lambda rows: sum(n for _, n in rows) > 0)


@given(GROUPS)
def test_every_rate_lies_between_its_own_and_that_of_all(rows):
    """No group is drawn past the mean, or away from it."""
    hits, sizes = zip(*rows, strict=True)
    drawn = stats.shrunken_rates(hits, sizes)
    for rate, hit, size in zip(drawn.rates, hits, sizes, strict=True):
        own = hit / size if size else drawn.mean
        assert min(own, drawn.mean) - 1e-9 <= rate <= max(own, drawn.mean) + 1e-9


def test_groups_that_differ_by_chance_alone_get_the_rate_of_all():
    """Thousand groups of ten from one coin."""
    drawn = stats.shrunken_rates(np.random.default_rng(1).binomial(10, 0.3, 1000), np.full(1000, 10))
    assert np.std(drawn.rates) < 0.02


def test_the_strength_is_that_of_the_beta_that_made_the_groups():
    """Beta(3, 7) has strength 10; found within a fifth from 5,000 groups of 30."""
    random = np.random.default_rng(2)
    drawn = stats.shrunken_rates(random.binomial(30, random.beta(3, 7, 5000)), np.full(5000, 30))
    assert drawn.strength == pytest.approx(10, rel=0.2)


def test_drawn_rates_are_nearer_to_the_truth_than_raw_ones():
    """Half the squared error at five trials a group."""
    random = np.random.default_rng(3)
    truth = random.beta(6, 14, 2000)
    hits = random.binomial(5, truth)
    drawn = np.array(stats.shrunken_rates(hits, np.full(2000, 5)).rates)
    assert ((drawn - truth) ** 2).mean() < 0.5 * ((hits / 5 - truth) ** 2).mean()


@pytest.mark.parametrize(("hits", "sizes"), [([1], [0]), ([2], [1]), ([-1], [3]), ([0, 0], [0, 0])])
def test_counts_that_cannot_be_are_refused(hits, sizes):
    """With an error, not with a rate."""
    with pytest.raises(ValueError, match="successes"):
        stats.shrunken_rates(hits, sizes)

"""Agreement of many raters against published examples, statsmodels, and the definition by pairs."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from statsmodels.stats.inter_rater import aggregate_raters, cohens_kappa, fleiss_kappa

from evalloop import stats

N = None
# Krippendorff, Computing Krippendorff's Alpha-Reliability (2011), section D: four observers, twelve units
KRIPPENDORFF = list(zip(
    (1, 2, 3, 3, 2, 1, 4, 1, 2, N, N, N), (1, 2, 3, 3, 2, 2, 4, 1, 2, 5, N, 3),
    (N, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, N), (1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, N), strict=True))
# Fleiss 1971 as Wikipedia prints it: ten subjects, fourteen raters, counts in five categories
FLEISS = [(0, 0, 0, 0, 14), (0, 2, 6, 4, 2), (0, 0, 3, 5, 6), (0, 3, 9, 2, 0), (2, 2, 8, 1, 1), (7, 7, 0, 0, 0),
          (3, 2, 6, 3, 0), (2, 5, 3, 2, 2), (6, 5, 2, 1, 0), (0, 2, 2, 3, 7)]


@pytest.mark.parametrize(("level", "published"),
                         [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849), ("ratio", 0.797)])
def test_krippendorffs_own_example(level, published):
    """All four levels to the printed digit; the twelfth unit has one rating and says nothing."""
    result = stats.krippendorff_alpha(KRIPPENDORFF, level)
    assert result.value == pytest.approx(published, abs=5e-4)
    assert (result.items, result.raters) == (11, 4)
    assert result.interval.low < result.value < result.interval.high


def test_fleiss_own_example():
    """kappa = .210 with mean agreement .378."""
    result = stats.fleiss_kappa([[label for label, count in enumerate(row) for _ in range(count)] for row in FLEISS])
    assert result.value == pytest.approx(0.2099, abs=5e-5)
    assert result.agreement == pytest.approx(0.378, abs=5e-4)
    assert (result.items, result.raters) == (10, 14)


ratings = st.integers(2, 4).flatmap(lambda m: st.lists(st.lists(st.integers(0, 3), min_size=m, max_size=m), min_size=3,
                                                       max_size=12))


@settings(deadline=None)
@given(ratings)
def test_fleiss_agrees_with_statsmodels(rows):
    """The same kappa for any table with two labels in it."""
    if len({label for row in rows for label in row}) < 2:
        assert stats.fleiss_kappa(rows).value is None
        return
    theirs = fleiss_kappa(aggregate_raters(np.array(rows))[0])
    assert stats.fleiss_kappa(rows).value == pytest.approx(theirs, abs=1e-9)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=3, max_size=40))
def test_cohen_agrees_with_statsmodels(pairs):
    """Kappa and its large-sample error."""
    first, second = zip(*pairs, strict=True)
    if len({*first, *second}) < 2:
        return
    table = np.zeros((4, 4))
    np.add.at(table, (first, second), 1)
    ours, theirs = stats.cohen_kappa(first, second), cohens_kappa(table)
    if ours.kappa is not None:
        assert ours.kappa == pytest.approx(theirs.kappa, abs=1e-9)
        assert ours.se**2 == pytest.approx(theirs.var_kappa, abs=1e-9)


@settings(deadline=None)
@given(st.lists(st.lists(st.one_of(st.none(), st.integers(1, 5)), min_size=3, max_size=3), min_size=3, max_size=9))
def test_alpha_is_one_minus_observed_over_expected(rows):
    """By definition, from all ordered pairs within items and over all ratings."""
    kept = [[each for each in row if each is not None] for row in rows]
    kept = [row for row in kept if len(row) > 1]
    pooled = [each for row in kept for each in row]
    expected = sum((a - b) ** 2 for a, b in permutations(pooled, 2))
    if not kept or expected == 0:
        return
    observed = sum((a - b) ** 2 / (len(row) - 1) for row in kept for a, b in permutations(row, 2))
    ours = stats.krippendorff_alpha(rows, "interval").value
    assert ours == pytest.approx(1 - observed * (len(pooled) - 1) / expected, abs=1e-9)


@settings(deadline=None)
@given(ratings, st.randoms())
def test_agreement_does_not_depend_on_order_or_names(rows, random):
    """Items shuffled, raters of an item shuffled, labels renamed: the same figures, bit for bit nearly."""
    other = [random.sample(row, len(row)) for row in random.sample(rows, len(rows))]
    renamed = [[f"label {label}" for label in row] for row in other]
    for measure in (stats.fleiss_kappa, stats.krippendorff_alpha):
        one, two = measure(rows), measure(renamed)
        assert one.value == pytest.approx(two.value, abs=1e-12)
        assert one.se == pytest.approx(two.se, abs=1e-9)


def test_what_cannot_be_measured_is_refused():
    """Unequal rows, missing labels, one rating only, words at a numeric level, an unknown level."""
    with pytest.raises(ValueError, match="same number of raters"):
        stats.fleiss_kappa([[1, 2], [1]])
    with pytest.raises(ValueError, match="is None"):
        stats.fleiss_kappa([[1, None]])
    with pytest.raises(ValueError, match="two ratings"):
        stats.krippendorff_alpha([[1, None], [None, 2]])
    with pytest.raises(ValueError, match="needs numbers"):
        stats.krippendorff_alpha([["a", "b"]], "interval")
    with pytest.raises(ValueError, match="a level is one of"):
        stats.krippendorff_alpha([[1, 2]], "nominally")
    assert stats.krippendorff_alpha([[1, 1], [1, 1]]).value is None


def test_the_jackknife_covers_the_value_of_a_large_sample():
    """Forty items, two of three raters right four times in five: the interval holds the large-sample kappa."""
    random = np.random.default_rng(2)

    def sample(n):
        truth = random.integers(0, 2, n)
        return np.where(random.random((n, 3)) < 0.8, truth[:, None], 1 - truth[:, None]).tolist()

    truth = stats.fleiss_kappa(sample(4_000)).value
    intervals = [stats.fleiss_kappa(sample(40)).interval for _ in range(200)]
    assert 0.90 <= sum(low <= truth <= high for low, high in intervals) / 200 <= 0.99

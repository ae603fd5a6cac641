"""The default clusterer: how well it finds known groups, and that nothing but the content of the rows matters."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from evalloop.clusters.embed import OfflineEmbedder
from evalloop.clusters.graph import nearest
from evalloop.clusters.group import LeidenClusterer, canonical, finest_of_the_best


@pytest.fixture(scope="module")
def vectors(banking: tuple[list[str], list[str]]) -> NDArray[np.float32]:
    """Offline vectors of the Banking77 test split."""
    return OfflineEmbedder().embed(banking[0])


@pytest.fixture(scope="module")
def labels(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """Groups of those vectors."""
    return LeidenClusterer().cluster(vectors)


def test_finds_the_intents_of_banking77(banking: tuple[list[str], list[str]], labels: NDArray[np.int64]) -> None:
    """With the offline vectors, groups agree with 77 human intents: NMI at least .70, ARI at least .36."""
    assert normalized_mutual_info_score(banking[1], labels) >= 0.70
    assert adjusted_rand_score(banking[1], labels) >= 0.36
    assert 50 <= labels.max() + 1 <= 130
    assert np.mean(labels < 0) < 0.02


def test_shuffled_texts_fall_into_the_same_groups(
    banking: tuple[list[str], list[str]], labels: NDArray[np.int64]
) -> None:
    """From texts to groups, the order of the input changes nothing, not even the numbers."""
    order = np.random.default_rng(1).permutation(len(banking[0]))
    shuffled = LeidenClusterer().cluster(OfflineEmbedder().embed([banking[0][place] for place in order]))
    assert np.array_equal(shuffled, labels[order])


def test_another_seed_gives_nearly_the_same_groups(vectors: NDArray[np.float32], labels: NDArray[np.int64]) -> None:
    """The consensus of many starts leaves little to the seed (.956 to .978 here; processors differ in last digits)."""
    assert adjusted_rand_score(LeidenClusterer().cluster(vectors, seed=7), labels) >= 0.93


def test_groups_of_a_sample_are_extended_to_all_rows(
    banking: tuple[list[str], list[str]], vectors: NDArray[np.float32]
) -> None:
    """Above the sample size the rest is assigned to the nearest group, at little loss."""
    found = LeidenClusterer(sample=2_000).cluster(vectors)
    assert normalized_mutual_info_score(banking[1], found) >= 0.66
    assert np.mean(found < 0) < 0.03


def test_equal_rows_land_together(vectors: NDArray[np.float32]) -> None:
    """Copies of a text share its group and make it larger."""
    copies = np.vstack([vectors[:200], np.repeat(vectors[:1], 300, axis=0)])
    found = LeidenClusterer().cluster(copies)
    assert found[0] == 0
    assert set(found[200:]) == {0}


def test_rows_far_from_everything_are_other() -> None:
    """Rows in a direction of their own, and rows without direction, are not forced into a group."""
    rng = np.random.default_rng(0)
    rows = np.zeros((203, 40), np.float32)
    for group in range(4):
        rows[group * 50 : group * 50 + 50, group] = 1
    rows[:200] += rng.normal(0, 0.05, (200, 40)).astype(np.float32)
    rows[200, 30] = rows[201, 35] = 1
    rows[:202] /= np.linalg.norm(rows[:202], axis=1, keepdims=True)
    found = LeidenClusterer().cluster(rows)
    assert found[200:].tolist() == [-1, -1, -1]
    assert len({tuple(set(found[start : start + 50])) for start in range(0, 200, 50)}) == 4
    assert found[:200].min() == 0


@pytest.mark.parametrize("count", [0, 1, 2, 5])
def test_a_handful_of_rows_is_no_error(count: int) -> None:
    """Too few rows for statistics give groups or "other"."""
    found = LeidenClusterer().cluster(np.eye(8, dtype=np.float32)[:count])
    assert found.shape == (count,)
    assert found.min(initial=-1) >= -1


def test_all_identical_rows_are_one_group() -> None:
    """A complaint repeated word for word is one theme."""
    rows = np.repeat(np.eye(3, dtype=np.float32)[:1], 40, axis=0)
    assert LeidenClusterer().cluster(rows).tolist() == [0] * 40


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 2_500), st.integers(1, 16), st.integers(0, 99))
def test_neighbours_are_the_rows_of_highest_cosine(size: int, k: int, seed: int) -> None:
    """Whatever the number of rows, neighbours are those that sorting all cosines gives, and never the row itself."""
    rows = np.random.default_rng(seed).normal(size=(size, 5)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    k = min(k, size - 1)
    found, cosines = nearest(rows, k)
    every = rows @ rows.T
    np.fill_diagonal(every, -2)
    assert np.allclose(np.sort(cosines, axis=1), np.sort(every, axis=1)[:, size - k :], atol=1e-6)
    assert np.allclose(np.take_along_axis(every, found, axis=1), cosines, atol=1e-6)
    assert (np.diff(np.sort(found, axis=1), axis=1) > 0).all()
    assert (found != np.arange(size)[:, None]).all()


def test_scores_that_hardly_differ_choose_the_finest() -> None:
    """A coarser resolution wins only by a clear lead, whatever the sign of the scores."""
    assert finest_of_the_best((1, 2, 3), (0.131, 0.133, 0.131)) == 3
    assert finest_of_the_best((1, 2, 3), (0.62, 0.61, 0.31)) == 2
    assert finest_of_the_best((1, 2, 3), (0.56, 0.54, 0.49)) == 1
    assert finest_of_the_best((1, 2), (-1.0, -1.0)) == 2
    assert finest_of_the_best((1, 2), (-0.1, -0.5)) == 1


@settings(max_examples=30, deadline=None)
@given(
    arrays.arrays(np.float32, st.tuples(st.integers(0, 40), st.integers(1, 4)), elements=st.floats(-1, 1, width=16)),
    st.randoms(use_true_random=False),
)
def test_numbers_are_canonical(rows: NDArray[np.float32], random: object) -> None:
    """For any rows: numbers run from 0 without gap, sizes fall, equal rows agree, and order does not matter."""
    rows = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6)
    found = LeidenClusterer().cluster(rows)
    sizes = np.bincount(found[found >= 0])
    assert np.all(sizes > 0)
    assert np.all(np.diff(sizes) <= 0)
    order = list(range(len(rows)))
    random.shuffle(order)  # type: ignore[attr-defined]
    assert np.array_equal(LeidenClusterer().cluster(rows[order]), found[order])


@given(st.lists(st.tuples(st.integers(-1, 6), st.integers(1, 9)), max_size=30))
def test_canonical_renames_and_nothing_else(pairs: list[tuple[int, int]]) -> None:
    """The same rows stay together; numbering twice changes nothing; -1 stays."""
    groups = np.array([group for group, _ in pairs], np.int64)
    counts = np.array([count for _, count in pairs], np.int64)
    found = canonical(groups, counts)
    assert np.array_equal(found < 0, groups < 0)
    assert len(set(zip(groups.tolist(), found.tolist(), strict=True))) == len(set(groups.tolist()))
    assert np.array_equal(canonical(found, counts), found)


def test_what_many_wrote_is_no_outlier(vectors: NDArray[np.float32]) -> None:
    """Two sentences that hundreds sent word for word are groups beside thousands that came once, though few rows are
    like them; a row that came once stays left over."""
    rng = np.random.default_rng(0)
    apart = rng.normal(size=(9, vectors.shape[1])).astype(np.float32)
    own, lonely = apart[:8], apart[8:]
    own[4:] = own[4] + 0.2 * own[4:]
    own[:4] = own[0] + 0.2 * own[:4]
    many = np.concatenate([np.repeat(own, 100, axis=0), lonely])
    many /= np.linalg.norm(many, axis=1, keepdims=True)
    found = LeidenClusterer().cluster(np.concatenate([vectors, many]))[len(vectors):]
    assert found[-1] == -1
    assert (found[:-1] >= 0).all()
    assert set(found[:400]).isdisjoint(found[400:-1])

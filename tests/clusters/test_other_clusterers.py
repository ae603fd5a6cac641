"""HDBSCAN and k-means as clusterers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import adjusted_rand_score

from evalloop.clusters.other_clusterers import HdbscanClusterer, KMeansClusterer

Blobs = tuple[NDArray[np.float32], NDArray[np.int64]]


@pytest.fixture(scope="module")
def blobs() -> Blobs:
    """Five directions of 40 rows each in 24 dimensions, ten rows anywhere (-1), and a row of zeros (-1)."""
    draw = np.random.default_rng(0)
    centers = np.eye(5, 24)
    rows = np.vstack([*(center + 0.08 * draw.normal(size=(40, 24)) for center in centers), draw.normal(size=(10, 24))])
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    truth = np.repeat([0, 1, 2, 3, 4, -1], [40] * 5 + [10])
    return np.vstack([rows, np.zeros((1, 24))]).astype(np.float32), np.append(truth, -1)


@pytest.mark.parametrize("clusterer", [HdbscanClusterer(), KMeansClusterer(), KMeansClusterer(k=5)])
def test_clear_groups_are_found(clusterer: Any, blobs: Blobs) -> None:
    """The number of groups too; a zero row is "other"."""
    rows, truth = blobs
    found = clusterer.cluster(rows)
    inside = truth >= 0
    assert adjusted_rand_score(truth[inside], found[inside]) >= 0.95
    assert found[-1] == -1
    assert set(np.unique(found)) - {-1} == set(range(found.max() + 1))


def test_hdbscan_leaves_out_what_is_far(blobs: Blobs) -> None:
    """Most rows that lie anywhere are "other"; k-means leaves nothing out but zeros."""
    rows, truth = blobs
    assert np.mean(HdbscanClusterer().cluster(rows)[truth < 0] < 0) >= 0.5
    assert (KMeansClusterer(k=5).cluster(rows)[:-1] >= 0).all()


@pytest.mark.parametrize("clusterer", [HdbscanClusterer(sample=120), KMeansClusterer(k=5, sample=120)])
def test_groups_of_a_sample_are_extended(clusterer: Any, blobs: Blobs) -> None:
    """Above the sample size the rest go to the nearest group, the same for the same seed."""
    rows, truth = blobs
    found = clusterer.cluster(rows, seed=3)
    kept = (truth >= 0) & (found >= 0)
    assert kept.sum() >= 150
    assert adjusted_rand_score(truth[kept], found[kept]) >= 0.95
    assert np.array_equal(found, clusterer.cluster(rows, seed=3))


@pytest.mark.parametrize("clusterer", [HdbscanClusterer(), KMeansClusterer()])
@pytest.mark.parametrize("count", [0, 1, 2, 4])
def test_a_handful_of_rows_is_no_error(clusterer: Any, count: int) -> None:
    """Nothing, one row, two, fewer than a group needs."""
    rows = np.eye(4, dtype=np.float32)[:count]
    assert len(clusterer.cluster(rows)) == count

"""Births close to known clusters."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from evalloop.clusters.births import births

KNOWN = 30


def rows(degrees: float, count: int, seed: int) -> NDArray[np.float32]:
    """Rows of unit length around a direction so far from the first axis."""
    center = np.cos(np.radians(degrees)) * np.eye(12)[0] + np.sin(np.radians(degrees)) * np.eye(12)[1]
    found = center + 0.08 * np.random.default_rng(seed).normal(size=(count, 12))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def week(seed: int, *sizes: tuple[float, int, int]) -> tuple[NDArray[np.float32], NDArray[np.object_], int]:
    """Vectors, owners and number of texts of matters: degrees, texts, exemplars. A matter without exemplars falls to
    the first cluster."""
    texts = [rows(degrees, count, seed + 10 * place) for place, (degrees, count, _) in enumerate(sizes)]
    carried = [rows(degrees, count, seed + 10 * place + 5) for place, (degrees, _, count) in enumerate(sizes) if count]
    owners = [f"c-{place if kept else 0}" for place, (_, count, kept) in enumerate(sizes) for _ in range(count)]
    owners += [f"c-{place}" for place, (_, _, count) in enumerate(sizes) for _ in range(count)]
    return np.vstack([*texts, *carried]), np.array(owners, dtype=object), sum(count for _, count, _ in sizes)


def halves(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """Rows on either side of the first axis as groups."""
    return np.asarray(vectors[:, 1] < 0, np.int64)


def found(seed: int, *sizes: tuple[float, int, int]) -> list[set[int]]:
    """The texts of each birth."""
    vectors, owners, count = week(seed, *sizes)
    return [set(each.texts.tolist()) for each in births(vectors, owners, count, halves, seed=seed)]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_matter_beside_a_known_one_is_born(seed: int) -> None:
    """40 texts at 35 degrees from the cluster that would take them in: most of them are born, of the others few. Two
    such matters are two births."""
    (born,) = found(seed, (0, 60, KNOWN), (90, 60, KNOWN), (35, 40, 0))
    assert len(born & set(range(120, 160))) >= 30
    assert len(born & set(range(120))) <= 4
    first, second = found(seed, (0, 60, KNOWN), (90, 60, KNOWN), (35, 40, 0), (-35, 40, 0))
    assert {len(first & set(range(120, 160))) >= 20, len(first & set(range(160, 200))) >= 20} == {True, False}
    assert {len(second & set(range(120, 160))) >= 20, len(second & set(range(160, 200))) >= 20} == {True, False}


def test_a_cluster_that_only_grows_bears_none() -> None:
    """Ten times as many texts around the same exemplars, beside clusters that stay as they were."""
    assert [found(seed, (0, 400, KNOWN), (90, 40, KNOWN), (45, 40, KNOWN)) for seed in range(1, 5)] == [[]] * 4


def test_chance_bears_hardly_any() -> None:
    """In 20 weeks in which nothing is new at most three births."""
    assert sum(len(found(seed, (0, 80, KNOWN), (60, 40, KNOWN))) for seed in range(100, 120)) <= 3


def test_few_rows_bear_none() -> None:
    """Fewer texts than a birth has, or no exemplar, are no error."""
    assert found(1, (0, 5, KNOWN)) == []
    assert found(1, (0, 40, 0)) == []

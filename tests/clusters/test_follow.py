"""Identity over time: where texts go, and what is born."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evalloop.clusters.follow import place

COUNT, KNOWN = 60, 30


def rows(direction: int, count: int, seed: int) -> NDArray[np.float32]:
    """Rows of unit length around one direction."""
    found = np.eye(8)[direction] + 0.1 * np.random.default_rng(seed).normal(size=(count, 8))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def divided(vectors: NDArray[np.float32]) -> NDArray[np.int64]:
    """The direction of each row as its group."""
    return np.asarray(vectors.argmax(axis=1), np.int64)


def test_a_new_matter_inside_a_known_group_is_born() -> None:
    """One group holds a known theme with its exemplars and 20 texts on another matter, without exemplars: these are
    born, with no theme they came from; the others stay."""
    vectors = np.vstack([rows(0, COUNT, 1), rows(1, 20, 2), rows(0, KNOWN, 3)])
    texts = [f"text {number}" for number in range(COUNT + 20)]
    owners = np.array(["c-1"] * KNOWN, dtype=object)
    one = np.zeros(len(vectors), np.int64)
    found = place(texts, vectors, owners, one, min_size=5, divide=divided)
    assert set(found.ids[:COUNT]) == {"c-1"}
    (born,) = found.born
    assert set(found.ids[COUNT:]) == {born}
    assert born not in found.came_from
    assert place(texts, vectors, owners, one, min_size=5).born == frozenset()


def test_parts_that_hold_their_share_of_exemplars_are_not_born() -> None:
    """A theme of two matters that was known as such stays one theme; so does a part of few texts, and one of many
    copies of few texts."""
    vectors = np.vstack([rows(0, COUNT, 1), rows(1, 20, 2), rows(0, KNOWN, 3), rows(1, 10, 4)])
    texts = [f"text {number}" for number in range(COUNT + 20)]
    owners = np.array(["c-1"] * (KNOWN + 10), dtype=object)
    one = np.zeros(len(vectors), np.int64)
    assert place(texts, vectors, owners, one, min_size=5, divide=divided).born == frozenset()
    few = np.delete(vectors, np.s_[COUNT + 6:COUNT + 20], axis=0)[: -10]
    own = owners[:KNOWN]
    assert place(texts[:COUNT + 6], few, own, one[: len(few)], min_size=5, divide=divided).born == frozenset()
    copies = [*texts[:COUNT], *(f"copy {number % 4}" for number in range(20))]
    assert place(copies, vectors[:-10], own, one[:-10], min_size=5, divide=divided).born == frozenset()


def test_a_part_can_split_off() -> None:
    """With one exemplar of forty where chance gives a quarter of its texts: it names the theme that it came from."""
    vectors = np.vstack([rows(0, COUNT, 1), rows(1, 40, 2), rows(0, KNOWN, 3), rows(1, 1, 4)])
    texts = [f"text {number}" for number in range(COUNT + 40)]
    owners = np.array(["c-1"] * (KNOWN + 1), dtype=object)
    found = place(texts, vectors, owners, np.zeros(len(vectors), np.int64), min_size=5, divide=divided)
    assert list(found.came_from.values()) == ["c-1"]
    assert sum(each in found.born for each in found.ids) == 40


def at(degrees: float, count: int, seed: int) -> NDArray[np.float32]:
    """Rows so far from the first axis, a little apart from each other."""
    angle = np.deg2rad(degrees)
    found = np.cos(angle) * np.eye(8)[0] + np.sin(angle) * np.eye(8)[1]
    found = found + 0.002 * np.random.default_rng(seed).normal(size=(count, 8))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def test_texts_join_a_newborn_through_those_that_joined_before() -> None:
    """A newborn at 60 degrees takes a text at 40 in, and through it one at 29, which alone is nearer to the known
    theme at 0; those there stay."""
    vectors = np.vstack([at(0, 10, 1), at(40, 1, 2), at(29, 1, 3), at(60, 5, 4), at(0, KNOWN, 5)])
    texts = [f"text {number}" for number in range(17)]
    owners = np.array(["c-1"] * KNOWN, dtype=object)
    groups = np.array([0] * 12 + [1] * 5 + [0] * KNOWN, np.int64)
    found = place(texts, vectors, owners, groups, min_size=5, divide=divided)
    (born,) = found.born
    assert found.ids == ("c-1",) * 10 + (born,) * 7
    assert place(texts, vectors, owners, groups, min_size=5).ids[11] == "c-1"

"""Parts of a large cluster, with ids that last."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from evalloop.clusters.group import LeidenClusterer
from evalloop.clusters.subthemes import MOST, Finder
from evalloop.records.cluster import Subtheme

MATTERS = ("the first link is dead", "the second price is old", "the third answer is slow")


def batch(counts: tuple[int, ...], seed: int = 0) -> tuple[list[str], NDArray[np.float32]]:
    """So many texts on each matter with vectors around one direction of each."""
    draw = np.random.default_rng(seed)
    which = np.repeat(np.arange(len(counts)), counts)
    rows = np.eye(len(MATTERS), 16)[which] + 0.1 * draw.normal(size=(len(which), 16))
    texts = [f"{MATTERS[each]} {seed} {place}" for place, each in enumerate(which)]
    return texts, (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def finder(exemplars: dict[str, NDArray[np.float32]] | None = None) -> Finder:
    """A finder with the vectors of what is known."""
    return Finder(LeidenClusterer(resolutions=(0.2,)), exemplars or {}, min_size=5)


@pytest.fixture(scope="module")
def parts() -> tuple[Subtheme, ...]:
    """The parts of a cluster on three matters."""
    return finder().parts((), *batch((50, 30, 20)))


def test_a_large_cluster_is_divided(parts: tuple[Subtheme, ...]) -> None:
    """By matter, the largest first, with names, quotes and shares that add up."""
    assert [each.size for each in parts] == [50, 30, 20]
    assert [each.share for each in parts] == [0.5, 0.3, 0.2]
    for each, matter in zip(parts, MATTERS, strict=True):
        assert all(quote.startswith(matter) for quote in each.quotes)
        assert set(each.label.split()) & set(matter.split())


def test_a_small_cluster_and_one_of_one_piece_have_no_parts() -> None:
    """Below eight times the fewest failures of a cluster nothing is looked for."""
    assert finder().parts((), *batch((20, 19, 0))) == ()
    assert finder().parts((), *batch((100, 0, 0))) == ()


def test_parts_keep_ids_and_names(parts: tuple[Subtheme, ...]) -> None:
    """In the next batch with other counts; a quiet one stays with size 0; a small batch empties all."""
    texts, vectors = batch((50, 30, 20))
    known = dict(zip(texts, vectors, strict=True))
    found = finder(known).parts(parts, *batch((15, 60, 0), seed=1))
    of = {each.subtheme_id: each for each in found}
    assert [of[each.subtheme_id].label for each in parts] == [each.label for each in parts]
    assert of[parts[1].subtheme_id].size == 60
    assert of[parts[0].subtheme_id].size == 15
    assert of[parts[2].subtheme_id].size == 0
    assert [each.size for each in finder(known).parts(parts, *batch((3, 3, 0), seed=2))] == [0, 0, 0]


def test_a_new_part_is_born_beside_the_known_ones(parts: tuple[Subtheme, ...]) -> None:
    """With an id of its own."""
    texts, vectors = batch((50, 30, 0))
    known = dict(zip(texts, vectors, strict=True))
    two = finder().parts((), texts, vectors)
    found = finder(known).parts(two, *batch((40, 30, 30), seed=3))
    new = [each for each in found if each.subtheme_id not in {part.subtheme_id for part in two}]
    assert [each.size for each in new] == [30]
    assert new[0].quotes[0].startswith(MATTERS[2])


def test_a_huge_cluster_is_read_in_part() -> None:
    """Shares are those of an even sample."""
    texts, vectors = batch((6_000, 4_000, 0))
    found = finder().parts((), texts, vectors)
    assert sum(each.size for each in found) == MOST
    assert [round(each.share, 2) for each in found] == [0.6, 0.4]

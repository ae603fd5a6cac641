"""Vectors that are embedded once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from evalloop.clusters.kept import CHUNK, KeptEmbedder
from evalloop.store.vectors import VectorStore


class Counting:
    """An embedder that remembers what it was asked; ``fails_at`` is the call that breaks."""

    name, version = "counting", "1"

    def __init__(self, *, fitted: bool = False, fails_at: int = 0) -> None:
        self.fitted, self.fails_at, self.asked = fitted, fails_at, []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One direction for each length of text."""
        self.asked.append(list(texts))
        if self.fails_at == len(self.asked):
            raise RuntimeError("provider went away")
        return np.array([[np.cos(len(text)), np.sin(len(text))] for text in texts], np.float32)


def test_nothing_is_embedded_twice(tmp_path: Path) -> None:
    """Not in one batch, not in the next, not by the next process; rows come in the order of the texts."""
    inner = Counting()
    kept = KeptEmbedder(inner, VectorStore(tmp_path / "v"))
    first = kept.embed(["a", "bb", "a", "ccc"])
    assert sorted(inner.asked[0]) == ["a", "bb", "ccc"]
    assert np.allclose(first, Counting().embed(["a", "bb", "a", "ccc"]))
    again = KeptEmbedder(inner, VectorStore(tmp_path / "v")).embed(["dddd", "ccc", "a"])
    assert inner.asked[1:] == [["dddd"]]
    assert np.allclose(again, Counting().embed(["dddd", "ccc", "a"]))
    assert len(kept.embed([])) == 0


def test_what_a_stopped_run_embedded_is_kept(tmp_path: Path) -> None:
    """A provider that fails in the second part costs that part alone; progress tells what is done."""
    texts = [f"{number:05}" + "x" * (number % 7) for number in range(CHUNK + 10)]
    told: list[tuple[int, int]] = []
    with pytest.raises(RuntimeError):
        KeptEmbedder(Counting(fails_at=2), VectorStore(tmp_path / "v"), lambda *done: told.append(done)).embed(texts)
    assert told == [(CHUNK, CHUNK + 10)]
    inner = Counting()
    found = KeptEmbedder(inner, VectorStore(tmp_path / "v")).embed(texts)
    assert sum(map(len, inner.asked)) == 10
    assert np.allclose(found, Counting().embed(texts))


def test_a_fitted_embedder_is_asked_again_for_another_batch(tmp_path: Path) -> None:
    """Its vectors depend on the whole batch: the same batch in any order is kept, another one takes its place."""
    inner = Counting(fitted=True)
    store = VectorStore(tmp_path / "v")
    kept = KeptEmbedder(inner, store)
    first = kept.embed(["a", "bb", "ccc"])
    assert np.allclose(kept.embed(["ccc", "a", "bb"]), first[[2, 0, 1]])
    assert len(inner.asked) == 1
    kept.embed(["a", "bb"])
    assert len(inner.asked) == 2
    assert len(store) == 2


def test_a_row_that_a_dying_process_cut_short_is_not_counted(tmp_path: Path) -> None:
    """It is embedded again, and overwritten."""
    inner = Counting()
    KeptEmbedder(inner, VectorStore(tmp_path / "v")).embed(["a", "bb"])
    rows = tmp_path / "v/rows.f32"
    rows.write_bytes(rows.read_bytes()[:-3])
    store = VectorStore(tmp_path / "v")
    assert len(store) == 1
    assert np.allclose(KeptEmbedder(inner, store).embed(["a", "bb"]), Counting().embed(["a", "bb"]))
    assert len(store) == 2

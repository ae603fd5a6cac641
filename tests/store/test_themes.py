"""The control records of clusters: snapshots by week, and steps that cannot contradict each other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evalloop.clusters.lifecycle import move
from evalloop.errors import UsageError
from evalloop.records.cluster import Cluster, Themes, WeekShare
from evalloop.store.themes import ThemeStore
from evalloop.store.vectors import VectorStore, key_of

CLUSTER = Cluster("c-1", "Broken citations", weeks=(WeekShare("2026-W47", 0.2, n=3),))


def test_a_week_is_kept_and_replaced(tmp_path: Path) -> None:
    """The same week is kept once, the newest is what stands, and the one before can be asked for."""
    with ThemeStore(str(tmp_path / "events.sqlite")) as store:
        assert store.at() is None
        for week in ("2026-W47", "2026-W48", "2026-W48"):
            store.save(Themes(week, 3, 2, (CLUSTER,), week))
        assert store.weeks() == [("2026-W47", "2026-W47"), ("2026-W48", "2026-W48")]
        assert store.at() == Themes("2026-W48", 3, 2, (CLUSTER,), "2026-W48")
        assert (store.at(before="2026-W48") or Themes("", 0, 0)).week == "2026-W47"


def test_a_status_moves_with_its_history(tmp_path: Path) -> None:
    """Steps overlay the snapshot; one from a status that is no longer so is refused."""
    with ThemeStore(str(tmp_path / "events.sqlite")) as store:
        store.save(Themes("2026-W47", 3, 2, (CLUSTER,)))
        step = move(CLUSTER, "fixed", reason="cites by id", release="v12", by="ann")
        store.add_move(step)
        with pytest.raises(UsageError, match="by now"):
            store.add_move(step)
        found = (store.at() or Themes("", 0, 0)).clusters[0]
        assert (found.status, found.release) == ("fixed", "v12")
        assert store.moves("c-1") == [step]
        assert store.moves("c-2") == []


@pytest.mark.parametrize(("status", "reason", "release"), [
    ("resolved", "x", None), ("fixed", "x", None), ("wont-fix", " ", None), ("done", "x", None)])
def test_steps_that_make_no_sense_are_refused(status: str, reason: str, release: str | None) -> None:
    """An unknown status, one out of reach, a fix without a release, a step without a reason."""
    with pytest.raises(UsageError):
        move(CLUSTER, status, reason=reason, release=release)


def test_vectors_are_found_by_content(tmp_path: Path) -> None:
    """Rows come back by key after reopening; a row cut short is not counted and is written over."""
    store = VectorStore(tmp_path / "v")
    keys = [key_of(text) for text in ("a", "b", "c")]
    rows = np.arange(12, dtype=np.float32).reshape(3, 4)
    store.add(keys[:2], rows[:2])
    with (tmp_path / "v" / "rows.f32").open("ab") as file:
        file.write(b"half")
    again = VectorStore(tmp_path / "v")
    again.add(keys[2:], rows[2:])
    places, found = again.find([*keys, key_of("d")])
    assert places.tolist() == [0, 1, 2, -1]
    assert np.array_equal(found[places[:3]], rows)
    with pytest.raises(ValueError, match="fit"):
        again.add([key_of("e")], np.zeros((1, 3), np.float32))


def test_vectors_are_forgotten_by_key(tmp_path: Path) -> None:
    """Only the rows that are named stay, also in the files, and the store goes on."""
    store, rows = VectorStore(tmp_path / "v"), np.eye(4, dtype=np.float32)
    keys = [key_of(each) for each in "abcd"]
    store.add(keys, rows)
    assert store.keep_only({keys[1], keys[3], key_of("x")}) == 2
    found, kept = VectorStore(tmp_path / "v").find(keys)
    assert found.tolist() == [-1, 0, -1, 1]
    assert np.array_equal(kept, rows[[1, 3]])
    assert keys[0] not in (tmp_path / "v" / "keys.bin").read_bytes()
    store.add([key_of("e")], rows[:1])
    assert store.find([key_of("e")])[0].tolist() == [2]
    assert store.keep_only(set()) == 3
    assert len(store) == 0

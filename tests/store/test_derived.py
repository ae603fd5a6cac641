"""Signals as files: made once, replaced as a whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from evalloop.store.derived import SignalFiles


def put(files: SignalFiles, detector: str, inputs: str = "a") -> None:
    """One file of signals."""
    files.replace(detector, inputs, 1, lambda folder: (folder / "part-0.parquet").write_text(detector + inputs))


def test_signals_are_fresh_until_events_or_version_change(tmp_path: Path) -> None:
    """The same inputs need no work; others, another version, or files that are gone do."""
    files = SignalFiles(tmp_path / "signals")
    assert files.fresh("copy@1", "a") is None
    put(files, "copy@1")
    (file,) = files.fresh("copy@1", "a") or []
    assert Path(file).read_text() == "copy@1a"
    assert files.fresh("copy@1", "b") is None
    assert files.fresh("copy@2", "a") is None
    Path(file).unlink()
    assert files.fresh("copy@1", "a") is None


def test_a_new_version_takes_the_place_of_the_old_and_leaves_others(tmp_path: Path) -> None:
    """One version of each detector is kept."""
    files = SignalFiles(tmp_path / "signals")
    for name in ("copy@1", "copy_all@1", "copy@2+abc"):
        put(files, name)
    assert files.names() == ["copy@2+abc", "copy_all@1"]
    assert sorted(each.name for each in files.folder.iterdir() if each.is_dir()) == ["copy@2+abc", "copy_all@1"]
    files.clear()
    assert files.names() == []


def test_an_interrupted_write_leaves_nothing_that_looks_fresh(tmp_path: Path) -> None:
    """When writing fails, the signals are made again next time."""
    files = SignalFiles(tmp_path / "signals")
    put(files, "copy@1")

    def broken(folder: Path) -> None:
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        files.replace("copy@1", "b", 1, broken)
    assert files.fresh("copy@1", "a") is None
    assert files.fresh("copy@1", "b") is None

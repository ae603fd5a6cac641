"""The release record: what it claims, and how it is kept."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from evalloop.errors import UsageError
from evalloop.notes.release import keep_release, read_release, release_of
from evalloop.records.release import Release
from evalloop.records.report import Comparison, Delta, Gate

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def delta(cluster: str | None, change: float, verdict: str, n: int = 100) -> Delta:
    """A row with that change and verdict."""
    return Delta(cluster, n, 0, 0.5, 0.5 + change, change, (change - 0.1, change + 0.1), 0.01, None, 0.02, 0.02, 30, 10,
                 n - 40, 0.1, "m", verdict, se=0.05)


def comparison(gate: str, overall: str = "improved") -> Comparison:
    """Three clusters: one improved, one regressed, one undecided, one the same."""
    rows = (delta("up", 0.4, "improved"), delta("down", -0.2, "regressed"), delta("few", 0.1, "not enough evidence"),
            delta("same", 0.0, "no worse than the margin"))
    return Comparison("v1", "v2", delta(None, 0.123, overall), rows, Gate(gate, (f"because of {gate}",)),
                      shrunken={"up": {"delta": 0.25, "se": 0.04}, "down": {"delta": -0.1, "se": 0.04}})


def test_improvements_are_quoted_shrunken_and_only_after_a_pass() -> None:
    """The record holds the shrunken figure; a gate that did not pass leaves nothing to claim."""
    claim = release_of(comparison("PASS"), "r1", now=NOW).improved[0]
    assert (claim["cluster"], claim["delta"], claim["shrunken"]) == ("up", 0.25, True)
    assert (claim["low"], claim["high"]) == pytest.approx((0.25 - 1.96 * 0.04, 0.25 + 1.96 * 0.04), abs=1e-4)
    for gate in ("BLOCK", "INCONCLUSIVE", "INCOMPLETE"):
        release = release_of(comparison(gate), "r1", now=NOW)
        assert release.improved == ()
        assert release.overall["improved"] is False


def test_every_other_cluster_has_its_place() -> None:
    """Regressed, undecided and unchanged clusters are told apart."""
    release = release_of(comparison("PASS"), "r1", themes={"few": "Wrong dates", "else": "x"}, now=NOW)
    assert [claim["cluster"] for claim in release.regressed] == ["down"]
    assert (release.undecided, release.unchanged) == (("few",), ("same",))
    assert release.themes == {"few": "Wrong dates"}


def test_clusters_without_a_label_are_called_in_plain_words() -> None:
    """A label comes first; else underscores and hyphens become spaces."""
    rows = tuple(delta(name, 0.1, "improved") for name in ("length_constraints", "what-do-you-mean", "plain"))
    made = replace(comparison("PASS"), clusters=rows, shrunken={})
    themes = release_of(made, "r1", themes={"what-do-you-mean": "What do you mean?"}, now=NOW).themes
    assert themes == {"length_constraints": "length constraints", "what-do-you-mean": "What do you mean?"}


def test_no_range_goes_beyond_the_scale() -> None:
    """A pass rate cannot get worse by more than 100 points."""
    made = replace(comparison("PASS"), shrunken={"down": {"delta": -0.8, "se": 0.2}})
    (claim,) = release_of(made, "r1", now=NOW).regressed
    assert (claim["low"], claim["delta"]) == (-1.0, -0.8)


def test_is_kept_as_a_text_file_and_read_back(tmp_path: Path) -> None:
    """The file in git gives the same record."""
    release = release_of(comparison("PASS"), "r1", now=NOW)
    path = keep_release(tmp_path / "releases", release)
    assert path.name == "r1.json"
    assert Release.from_dict(json.loads(path.read_text(encoding="utf-8"))).to_dict() == release.to_dict()


def test_a_name_is_not_taken_twice(tmp_path: Path) -> None:
    """The same release may be written again, another one may not take its name."""
    keep_release(tmp_path, release_of(comparison("PASS"), "r1", now=NOW))
    keep_release(tmp_path, release_of(comparison("BLOCK"), "r1", now=NOW))
    other = Comparison("v1", "v3", delta(None, 0, "improved"), ())
    with pytest.raises(UsageError, match="there is a release named 'r1' already, of 'v2'"):
        keep_release(tmp_path, release_of(other, "r1", now=NOW))


def test_what_was_registered_is_not_changed_in_silence(tmp_path: Path) -> None:
    """An experiment, or another time, under a name that is registered is refused; the same again is not."""
    first = release_of(comparison("PASS"), "r1", now=NOW, shipped_at="2026-11-24T00:00:00.000000Z")
    keep_release(tmp_path, first)
    with pytest.raises(UsageError, match="registered already, with variants none"):
        keep_release(tmp_path, replace(first, variants=("a", "b")), said=["variants"])
    with pytest.raises(UsageError, match="with shipped_at 2026-11-24"):
        keep_release(tmp_path, replace(first, shipped_at="2026-11-25T00:00:00.000000Z"), said=["shipped_at"])
    keep_release(tmp_path, replace(first, created_at="2027-01-01T00:00:00.000000Z"), said=["shipped_at"])
    assert read_release(tmp_path, "r1") == first


@pytest.mark.parametrize("name", ["../evil", "a/b", "", ".hidden", "x" * 81])
def test_a_name_is_no_path(tmp_path: Path, name: str) -> None:
    """Nothing is written outside the folder of releases."""
    with pytest.raises(UsageError, match="cannot be the name of a release"):
        keep_release(tmp_path, release_of(comparison("PASS"), name, now=NOW))
    assert list(tmp_path.iterdir()) == []

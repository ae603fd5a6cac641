"""Duplicate rows of a table: named, refused where they matter, never averaged in silence."""

from __future__ import annotations

import pytest

from evalloop.errors import RecordErrors, UsageError
from evalloop.report.columns import Columns
from evalloop.report.compare import compare
from evalloop.report.duplicates import find, resolve


def columns(*rows: tuple[str, str, float], repeats: list[int] | None = None) -> Columns:
    """Columns of (case, variant, value) rows."""
    return Columns(case=[row[0] for row in rows], variant=[row[1] for row in rows], value=[row[2] for row in rows],
                   cluster=["k"] * len(rows), repeat=repeats)


CLEAN = (("c", "a", 1.0), ("c", "b", 0.0))


def test_finds_them_with_their_variants() -> None:
    """Second and later rows of a key are counted per variant; those with another value contradict."""
    found = find(columns(*CLEAN, ("c", "x", 1.0), ("c", "x", 1.0), ("c", "x", 0.0), ("c", "b", 1.0)))
    assert (found.rows, found.firsts) == ((3, 4, 5), (2, 2, 1))
    assert found.variants == (("x", 2), ("b", 1))
    assert found.contradicting == 2


def test_duplicates_of_other_variants_are_named_and_harmless() -> None:
    """The comparison goes on, with a note that counts them and says whose they are."""
    table = columns(*CLEAN, ("c", "x", 1.0), ("c", "x", 1.0))
    kept, notes = resolve(table, ("a", "b"), "error")
    assert kept is table
    assert notes[0].startswith("1 duplicate row (same case, variant and repeat) in 1 variant: x 1;")
    assert notes[0].endswith("none of them belongs to the variants compared")


def test_duplicates_of_the_compared_variants_are_refused_and_listed() -> None:
    """The error lists the first twenty with both row numbers, and the count of all."""
    rows = [row for number in range(25) for row in ((f"c{number}", "a", 1.0), (f"c{number}", "a", 0.0))]
    with pytest.raises(RecordErrors) as caught:
        resolve(columns(*rows, ("c0", "b", 1.0)), ("a", "b"), "error", "scores.csv")
    text = str(caught.value)
    assert text.count(" repeats row ") == 20
    assert "scores.csv: row 2 repeats row 1: case 'c0', variant 'a'" in text
    assert "25 duplicate rows" in text
    assert "5 more of the compared variants are not listed" in text
    assert "--duplicates mean" in text


def test_repeat_column_tells_runs_apart() -> None:
    """Rows with another repeat are no duplicates."""
    assert not find(columns(("c", "a", 1.0), ("c", "a", 0.0), ("c", "b", 1.0), repeats=[0, 1, 0]))


@pytest.mark.parametrize(("policy", "base"), [("mean", 0.5), ("first", 1.0)])
def test_explicit_choice(policy: str, base: float) -> None:
    """``mean`` averages them, ``first`` keeps the first; either is said in the notes."""
    kept, notes = resolve(columns(("c", "a", 1.0), ("c", "a", 0.0), ("c", "b", 1.0)), ("a", "b"), policy)
    assert compare(kept, "a", "b").overall.base == base
    assert "1 belongs to the variants compared" in notes[0]


def test_unknown_choice_is_refused() -> None:
    """Only error, mean and first exist."""
    with pytest.raises(UsageError, match="'last'"):
        resolve(columns(*CLEAN), ("a", "b"), "last")


def test_rows_of_clusters_do_not_clash_with_the_row_of_the_whole_case() -> None:
    """A case may count for several clusters beside its own overall row."""
    table = Columns(case=["c"] * 3, variant=["a"] * 3, value=[1.0, 1.0, 0.0], cluster=[None, "k", "l"])
    assert not find(table)

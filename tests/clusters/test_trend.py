"""How a cluster moves from week to week, and the word for it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evalloop.clusters.trend import with_trends
from evalloop.records.cluster import Cluster, WeekShare

WEEK, BEFORE = "2026-W47", "2026-W46"


def at(week: str, share: float, se: float = 0.01, n: int = 100) -> WeekShare:
    """A share in a week, of 1,000 users."""
    return WeekShare(week, share, share - 2 * se, share + 2 * se, se, 1_000, n)


def moved(*weeks: WeekShare, first: bool = False) -> Cluster:
    """The only cluster, with these weeks."""
    (found,) = with_trends([Cluster("c-1", "links", weeks=weeks)], WEEK, first=first)
    return found


@pytest.mark.parametrize(("weeks", "trend"), [
    ((at(BEFORE, 0.10), at(WEEK, 0.20)), "growing"),
    ((at(BEFORE, 0.20), at(WEEK, 0.10)), "shrinking"),
    ((at(BEFORE, 0.10), at(WEEK, 0.11)), "steady"),
    ((at(BEFORE, 0.10), at(WEEK, 0.0, n=0)), "quiet"),
    ((at(BEFORE, 0.10),), "quiet"),
    ((at(WEEK, 0.10),), "new"),
    ((at("2026-W44", 0.1), at("2026-W45", 0, n=0), at(BEFORE, 0, n=0), at(WEEK, 0.1)), "back"),
    ((at("2026-W45", 0.1), at(BEFORE, 0, n=0), at(WEEK, 0.1)), "growing"),
])
def test_the_word_for_how_a_theme_moves(weeks: tuple[WeekShare, ...], trend: str) -> None:
    """Growing and shrinking need significance; back needs two weeks without a failure."""
    assert moved(*weeks).trend == trend


def test_nothing_is_new_where_nothing_was_known() -> None:
    """The first batch of all: what was there all the time is not called new."""
    assert moved(at(WEEK, 0.1), first=True).trend == ""
    assert moved(at(BEFORE, 0.1), at(WEEK, 0.2), first=True).trend == "growing"


def test_the_change_has_its_interval_and_p() -> None:
    """Two independent shares of standard error .01: the difference is .1 with error .0141."""
    found = moved(at(BEFORE, 0.10), at(WEEK, 0.20))
    assert found.change == pytest.approx(0.10)
    assert found.change_low == pytest.approx(0.10 - 1.96 * 0.0141421, abs=2e-3)
    assert found.change_high == pytest.approx(0.10 + 1.96 * 0.0141421, abs=2e-3)
    assert found.p is not None
    assert found.p < 1e-9
    assert moved(at(WEEK, 0.2)).change is None
    assert moved(replace(at(BEFORE, 0.1), se=None), at(WEEK, 0.2)).p is None


def test_many_themes_are_tested_together() -> None:
    """One change at p = .03 is growth alone, but not among forty themes that stood still."""
    one = Cluster("c-0", "x", weeks=(at(BEFORE, 0.10), at(WEEK, 0.10 + 2.17 * 0.0141421)))
    still = [Cluster(f"c-{number}", "y", weeks=(at(BEFORE, 0.1), at(WEEK, 0.1))) for number in range(1, 41)]
    assert with_trends([one], WEEK)[0].trend == "growing"
    found = with_trends([one, *still], WEEK)[0]
    assert (found.trend, found.p) == ("steady", pytest.approx(0.03, abs=2e-3))
    assert found.q is not None
    assert found.q > 0.05

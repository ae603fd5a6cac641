"""Shares of groups: weighted, counted over users, with an interval; severity and outcomes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalloop.clusters.measure import Sample, week_after, week_of
from evalloop.records.cluster import WeekShare
from evalloop.records.failure import Failure


def failures(count: int, *, users: int, weight: float = 1.0) -> list[Failure]:
    """Failures spread over users in turn."""
    return [Failure(f"f{n}", "text", weight=weight, user_key=f"u{n % users}") for n in range(count)]


def share(rows: Sequence[Failure], inside: Sequence[bool]) -> WeekShare:
    """The share of the rows that are inside, of all rows."""
    return Sample.of(rows).share("2026-W47", np.arange(len(rows)), np.array(inside, bool), 0.05)


def test_share_is_of_the_weight() -> None:
    """Twice the weight counts twice."""
    rows = [Failure("a", "x", 2.0, "u1"), Failure("b", "x", 1.0, "u2"), Failure("c", "x", 1.0, "u3")]
    assert share(rows, [True, False, False]).share == pytest.approx(0.5)


def test_one_user_with_many_failures_widens_the_interval() -> None:
    """The same counts from fewer users rest on a smaller effective n and give a wider interval."""
    inside = [n % 20 < 5 for n in range(200)]
    many, few = share(failures(200, users=200), inside), share(failures(200, users=20), inside)
    assert many.share == few.share == pytest.approx(0.25)
    assert few.high - few.low > 1.5 * (many.high - many.low)
    assert few.n_effective < many.n_effective
    assert (many.users, few.users, many.n) == (50, 5, 50)


def test_unknown_users_are_one_each() -> None:
    """A failure without a user key is its own unit."""
    rows = [Failure(f"f{n}", "x") for n in range(30)]
    assert share(rows, [True] * 10 + [False] * 20).users == 10


def test_too_few_users_leave_the_interval_open() -> None:
    """Under eight users no interval is claimed: it is 0 to 1."""
    found = share(failures(30, users=3), [n < 10 for n in range(30)])
    assert (found.low, found.high) == (0.0, 1.0)


def test_nothing_to_count_is_nothing() -> None:
    """No failures: share 0 and an open interval."""
    assert share([], []) == WeekShare("2026-W47", 0.0)


@given(st.lists(st.tuples(st.floats(0.01, 10), st.integers(0, 30), st.booleans()), min_size=1, max_size=80))
def test_share_and_interval_are_in_range(rows: list[tuple[float, int, bool]]) -> None:
    """Whatever the weights and users: 0 <= low <= share <= high <= 1, and groups sum to 1."""
    given_ = [Failure(f"f{n}", "x", weight, f"u{user}") for n, (weight, user, _) in enumerate(rows)]
    inside = [each for *_, each in rows]
    one, other = share(given_, inside), share(given_, [not each for each in inside])
    assert 0 <= one.low <= one.share + 1e-9
    assert one.share <= one.high + 1e-9
    assert one.high <= 1
    assert one.share + other.share == pytest.approx(1)


def test_severity_is_the_mean_probability_by_weight() -> None:
    """A member without a probability is left out; without any there is no severity."""
    rows = [replace(Failure("a", "x", 3.0), probability=0.9), replace(Failure("b", "x"), probability=0.5),
            Failure("c", "x", 9.0)]
    assert Sample.of(rows).severity(np.array([True, True, True])) == pytest.approx(0.8)
    assert Sample.of(rows).severity(np.array([False, False, True])) is None


def test_impact_compares_outcomes_inside_and_outside() -> None:
    """Bad outcomes inside against outside, over failures with a known one, with an interval of the difference."""
    rows = [replace(each, outcome="bad" if n < 30 or n % 10 == 0 else "good" if n % 3 else None)
            for n, each in enumerate(failures(200, users=200))]
    inside = np.arange(200) < 40
    found = Sample.of(rows).impact(inside, 0.05)
    assert found is not None
    assert found.inside > 0.75 > 0.25 > found.outside
    assert found.low is not None
    assert 0 < found.low < found.inside - found.outside < (found.high or 0)
    assert Sample.of(failures(9, users=9)).impact(np.arange(9) < 4, 0.05) is None


def test_weeks_count_on() -> None:
    """A week before and after, also over the turn of a long year."""
    assert week_after("2026-W53") == "2027-W01"
    assert week_after("2027-W01", -1) == "2026-W53"
    assert week_of("") == ""

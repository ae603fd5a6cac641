"""Themes told against themes asked for: z by hand, and what is believed."""

from __future__ import annotations

import pytest

from evalloop.clusters.arms import against_random
from evalloop.records.cluster import Cluster
from evalloop.records.failure import Failure


def failures(told: int, asked: int) -> tuple[list[Cluster], list[Failure]]:
    """100 failures told and 100 from the random ask, each of a user; so many of either in the theme."""
    found = [Failure(f"f{row}", "x", user_key=f"u{row}") for row in range(100)]
    found += [Failure(f"a{row}", "x", user_key=f"v{row}", random_weight=20.0, asked_only=True) for row in range(100)]
    inside = (*(f"f{row}" for row in range(told)), *(f"a{row}" for row in range(asked)))
    rest = tuple(each.failure_id for each in found if each.failure_id not in inside)
    return [Cluster("c1", "theme", member_ids=inside), Cluster("c2", "rest", member_ids=rest)], found


def test_a_theme_that_makes_people_click_is_named() -> None:
    """60 of 100 told, 20 of 100 asked: z = 0.4 / sqrt(0.24 / 99 + 0.16 / 99), and the random ask is believed."""
    check = against_random(*failures(60, 20))[0]
    assert (check.share, check.random, check.answers) == (pytest.approx(0.6), pytest.approx(0.2), 100)
    assert check.z == pytest.approx(0.4 / (0.40 / 99) ** 0.5)
    assert check.differs


def test_like_shares_are_no_sign_and_no_ask_is_no_check() -> None:
    """22 against 20 is noise; without a random ask nothing is said."""
    clusters, found = failures(22, 20)
    assert not against_random(clusters, found)[0].differs
    assert against_random(clusters, found[:100]) == []

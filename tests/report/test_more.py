"""What a comparison says beside delta and verdict: shares, repeats, length, cost, bounds, and many candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from evalloop.records.report import Score
from evalloop.report.compare import compare, compare_all
from evalloop.report.policy import Policy


def binary(wins: int, losses: int, ties: int, cluster: str) -> list[Score]:
    """Pass/fail scores of the variants a and b with so many wins, losses and ties (half of the ties pass)."""
    halves = [float(number % 2) for number in range(ties)]
    sides: dict[str, Sequence[float]] = {"a": [0.0] * wins + [1.0] * losses + halves,
                                         "b": [1.0] * wins + [0.0] * losses + halves}
    return [Score(f"{cluster}-{number}", name, value, cluster)
            for name, values in sides.items() for number, value in enumerate(values)]


def test_shares_weight_the_headline() -> None:
    """Two clusters, one better and one worse: what production is made of decides the sign."""
    scores = [*binary(30, 5, 65, "good"), *binary(5, 30, 65, "bad")]
    assert compare(scores, "a", "b").headline is None
    mostly_bad = compare(scores, "a", "b", shares={"good": 0.2, "bad": 0.6}, shares_source="themes").headline
    assert mostly_bad is not None
    assert mostly_bad.delta == pytest.approx(0.25 * 0.25 - 0.75 * 0.25)
    assert mostly_bad.cand - mostly_bad.base == pytest.approx(mostly_bad.delta)
    assert mostly_bad.interval is not None
    assert mostly_bad.interval[1] < 0
    by_policy = compare(scores, "a", "b", policy={"weights": {"good": 1, "elsewhere": 1}}, shares={"bad": 1}).headline
    assert by_policy is not None
    assert (by_policy.delta, by_policy.covered, by_policy.clusters) == (0.25, 0.5, 1)


def test_repeats_that_would_do_instead_of_cases() -> None:
    """Where most of the variance is between runs of one case, repeats decide; without repeats nobody can tell."""
    random = np.random.default_rng(1)
    scores = [Score(f"c{case}", name, float(random.random() < 0.5), "k", repeat)
              for case in range(400) for name in ("a", "b") for repeat in range(2)]
    delta = compare(scores, "a", "b", margin=0.05).clusters[0]
    assert delta.verdict == "not enough evidence"
    assert delta.needed is not None
    assert delta.needed_repeats is not None
    # all variance is chance, so n cases of K repeats are worth n * K of one
    assert delta.needed_repeats == pytest.approx(delta.needed * 2 / 400, rel=0.5)
    once = [score for score in scores if score.repeat == 0]
    assert compare(once, "a", "b", margin=0.05).clusters[0].needed_repeats is None


def test_length_cost_and_latency_stand_beside_the_delta() -> None:
    """Paired means over the cases that know them, with an interval; a column of zeros was not measured."""
    scores = [Score(f"c{case}", name, 1.0, "k", length=length, cost=0.0, latency=latency)
              for case in range(30) for name, length, latency in
              (("a", 100, 1.0 + case / 30), ("b", 140 + case % 3, None if case == 0 else 2.0 + case / 30))]
    delta = compare(scores, "a", "b").clusters[0]
    assert delta.length is not None
    assert (delta.length.base, delta.length.cand, delta.length.n) == (100, 141, 30)
    assert delta.latency is not None
    assert (delta.latency.n, delta.latency.delta) == (29, pytest.approx(1.0))
    assert delta.cost is None


def test_a_gain_that_is_only_length_shows_at_equal_length() -> None:
    """The delta is clear, that at equal length is not."""
    random = np.random.default_rng(6)
    scores = []
    for case in range(300):
        more = float(random.normal(200, 200))
        gain = 0.3 * float(np.tanh(more / 200)) + float(random.normal(0, 0.1))
        scores += [Score(f"c{case}", "a", 0.5, "k", length=500),
                   Score(f"c{case}", "b", 0.5 + gain, "k", length=500 + more)]
    delta = compare(scores, "a", "b").clusters[0]
    assert delta.p is not None
    assert delta.at_equal_length is not None
    assert delta.at_equal_length.p is not None
    assert delta.p < 1e-6 < 0.01 < delta.at_equal_length.p


def test_missing_scores_that_could_turn_a_verdict_are_told() -> None:
    """Twelve errors among fifty cases could hide anything; one among four hundred could not."""
    broken = [row for number in range(12) for row in
              (Score(f"x{number}", "a", 1.0, "k"), Score(f"x{number}", "b", None, "k", state="error"))]
    few = [*binary(12, 1, 37, "k"), *broken]
    delta = compare(few, "a", "b").clusters[0]
    assert (delta.verdict, delta.dropped) == ("improved", 12)
    assert delta.note == "12 dropped cases could turn this verdict"
    assert delta.bounds["worst"] == pytest.approx(-1 / 62)
    many = [*binary(60, 1, 340, "k"), Score("x", "a", 1.0, "k"), Score("x", "b", None, "k", state="error")]
    assert compare(many, "a", "b").clusters[0].note is None


def test_many_candidates_share_the_adjustment() -> None:
    """The same rows read three times: raw p-values stay, Holm counts all looks, overall rows are adjusted too."""
    scores = binary(12, 2, 60, "k") + binary(3, 3, 60, "l")
    more = [replace(score, variant=name) for score in scores if score.variant == "b" for name in "cd"]
    alone = compare(scores, "a", "b")
    three = compare_all([*scores, *more], "a", ["b", "c", "d"], policy=Policy())
    assert [each.candidate for each in three] == ["b", "c", "d"]
    assert three[0].clusters[0].p == alone.clusters[0].p
    assert alone.clusters[0].p_holm == pytest.approx(2 * alone.clusters[0].p)
    assert three[0].clusters[0].p_holm == pytest.approx(6 * alone.clusters[0].p)
    assert (alone.overall.p_holm, three[0].overall.p_holm) == (None, pytest.approx(3 * alone.overall.p))


def test_probability_better_is_for_people() -> None:
    """Closed form for pass and fail, Student's for graded scores; one half when nothing speaks either way."""
    assert compare(binary(12, 2, 6, "k"), "a", "b").overall.p_better == pytest.approx(0.9975, abs=1e-3)
    assert compare(binary(4, 4, 12, "k"), "a", "b").overall.p_better == pytest.approx(0.5)

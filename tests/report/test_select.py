"""Choosing among many: corrected quality, the Pareto front, production shares, and the cheapest good enough."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

from evalloop.errors import EmptyError, UsageError
from evalloop.records.report import Score
from evalloop.report.columns import Columns
from evalloop.report.policy import Policy
from evalloop.report.select import select

DATA = Path(__file__).parent.parent / "data" / "paired_scores"


def columns(values: Mapping[str, Sequence[float]], cost: Mapping[str, float] | None = None,
            cluster: str | None = None) -> Columns:
    """Scores of the variants on cases 0, 1, ..., each answer with the variant's cost."""
    return Columns.of(Score(f"c{number}", name, value, cluster, cost=(cost or {}).get(name))
                      for name, column in values.items() for number, value in enumerate(column))


def rates(n: int, **passing: float) -> dict[str, list[float]]:
    """Scores that pass on the first so many cases of n, shifted a little so that variants differ case by case."""
    return {name: [float((number * 7919 + len(name)) % n < share * n) for number in range(n)]
            for name, share in passing.items()}


def test_the_cheapest_that_is_shown_good_enough_is_taken() -> None:
    """The best costs tenfold; the second is within the margin; the third is cheap and bad."""
    scores = rates(800, best=0.80, good=0.79, bad=0.60)
    selection = select(columns(scores, {"best": 0.01, "good": 0.001, "bad": 0.0001}), list(scores), Policy())
    assert [choice.variant for choice in selection.choices] == ["best", "good", "bad"]
    assert (selection.chosen, selection.n) == ("good", 800)
    assert "cheapest of 2 that are good enough" in selection.reason
    assert [choice.enough for choice in selection.choices] == [True, True, False]
    assert [choice.front for choice in selection.choices] == [True, True, True]
    assert selection.choices[2].p_worse is not None
    assert selection.choices[2].p_worse < 1e-6
    assert select(columns(scores), list(scores), Policy()).chosen == "best"


def test_what_another_beats_on_everything_is_not_on_the_front() -> None:
    """Worse and dearer than the best."""
    scores = rates(400, best=0.8, worse=0.6)
    front = {choice.variant: choice.front for choice in
             select(columns(scores, {"best": 0.001, "worse": 0.002}), list(scores), Policy()).choices}
    assert front == {"best": True, "worse": False}


def test_production_shares_turn_the_order() -> None:
    """Good at the rare theme or good at the common one: shares decide; cases without a cluster that has one count 0."""
    scores = [Score(f"{cluster}{number}", name, float(number % 10 < level), cluster)
              for cluster, levels in (("rare", (9, 5)), ("common", (6, 7)))
              for number in range(100) for name, level in zip("ab", levels, strict=True)]
    table = Columns.of(scores)
    assert select(table, ["a", "b"], Policy()).choices[0].variant == "a"
    weighted = select(table, ["a", "b"], Policy(), shares={"rare": 0.05, "common": 0.6}, source="themes")
    assert weighted.choices[0].variant == "b"
    assert weighted.choices[0].quality == pytest.approx((0.05 * 0.5 + 0.6 * 0.7) / 0.65)
    assert weighted.weighting == "2 clusters by their share in production, from themes"


def test_the_winner_of_many_equals_claims_too_much_and_is_corrected() -> None:
    """Twelve variants of equal worth on 60 cases: the best looks points better, its corrected figure hardly does."""
    random = np.random.default_rng(0)
    raw, corrected = [], []
    for _ in range(60):
        hard = random.random(60)
        table = {f"v{number}": (random.random(60) < 0.4 + 0.4 * hard).astype(float).tolist() for number in range(12)}
        truth = float((0.4 + 0.4 * hard).mean())
        best = select(columns(table), list(table), Policy()).choices[0]
        raw.append(max(float(np.mean(column)) for column in table.values()) - truth)
        corrected.append(best.corrected - truth)
    assert np.mean(raw) > 0.08
    assert abs(float(np.mean(corrected))) < 0.035


def test_true_differences_survive_the_correction() -> None:
    """Ten points between neighbours over 800 cases: nothing is drawn together, and the best is surely the best."""
    scores = rates(800, a=0.9, bb=0.7, ccc=0.5)
    choices = select(columns(scores), list(scores), Policy()).choices
    assert [round(choice.corrected, 2) for choice in choices] == [0.9, 0.7, 0.5]
    assert choices[0].p_best > 0.99
    low, high = choices[0].corrected_interval or (0, 0)
    assert low < 0.9 < high


def test_livebench_cannot_tell_its_two_models_apart_for_certain() -> None:
    """The August model is the better one, and the May model is good enough within five points."""
    with (DATA / "livebench_gpt4o.csv").open(encoding="utf-8") as file:
        scores = [Score(row["question"], side, float(row[side]), row["task"])
                  for row in csv.DictReader(file) for side in ("base", "cand")]
    selection = select(Columns.of(scores), ["base", "cand"], Policy())
    assert selection.chosen == "cand"
    assert selection.choices[1].p_worse == pytest.approx(0.0405, abs=5e-5)
    assert selection.choices[1].enough
    assert 0.9 < selection.choices[0].p_best < 1


def test_only_common_cases_count_and_two_are_needed() -> None:
    """A case that one variant lacks is left out for all, and counted."""
    table = Columns.of([Score("c1", "a", 1.0), Score("c2", "a", 0.0), Score("c3", "a", 1.0),
                        Score("c1", "b", 1.0), Score("c2", "b", None), Score("c3", "b", 0.0)])
    selection = select(table, ["a", "b"], Policy())
    assert (selection.n, selection.dropped) == (2, 1)
    with pytest.raises(EmptyError, match="fewer than two cases"):
        select(Columns.of([Score("c1", "a", 1.0), Score("c2", "b", 1.0)]), ["a", "b"], Policy())
    with pytest.raises(UsageError, match="no row of variant 'z'"):
        select(table, ["a", "z"], Policy())

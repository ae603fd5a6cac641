"""Planning: published sample sizes, clusters that can never decide, and effects by the number of repeats."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalloop.records.report import Score
from evalloop.report.columns import Columns
from evalloop.report.policy import Policy
from evalloop.report.power import plan_from_counts, plan_from_pairs

DATA = Path(__file__).parent.parent / "data" / "paired_scores"


def test_published_numbers_of_pairs() -> None:
    """Discordance 20 %: 621 cases find five points, 150 find ten, 495 show no worse by five (the whole, full level)."""
    row = plan_from_counts({"k": 40}, Policy()).rows[0]
    assert (row.needed["0.05"], row.needed["0.1"], row.no_worse) == (621, 150, 495)
    assert plan_from_counts({"k": 40}, Policy(), discordance=0.3).rows[0].needed["0.2"] == 52


def test_matharena_by_repeats() -> None:
    """Fifteen questions of AIME II: MDE80 with 1, 2, 4, 8 repeats is .33 .25 .20 .17."""
    with (DATA / "matharena_aime_II.csv").open(encoding="utf-8") as file:
        scores = [Score(row["question"], model, float(row[model]), repeat=row["run"])
                  for row in csv.DictReader(file) for model in ("o1_medium", "o3_mini_high")]
    plan = plan_from_pairs(Columns.of(scores), "o1_medium", "o3_mini_high", Policy())
    assert {name: round(value, 2) for name, value in plan.repeats.items()} == {
        "1": 0.33, "2": 0.25, "4": 0.20, "8": 0.17}
    assert plan.repeats["4"] == pytest.approx(plan.rows[0].mde80)


def test_clusters_that_can_never_decide() -> None:
    """Four cases never reach 5 %; ten of which two change hardly ever do; the target needs fewer than the others."""
    rows = {row.cluster: row for row in plan_from_counts({"four": 4, "ten": 10, "many": 400}, Policy()).rows}
    assert rows["four"].never == "can never decide: 6 changed cases are needed, there are 4 cases"
    assert rows["ten"].never == "will hardly ever decide: 6 changed cases are needed, about 2.0 of 10 change"
    assert rows["many"].never is None
    target = plan_from_counts({"four": 4, "ten": 10, "many": 400}, Policy(target="ten")).rows
    levels = {row.cluster: row.level for row in target}
    assert (levels[None], levels["ten"], levels["many"]) == (0.05, 0.05, 0.025)


def test_no_rate_can_change_by_more_than_1() -> None:
    """A smallest delta above 1 is none: said as a reason, left out of the repeats; other scales have no such limit."""
    few = plan_from_counts({"one": 1, "many": 400}, Policy(), discordance=0.5).rows
    assert {row.cluster: row.mde80 is None for row in few} == {None: False, "one": True, "many": False}
    scores = [Score(f"case{number}", name, float((name == "a") == (number % 2 > 0)), repeat=repeat)
              for number in range(6) for name in "ab" for repeat in (1, 2)]
    wide = [replace(each, value=5 * (each.value or 0)) for each in scores]
    (row,) = plan_from_pairs(Columns.of(scores), "a", "b", Policy()).rows
    assert row.mde80 is None
    assert row.never == "will hardly ever decide: 6 cases that vary so find no delta with 80 % power"
    assert not plan_from_pairs(Columns.of(scores), "a", "b", Policy()).repeats
    (row,) = plan_from_pairs(Columns.of(wide), "a", "b", Policy()).rows
    assert row.mde80 is not None
    assert row.mde80 > 1


def test_quiet_clusters_are_not_taken_for_certain() -> None:
    """A cluster in which nothing changed borrows from the whole, so that its numbers are finite and not zero."""
    scores = [Score(f"{cluster}{number}", name, float(name == "a" or number % 3 > 0 or cluster == "quiet"), cluster)
              for cluster in ("quiet", "loud") for number in range(30) for name in "ab"]
    rows = {row.cluster: row for row in plan_from_pairs(Columns.of(scores), "a", "b", Policy()).rows}
    assert 0 < rows["quiet"].changing < rows[None].changing < rows["loud"].changing
    assert rows["quiet"].needed["0.05"] < rows["loud"].needed["0.05"]


@settings(deadline=None, max_examples=40)
@given(st.floats(0.05, 0.6), st.sampled_from([0.05, 0.1, 0.2]))
def test_more_cases_are_needed_for_smaller_effects_and_more_noise(discordance: float, effect: float) -> None:
    """Monotone in the effect and in the share of changing cases, never fewer than the effect itself makes change."""
    plan = plan_from_counts({"k": 10}, Policy(), discordance=discordance, effects=(effect / 2, effect))
    small, large = plan.rows[0].needed.values()
    assert small > large
    noisier = plan_from_counts({"k": 10}, Policy(), discordance=min(1.0, discordance + 0.3), effects=(effect,))
    assert next(iter(noisier.rows[0].needed.values())) >= large


def test_the_needed_cases_find_the_effect_in_four_samples_of_five() -> None:
    """Simulated: with the planned number of pairs McNemar's mid-p lies under 5 % about 80 % of the time."""
    from evalloop import stats

    n = plan_from_counts({"k": 1}, Policy(), discordance=0.3, effects=(0.1,)).rows[0].needed["0.1"]
    random = np.random.default_rng(1)
    table = random.multinomial(n, [0.2, 0.1, 0.7], size=600)
    found = np.mean([stats.mcnemar_midp(int(lost), int(won)) < 0.05 for won, lost, _ in table])
    assert found == pytest.approx(0.8, abs=0.05)

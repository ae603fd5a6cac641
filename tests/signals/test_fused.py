"""The fused score: the prior is the old rule, a fitted model is calibrated on unseen users, votes never leak."""

from __future__ import annotations

from math import log
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalloop.records.fused import FusedModel, SurfaceModel
from evalloop.records.signal import Signal
from evalloop.records.turn import Turn
from evalloop.signals.failures import failures
from evalloop.signals.fused import Evidence, FitOptions, evidence_of, fit, fits, labels_of, score
from evalloop.signals.report import reviewed


def said(response: str, detector: str, value: float, weight: float = 0.5, kind: str = "implicit") -> Signal:
    """A signal on a response."""
    return Signal(f"{detector}-{response}", f"{detector}@1", kind, value, weight, "2026-01-05T00:00:00Z", response)


def world(n: int = 3000, users: int = 150, seed: int = 0) -> tuple[list[Turn], list[Signal], np.ndarray]:
    """Turns with a true chance of failure; regenerate and copy tell of it, thumbs are cast on a third."""
    rng = np.random.default_rng(seed)
    bad = rng.random(n) < 0.25
    again, copied = rng.random(n) < np.where(bad, 0.5, 0.1), rng.random(n) < np.where(bad, 0.1, 0.4)
    votes = rng.random(n) < 0.33
    turns = [Turn(f"r{row}", f"s{row}", f"u{row % users}", "2026-01-05T00:00:00Z") for row in range(n)]
    signals = [said(f"r{row}", "regenerate", -1, 0.3) for row in np.flatnonzero(again)]
    signals += [said(f"r{row}", "copy", 1) for row in np.flatnonzero(copied)]
    signals += [said(f"r{row}", "thumbs", -1 if bad[row] else 1, 1.0, "explicit") for row in np.flatnonzero(votes)]
    return turns, signals, bad


@given(st.lists(st.tuples(st.sampled_from(["explicit", "implicit", "outcome"]), st.floats(-1, 1), st.floats(0.01, 1)),
                min_size=1, max_size=6))
def test_prior_is_the_rule_of_the_weighed_sum(given_signals: list[tuple[str, float, float]]) -> None:
    """Without a model a turn is above 0.5 exactly when the sum of polarity x weight lies below 0."""
    signals = [said("r1", f"d{place}", value, weight, kind)
               for place, (kind, value, weight) in enumerate(given_signals)]
    total = sum(each.polarity * each.weight for each in signals)
    chance = score([Turn("r1", None, None, "")], evidence_of(signals), None)["r1"].probability
    if abs(total) > 1e-9:
        assert chance is not None
        assert (chance > 0.5) == (total < 0)


def test_prior_odds_are_those_documented() -> None:
    """A thumb down is 4 : 1 for failure, a copy in full 2 : 1 against; without evidence nothing is said."""
    turns = [Turn(name, None, None, "") for name in ("down", "copy", "silent")]
    signals = [said("down", "thumbs", -1, 1.0, "explicit"), said("copy", "copy", 1, 0.5)]
    found = score(turns, evidence_of(signals), None)
    assert found["down"].probability == pytest.approx(4 / 5)
    assert found["copy"].probability == pytest.approx(1 / 3)
    assert (found["silent"].probability, found["silent"].blind) == (None, None)


def test_fitted_score_is_calibrated_on_all_turns() -> None:
    """Fitted on the third that voted, it is right on those that did not: predicted and true shares agree."""
    turns, signals, bad = world()
    evidence = evidence_of(signals)
    model = fit(turns, evidence, labels_of(turns, evidence, {}), ["copy@1", "regenerate@1", "thumbs@1"])
    (surface,) = model.surfaces
    assert surface.brier < 0.93 * surface.brier_base
    assert abs(surface.brier_isotonic - surface.brier) < 0.01
    assert surface.auc_interval[0] > 0.7
    scores = score(turns, evidence, model)
    blind = np.array([scores[turn.response_id].blind for turn in turns])
    for low in (0.0, 0.1, 0.5):
        inside = (blind >= low) & (blind < low + 0.3)
        assert bad[inside].mean() == pytest.approx(blind[inside].mean(), abs=0.06)
    assert set(surface.coefficients) == {"copy@1+", "regenerate@1-"}


def test_votes_never_explain_themselves() -> None:
    """Turning every vote changes the labels, but not one feature; the blind score of a voted turn ignores its vote."""
    turns, signals, _ = world(400)
    turned = [said(each.response_id or "", "thumbs", -each.polarity, 1.0, "explicit")
              if each.kind == "explicit" else each for each in signals]
    one, other = evidence_of(signals), evidence_of(turned)
    assert {name: each.features for name, each in one.items()} == {name: each.features for name, each in other.items()}
    model = FusedModel("v", "", ("copy@1",), (SurfaceModel("", -1.0, {"copy@1+": -2.0}, 1, 1, 1, 0, 0, 0, None),))
    first, second = score(turns, one, model), score(turns, other, model)
    assert all(first[turn.response_id].blind == second[turn.response_id].blind for turn in turns)


def test_a_vote_takes_the_place_of_the_base_rate() -> None:
    """A thumb down is above 0.5 however rare failures are; what the user did moves it by the learned ratio."""
    model = FusedModel("v", "", ("copy@1",), (
        SurfaceModel("", log(0.05 / 0.95), {"copy@1+": -2.0}, 1, 1, 1, 0, 0, 0, None),))
    turns = [Turn(name, None, None, "") for name in ("down", "both", "copy", "silent")]
    down = [said(name, "thumbs", -1, 1.0, "explicit") for name in ("down", "both")]
    found = score(turns, evidence_of([*down, said("both", "copy", 1), said("copy", "copy", 1)]), model)
    assert found["silent"].probability == pytest.approx(0.05)
    assert found["down"].probability == pytest.approx(0.8)
    assert found["both"].probability == pytest.approx(1 / (1 + np.exp(1) / 4))
    assert found["copy"].probability < 0.05


def test_surfaces_get_a_model_where_labels_suffice() -> None:
    """A surface with many labels has its own, one with few uses all together; no labels at all: told why."""
    from evalloop.testing import make_generation

    turns, signals, _ = world(1500)
    placed = [Turn(turn.response_id, turn.session_id, turn.user_key, turn.occurred_at, generation=make_generation(
        turn.response_id, context={"surface": "chat" if place > 60 else "mail"})) for place, turn in enumerate(turns)]
    evidence = evidence_of(signals)
    model = fit(placed, evidence, labels_of(placed, evidence, {}), ["copy@1"])
    assert [each.surface for each in model.surfaces] == ["", "chat"]
    assert "it takes 200" in model.skipped["mail"]
    nothing = fit(placed, evidence, {}, ["copy@1"])
    assert (nothing.surfaces, list(nothing.skipped)) == ((), [""])
    assert FusedModel.from_dict(model.to_dict()) == model


def test_a_useless_model_is_not_kept() -> None:
    """Acts that have nothing to do with the votes: no model, for it knows no more than the base rate."""
    rng = np.random.default_rng(4)
    turns = [Turn(f"r{row}", None, f"u{row % 50}", "") for row in range(400)]
    evidence = {turn.response_id: Evidence({"copy@1+": float(rng.random() < 0.5)}) for turn in turns}
    labels = {turn.response_id: int(rng.random() < 0.5) for turn in turns}
    model = fit(turns, evidence, labels, ["copy@1"], FitOptions())
    assert model.surfaces == ()
    assert "no better than the base rate" in model.skipped[""]


def test_a_model_is_out_of_date_when_a_detector_changed() -> None:
    """Coefficients of copy@1 mean nothing to copy@2."""
    model = FusedModel("v", "", ("copy@1",))
    assert fits(model, ["copy@1", "new@1"])
    assert not fits(model, ["copy@2"])


def test_failures_carry_their_probability(programmers: Any) -> None:
    """On real data: every failure has one above the threshold, and a higher threshold leaves fewer."""
    joined, signals = programmers
    every = [each for found in signals.values() for each in found]
    found = list(failures(joined.turns, every))
    assert found
    assert all(each.probability > 0.5 for each in found)
    assert 0 < len(list(failures(joined.turns, every, threshold=0.65))) < len(found)


def test_real_reviewers_fit_a_model(dialogues: Any) -> None:
    """In the dialogues reviewers judged 584 answers: what users wrote next predicts that on dialogues not seen."""
    joined, signals = dialogues
    evidence = evidence_of(each for found in signals.values() for each in found)
    labels = labels_of(joined.turns, evidence, reviewed(joined.turns))
    model = fit(joined.turns, evidence, labels, list(signals))
    surface = model.surfaces[0]
    assert surface.labels > 550
    assert surface.auc > 0.7
    assert surface.brier < 0.85 * surface.brier_base

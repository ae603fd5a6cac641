"""The fused score: the prior is the old rule, a fitted model is calibrated on unseen users, votes never leak."""

from __future__ import annotations

import random
from collections.abc import Sequence
from math import log
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalloop.records.fused import FusedModel, SurfaceModel
from evalloop.records.signal import Signal
from evalloop.signals import evalloop_detectors
from evalloop.signals.build import arrow_schema
from evalloop.signals.derive import derive, together
from evalloop.signals.fused import FitOptions, fit, fits
from evalloop.signals.labels import labelled
from evalloop.signals.scored import judged_apart, scores
from evalloop.signals.weighted import TrustOptions, weigh_evidence
from evalloop.testing import evidence_of, make_generation

from .conftest import real_events


def said(response: str, detector: str, value: float, weight: float = 0.5, kind: str = "implicit") -> Signal:
    """A signal on a response."""
    return Signal(f"{detector}-{response}", f"{detector}@1", kind, value, weight, "2026-01-05T00:00:00Z", response)


def world(n: int = 3000, users: int = 150, seed: int = 0, few: int = 0) -> tuple[Any, list[Signal], np.ndarray]:
    """Answers with a true chance of failure; regenerate and copy tell of it, thumbs are cast on a third.

    The first ``few`` are on the surface mail, the others on chat.
    """
    rng = np.random.default_rng(seed)
    bad = rng.random(n) < 0.25
    again, copied = rng.random(n) < np.where(bad, 0.5, 0.1), rng.random(n) < np.where(bad, 0.1, 0.4)
    votes = rng.random(n) < 0.33
    turns = evidence_of([make_generation(
        f"r{row}", row, session=f"s{row}", user=f"u{row % users}",
        context={"surface": "mail" if row < few else "chat"}) for row in range(n)])
    signals = [said(f"r{row}", "regenerate", -1, 0.3) for row in np.flatnonzero(again)]
    signals += [said(f"r{row}", "copy", 1) for row in np.flatnonzero(copied)]
    signals += [said(f"r{row}", "thumbs", -1 if bad[row] else 1, 1.0, "explicit") for row in np.flatnonzero(votes)]
    return turns, signals, bad


def answers(names: Sequence[str]) -> Any:
    """An answer of each name, to a user of its own."""
    return evidence_of([make_generation(name, second, user=f"u{second}") for second, name in enumerate(names)])


def judged(evidence: Any, signals: Sequence[Signal]) -> Any:
    """The signals as the engine holds them."""
    engine, schema = evidence.engine, arrow_schema()
    rows = [{**each.to_dict(), "at_us": 0, "day": 0} for each in signals]
    return judged_apart(engine, engine.rows([pa.Table.from_pylist(rows, schema=schema)], schema), ())


def fitted(evidence: Any, signals: Sequence[Signal], options: FitOptions | None = None) -> FusedModel:
    """The model by these signals."""
    return fit(labelled(evidence, judged(evidence, signals)), ["copy@1", "regenerate@1", "thumbs@1"], options)


def scores_of(evidence: Any, signals: list[Signal], model: FusedModel | None = None) -> dict[str, dict[str, Any]]:
    """The scores of all answers by these signals."""
    return {row["response_id"]: row for row in evidence.engine.records(
        scores(evidence, judged(evidence, signals), model))}


@given(st.lists(st.lists(st.tuples(st.sampled_from(["explicit", "implicit", "outcome"]), st.floats(-1, 1),
                                   st.floats(0.01, 1)), min_size=1, max_size=6), min_size=30, max_size=30))
@settings(max_examples=8, deadline=None)
def test_prior_is_the_rule_of_the_weighed_sum(told: list[list[tuple[str, float, float]]]) -> None:
    """Without a model a turn is above 0.5 exactly when the sum of polarity x weight lies below 0."""
    signals = [said(f"r{turn}", f"d{place}", value, weight, kind) for turn, many in enumerate(told)
               for place, (kind, value, weight) in enumerate(many)]
    found = scores_of(answers([f"r{turn}" for turn in range(30)]), signals)
    for turn, many in enumerate(told):
        total = sum(value * weight for _, value, weight in many)
        if abs(total) > 1e-5:
            assert (found[f"r{turn}"]["probability"] > 0.5) == (total < 0)


def test_prior_odds_are_those_documented() -> None:
    """A thumb down is 4 : 1 for failure, a copy in full 2 : 1 against; without evidence nothing is said."""
    signals = [said("down", "thumbs", -1, 1.0, "explicit"), said("copy", "copy", 1, 0.5)]
    found = scores_of(answers(("down", "copy", "silent")), signals)
    assert found["down"]["probability"] == pytest.approx(4 / 5)
    assert found["copy"]["probability"] == pytest.approx(1 / 3)
    assert (found["silent"]["probability"], found["silent"]["blind"]) == (None, None)


def test_fitted_score_is_calibrated_on_all_turns() -> None:
    """Fitted on the third that voted, it is right on those that did not: predicted and true shares agree."""
    evidence, signals, bad = world()
    model = fitted(evidence, signals)
    (surface,) = model.surfaces
    assert surface.brier < 0.93 * surface.brier_base
    assert abs(surface.brier_isotonic - surface.brier) < 0.01
    assert surface.auc_interval[0] > 0.7
    found = scores_of(evidence, signals, model)
    blind = np.array([found[f"r{row}"]["blind"] for row in range(len(bad))])
    for low in (0.0, 0.1, 0.5):
        inside = (blind >= low) & (blind < low + 0.3)
        assert bad[inside].mean() == pytest.approx(blind[inside].mean(), abs=0.06)
    assert set(surface.coefficients) == {"copy@1+", "regenerate@1-"}


def test_votes_never_explain_themselves() -> None:
    """Turning every vote changes the labels, but not one feature; the blind score of a voted turn ignores its vote."""
    evidence, signals, bad = world(400)
    turned = [said(each.response_id or "", "thumbs", -each.polarity, 1.0, "explicit")
              if each.kind == "explicit" else each for each in signals]
    one, other = labelled(evidence, judged(evidence, signals)), labelled(evidence, judged(evidence, turned))
    assert len(one.bad) > 100
    assert (one.bad == 1 - other.bad).all()
    assert one.names == other.names == ("copy@1+", "regenerate@1-")
    assert (one.table == other.table).all()
    model = FusedModel("v", "", ("copy@1",), (SurfaceModel("", -1.0, {"copy@1+": -2.0}, 1, 1, 1, 0, 0, 0, None),))
    first, second = scores_of(evidence, signals, model), scores_of(evidence, turned, model)
    assert all(first[f"r{row}"]["blind"] == second[f"r{row}"]["blind"] for row in range(len(bad)))
    assert first != second


def test_a_vote_takes_the_place_of_the_base_rate() -> None:
    """A thumb down is above 0.5 however rare failures are; what the user did moves it by the learned ratio."""
    model = FusedModel("v", "", ("copy@1",), (
        SurfaceModel("", log(0.05 / 0.95), {"copy@1+": -2.0}, 1, 1, 1, 0, 0, 0, None),))
    down = [said(name, "thumbs", -1, 1.0, "explicit") for name in ("down", "both")]
    found = scores_of(answers(("down", "both", "copy", "silent")),
                      [*down, said("both", "copy", 1), said("copy", "copy", 1)], model)
    assert found["silent"]["probability"] == pytest.approx(0.05)
    assert found["down"]["probability"] == pytest.approx(0.8)
    assert found["both"]["probability"] == pytest.approx(1 / (1 + np.exp(1) / 4))
    assert found["copy"]["probability"] < 0.05


def test_surfaces_get_a_model_where_labels_suffice() -> None:
    """A surface with many labels has its own, one with few uses all together; no labels at all: told why."""
    evidence, signals, _ = world(1500, few=61)
    model = fitted(evidence, signals)
    assert [each.surface for each in model.surfaces] == ["", "chat"]
    assert "it takes 200" in model.skipped["mail"]
    nothing = fitted(evidence, [each for each in signals if each.kind == "implicit"])
    assert (nothing.surfaces, list(nothing.skipped)) == ((), [""])
    assert FusedModel.from_dict(model.to_dict()) == model


def test_a_useless_model_is_not_kept() -> None:
    """Acts that have nothing to do with the votes: no model, for it knows no more than the base rate."""
    rng = np.random.default_rng(4)
    evidence, _, _ = world(400, users=50)
    signals = [said(f"r{row}", "copy", 1, 1.0) for row in np.flatnonzero(rng.random(400) < 0.5)]
    signals += [said(f"r{row}", "thumbs", -1 if bad else 1, 1.0, "explicit")
                for row, bad in enumerate(rng.random(400) < 0.5)]
    model = fitted(evidence, signals)
    assert model.surfaces == ()
    assert "no better than the base rate" in model.skipped[""]


def test_a_model_is_out_of_date_when_a_detector_changed() -> None:
    """Coefficients of copy@1 mean nothing to copy@2."""
    model = FusedModel("v", "", ("copy@1",))
    assert fits(model, ["copy@1", "new@1"])
    assert not fits(model, ["copy@2"])


def test_failures_carry_their_probability() -> None:
    """On real data: every failure has one above the threshold, and a higher threshold leaves fewer."""
    evidence: Any = evidence_of(real_events("realhumaneval"))
    signals = derive(evidence, evalloop_detectors())
    found = weigh_evidence(evidence, signals).failures
    assert found
    assert all(each.probability > 0.5 for each in found)
    assert 0 < len(weigh_evidence(evidence, signals, None, TrustOptions(threshold=0.65)).failures) < len(found)


def test_real_reviewers_fit_a_model(dialogues: Any) -> None:
    """In the dialogues reviewers judged 584 answers: what users wrote next predicts that on dialogues not seen."""
    _, signals = dialogues
    evidence = evidence_of(real_events("ukp"))
    told = judged(evidence, [each for found in signals.values() for each in found])
    surface = fit(labelled(evidence, told), list(signals)).surfaces[0]
    assert surface.labels > 550
    assert surface.auc > 0.7
    assert surface.brier < 0.85 * surface.brier_base


def test_order_of_events_does_not_matter() -> None:
    """Real dialogues, their events in other orders: the same rows, and a model of the same version (a hash of it)."""
    events, rows, models = real_events("ukp")[5000:6500], [], []
    for seed in range(3):
        evidence: Any = evidence_of(random.Random(seed).sample(events, len(events)))
        signals = derive(evidence, [each for each in evalloop_detectors() if each.name in ("reply", "thumbs")])
        rows.append(labelled(evidence, judged_apart(evidence.engine, together(signals), ())))
        models.append(fit(rows[-1], list(signals), FitOptions(50, 10, 5)))
    for found in rows[1:]:
        assert found.names == rows[0].names
        for name in ("table", "bad", "units", "folds"):
            assert (getattr(found, name) == getattr(rows[0], name)).all()
    assert models[0].surfaces
    assert len({model.version for model in models}) == 1

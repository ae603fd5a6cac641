"""The fused failure score: one probability per turn that it let its user down, from the outputs of all detectors.

Where labels are many, a logistic regression of what users did (implicit detectors) on what users and reviewers said and
what came of it, fitted for each surface. Where they are few, the prior: log odds = -ln 4 x the sum of polarity x
weight, so a thumb down is 4 : 1 for failure and a copy in full 2 : 1 against it.

Explicit signals are labels, never features: a vote cannot explain itself. On a turn that has votes or outcomes these
take the place of the base rate, with the odds of the prior.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

from evalloop.records.fused import Bin, FusedModel, SurfaceModel
from evalloop.records.signal import Signal
from evalloop.records.times import now_text
from evalloop.records.turn import Turn
from evalloop.signals.population import surface_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

PRIOR = log(4)
"""Log odds of failure for one unit of evidence against an answer: a guess until labels say better."""
LABELS = ("thumbs", "rating", "correction", "outcome")
FOLDS = 5
CHANCE = 0.5
"""AUC of a coin."""


@dataclass(frozen=True)
class FitOptions:
    """Fewest labelled turns, turns of each label, and users for a model of its own; ``ridge`` holds it back."""

    labels: int = 200
    each: int = 30
    users: int = 20
    ridge: float = 1.0


@dataclass(frozen=True)
class Score:
    """``probability`` of failure by all evidence, ``unasked`` without the answers to random asks, ``blind`` without
    votes and outcomes; None where nothing says it."""

    probability: float | None
    blind: float | None
    unasked: float | None = None


@dataclass(frozen=True)
class Evidence:
    """What speaks of one turn: the ``features`` that implicit detectors give, and ``labelled``, the sum of polarity x
    weight of votes, corrections and outcomes."""

    features: Mapping[str, float]
    labelled: float = 0.0


NOTHING = Evidence({})


# ---- evidence --------------------------------------------------------------------------------------------------------


def evidence_of(signals: Iterable[Signal]) -> dict[str, Evidence]:
    """The evidence on each response that has some; signals of weight 0 are none."""
    features: defaultdict[str, defaultdict[str, float]] = defaultdict(lambda: defaultdict(float))
    labelled: defaultdict[str, float] = defaultdict(float)
    for each in signals:
        value = each.polarity * each.weight
        if each.response_id is None or not value:
            continue
        if each.kind == "implicit":
            features[each.response_id][f"{each.detector}{'+' if value > 0 else '-'}"] += abs(value)
        elif each.detector.partition("@")[0] in LABELS:
            labelled[each.response_id] += value
    return {name: Evidence(dict(features.get(name, {})), labelled.get(name, 0.0))
            for name in {**features, **labelled}}


def labels_of(turns: Iterable[Turn], evidence: Mapping[str, Evidence],
              judged: Mapping[str, float]) -> dict[str, int]:
    """1 for a turn that let its user down by votes, corrections, outcomes and reviewers together, 0 for a good one.

    ``judged`` are reviewers' scores from -0.5 to 0.5; a turn on which the labels cancel out has none.
    """
    found = {}
    for turn in turns:
        value = evidence.get(turn.response_id, NOTHING).labelled + judged.get(turn.response_id, 0.0)
        if value:
            found[turn.response_id] = int(value < 0)
    return found


def fits(model: FusedModel, detectors: Iterable[str]) -> bool:
    """Whether the model was fitted on these versions of the detectors."""
    return set(model.detectors) <= set(detectors)


# ---- fitting ---------------------------------------------------------------------------------------------------------


def fit(turns: Sequence[Turn], evidence: Mapping[str, Evidence], labels: Mapping[str, int],
        detectors: Sequence[str], options: FitOptions | None = None) -> FusedModel:
    """A model for each surface with enough labels, and one for all together (surface ""); the others are skipped.

    A model that predicts users it has not seen no better than the base rate is skipped too.
    """
    options = options or FitOptions()
    groups: defaultdict[str, list[Turn]] = defaultdict(list)
    for turn in turns:
        if turn.response_id in labels:
            groups[""].append(turn)
            groups[surface_of(turn)].append(turn)
    if len(groups) == 2:  # one surface: the model of all is its model
        groups = defaultdict(list, {"": groups[""]})
    fitted, skipped = [], {}
    for surface, members in sorted(groups.items()):
        found = _fit_surface(surface, members, evidence, labels, options)
        if isinstance(found, str):
            skipped[surface] = found
        else:
            fitted.append(found)
    if not groups:
        skipped[""] = "no turn has a vote, a correction, an outcome or a reviewer's judgment"
    surfaces = tuple(fitted)
    text = json.dumps([each.to_dict() for each in surfaces], sort_keys=True)
    return FusedModel(hashlib.sha256(text.encode()).hexdigest()[:12], now_text(), tuple(sorted(detectors)), surfaces,
                      skipped)


def _fit_surface(surface: str, turns: Sequence[Turn], evidence: Mapping[str, Evidence], labels: Mapping[str, int],
                 options: FitOptions) -> SurfaceModel | str:
    """The model, or why there is none."""
    import numpy as np

    from evalloop import stats

    found = [evidence.get(turn.response_id, NOTHING).features for turn in turns]
    bad = np.array([labels[turn.response_id] for turn in turns], np.float64)
    users = [turn.user_key or turn.session_id or turn.response_id for turn in turns]
    names = sorted({name for each in found for name in each})
    why = _too_few(bad, users, names, options)
    if why:
        return why
    table = np.array([[each.get(name, 0.0) for name in names] for each in found])
    folds = np.array([int(hashlib.sha256(user.encode("utf-8", "replace")).hexdigest(), 16) % FOLDS for user in users])
    predicted, base = _out_of_fold(table, bad, folds, options)
    brier, brier_base = stats.brier(predicted, bad), stats.brier(base, bad)
    area = stats.auc(predicted, bad, units=users)
    if brier >= brier_base or (area.interval and area.interval.low <= CHANCE):
        return (f"no better than the base rate on unseen users (Brier {brier:.4f} against {brier_base:.4f}, "
                f"AUC {area.auc:.2f})")
    model = stats.fit_logistic(table, bad, ridge=options.ridge)
    return SurfaceModel(
        surface=surface, intercept=model.intercept, coefficients=dict(zip(names, model.coefficients, strict=True)),
        labels=len(turns), bad=int(bad.sum()), users=len(set(users)), brier=brier, brier_base=brier_base,
        brier_isotonic=stats.brier(_recalibrated(predicted, bad, folds), bad), auc=area.auc,
        auc_interval=_pair(area.interval),
        reliability=tuple(Bin(each.low, each.high, each.n, each.predicted, each.observed,
                              _pair(each.interval))
                          for each in stats.reliability(predicted, bad, units=users)))


def _pair(interval: tuple[float, float] | None) -> tuple[float, float] | None:
    return (interval[0], interval[1]) if interval else None


def _too_few(bad: Floats, users: Sequence[str], names: Sequence[str], options: FitOptions) -> str:
    n, worse = bad.size, int(bad.sum())
    if n < options.labels or min(worse, n - worse) < options.each or len(set(users)) < options.users:
        return (f"{n} labels ({worse} bad, {n - worse} good) of {len(set(users))} users; it takes {options.labels} "
                f"with {options.each} of each, of {options.users} users")
    return "" if names else "no implicit detector speaks of a labelled turn"


def _out_of_fold(table: Floats, bad: Floats, folds: NDArray[np.int64], options: FitOptions) -> tuple[Floats, Floats]:
    """(predictions of the model, of the base rate) for each row by fits that saw none of its user's rows."""
    import numpy as np

    from evalloop import stats

    predicted, base = np.empty(bad.size), np.empty(bad.size)
    for fold in range(FOLDS):
        held = folds == fold
        train = bad[~held]
        rate = float(train.mean()) if train.size else 0.5
        base[held] = predicted[held] = rate
        if held.any() and 0 < rate < 1:
            model = stats.fit_logistic(table[~held], train, ridge=options.ridge)
            predicted[held] = stats.predict_logistic(model, table[held])
    return predicted, base


def _recalibrated(predicted: Floats, bad: Floats, folds: NDArray[np.int64]) -> Floats:
    """Isotonic recalibration of each fold by the others' predictions."""
    import numpy as np

    from evalloop import stats

    found = predicted.copy()
    for fold in range(FOLDS):
        held = folds == fold
        if held.any() and not held.all():
            found[held] = np.clip(stats.isotonic(predicted[~held], bad[~held], predicted[held]), 0, 1)
    return found

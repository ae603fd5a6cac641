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
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import log
from typing import TYPE_CHECKING

from evalloop.records.fused import Bin, FusedModel, SurfaceModel
from evalloop.records.times import now_text
from evalloop.signals.labels import FOLDS

if TYPE_CHECKING:
    from evalloop.signals.heard import Floats
    from evalloop.signals.labels import Labelled

PRIOR = log(4)
"""Log odds of failure for one unit of evidence against an answer: a guess until labels say better."""
CHANCE = 0.5
"""AUC of a coin."""


@dataclass(frozen=True)
class FitOptions:
    """Fewest labelled turns, turns of each label, and users for a model of its own; ``ridge`` holds it back."""

    labels: int = 200
    each: int = 30
    users: int = 20
    ridge: float = 1.0


def fits(model: FusedModel, detectors: Iterable[str]) -> bool:
    """Whether the model was fitted on these versions of the detectors."""
    return set(model.detectors) <= set(detectors)


def fit(labelled: Labelled, detectors: Sequence[str], options: FitOptions | None = None) -> FusedModel:
    """A model for each surface with enough labels, and one for all together (surface ""); the others are skipped.

    ``detectors`` (``name@version``) are those whose signals the turns were labelled and described by. A model that
    predicts users it has not seen no better than the base rate is skipped too.
    """
    fitted, skipped = [], {}
    for surface, turns in labelled.by_surface():
        found = _fit_surface(surface, turns, options or FitOptions())
        if isinstance(found, str):
            skipped[surface] = found
        else:
            fitted.append(found)
    if not len(labelled.bad):
        skipped[""] = "no turn has a vote, a correction, an outcome or a reviewer's judgment"
    text = json.dumps([each.to_dict() for each in fitted], sort_keys=True)
    return FusedModel(hashlib.sha256(text.encode()).hexdigest()[:12], now_text(), tuple(sorted(detectors)),
                      tuple(fitted), skipped)


def _fit_surface(surface: str, turns: Labelled, options: FitOptions) -> SurfaceModel | str:
    """The model, or why there is none."""
    from evalloop import stats

    why = _too_few(turns, options)
    if why:
        return why
    bad = turns.bad
    predicted, base = _out_of_fold(turns, options)
    brier, brier_base = stats.brier(predicted, bad), stats.brier(base, bad)
    area = stats.auc(predicted, bad, units=turns.units)
    if brier >= brier_base or (area.interval and area.interval.low <= CHANCE):
        return (f"no better than the base rate on unseen users (Brier {brier:.4f} against {brier_base:.4f}, "
                f"AUC {area.auc:.2f})")
    model = stats.fit_logistic(turns.table, bad, ridge=options.ridge)
    return SurfaceModel(
        surface=surface, intercept=model.intercept,
        coefficients=dict(zip(turns.names, model.coefficients, strict=True)),
        labels=len(bad), bad=int(bad.sum()), users=turns.users, brier=brier, brier_base=brier_base,
        brier_isotonic=stats.brier(_recalibrated(predicted, turns), bad), auc=area.auc,
        auc_interval=_pair(area.interval),
        reliability=tuple(Bin(each.low, each.high, each.n, each.predicted, each.observed,
                              _pair(each.interval))
                          for each in stats.reliability(predicted, bad, units=turns.units)))


def _pair(interval: tuple[float, float] | None) -> tuple[float, float] | None:
    return (interval[0], interval[1]) if interval else None


def _too_few(turns: Labelled, options: FitOptions) -> str:
    n, worse, users = len(turns.bad), int(turns.bad.sum()), turns.users
    if n < options.labels or min(worse, n - worse) < options.each or users < options.users:
        return (f"{n} labels ({worse} bad, {n - worse} good) of {users} users; it takes {options.labels} "
                f"with {options.each} of each, of {options.users} users")
    return "" if turns.names else "no implicit detector speaks of a labelled turn"


def _out_of_fold(turns: Labelled, options: FitOptions) -> tuple[Floats, Floats]:
    """(predictions of the model, of the base rate) for each row by fits that saw none of its user's rows."""
    import numpy as np

    from evalloop import stats

    predicted, base = np.empty(len(turns.bad)), np.empty(len(turns.bad))
    for fold in range(FOLDS):
        held = turns.folds == fold
        train = turns.bad[~held]
        rate = float(train.mean()) if train.size else 0.5
        base[held] = predicted[held] = rate
        if held.any() and 0 < rate < 1:
            model = stats.fit_logistic(turns.table[~held], train, ridge=options.ridge)
            predicted[held] = stats.predict_logistic(model, turns.table[held])
    return predicted, base


def _recalibrated(predicted: Floats, turns: Labelled) -> Floats:
    """Isotonic recalibration of each fold by the others' predictions."""
    import numpy as np

    from evalloop import stats

    found = predicted.copy()
    for fold in range(FOLDS):
        held = turns.folds == fold
        if held.any() and not held.all():
            found[held] = np.clip(stats.isotonic(predicted[~held], turns.bad[~held], predicted[held]), 0, 1)
    return found

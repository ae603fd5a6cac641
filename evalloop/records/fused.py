"""FusedModel: how the outputs of all detectors become one probability that a turn let its user down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from evalloop.records.base import Record


@dataclass(frozen=True)
class Bin(Record):
    """Turns whose predicted probability lies in [``low``, ``high``): mean ``predicted``, share that did fail."""

    low: float
    high: float
    n: int
    predicted: float
    observed: float
    interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class SurfaceModel(Record):
    """The model of one surface ("" is all of them together), and what it is worth on users it was not fitted on.

    log odds of failure = ``intercept`` + sum of ``coefficients`` x features; a feature is ``DETECTOR+`` or
    ``DETECTOR-``, the evidence for and against the answer. ``brier`` against ``brier_base`` (always the base rate) and
    ``brier_isotonic`` (after an isotonic recalibration, out of fold too); ``auc`` with its interval clustered by user.
    """

    NESTED: ClassVar[Mapping[str, type[Record]]] = {"reliability": Bin}

    surface: str
    intercept: float
    coefficients: Mapping[str, float]
    labels: int
    bad: int
    users: int
    brier: float
    brier_base: float
    brier_isotonic: float
    auc: float | None
    auc_interval: tuple[float, float] | None = None
    reliability: tuple[Bin, ...] = ()


@dataclass(frozen=True)
class FusedModel(Record):
    """All models that were fitted, by surface; surfaces without one use the one for "", or else the prior.

    ``version`` is a hash of the coefficients; ``detectors`` (``name@version``) are those that it reads: when one of
    them changed, the model is out of date. ``skipped`` says for each surface without a model why.
    """

    NESTED: ClassVar[Mapping[str, type[Record]]] = {"surfaces": SurfaceModel}

    version: str
    fitted_at: str
    detectors: tuple[str, ...]
    surfaces: tuple[SurfaceModel, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)

"""Calibration: how far a judge agrees with people, and which judges that was shown for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from evalloop.records.base import Record

FEWEST_LABELS = 20
"""With fewer an interval of kappa says nothing, and PPI++ intervals miss the truth too often."""


@dataclass(frozen=True)
class Label(Record):
    """People's verdict on one output beside the judge's, both in [0, 1] (of pairs: 1 when the first is better).

    ``output`` is the hash of the output's text (``digest_of``): the label holds wherever the same case got the same
    answer. ``longer`` is the length of the output in characters, of a pair that of the first less that of the second.
    """

    case: str
    human: float
    judge: float
    output: str | None = None
    longer: int | None = None


@dataclass(frozen=True)
class Bias(Record):
    """By how much the judge's mean verdict differs, and its 95 % interval; ``about`` says in words from what."""

    value: float
    interval: tuple[float, float] | None
    n: int
    about: str


@dataclass(frozen=True)
class Calibration(Record):
    """A judge measured against people's labels.

    ``covers`` maps the identity of each judge that was measured (``grading.judge_id``: grader, version, rubric and
    other options, model) to what it is asked, in short; a judge that is not there has no calibration. ``undecided``
    counts items without a majority of people, which are left out. ``agreement``, ``kappa`` and ``balanced_accuracy``
    are of pass and fail; the last is the mean of ``sensitivity`` (share of what people pass that the judge passes) and
    ``specificity`` (the same for what they fail). ``bias`` is the judge's mean less people's; ``position`` and
    ``length`` say how much of it goes with the place or the length of an answer, None where that cannot be told.
    """

    NESTED: ClassVar[Mapping[str, type[Record]]] = {
        "bias": Bias, "position": Bias, "length": Bias, "labels": Label}

    name: str
    judge: str
    made_on: str
    n: int
    human_rate: float
    judge_rate: float
    bias: Bias
    agreement: float
    kappa: float | None
    kappa_interval: tuple[float, float] | None
    sensitivity: float | None
    specificity: float | None
    balanced_accuracy: float | None
    covers: Mapping[str, str] = field(default_factory=dict)
    model: str | None = None
    pairs: bool = False
    undecided: int = 0
    position: Bias | None = None
    length: Bias | None = None
    source: str = ""
    source_digest: str = ""
    labels: tuple[Label, ...] = ()

    @property
    def better_than_chance(self) -> bool:
        """Whether enough labels show kappa above zero: without that a judge may not decide anything."""
        shown = self.kappa == 1 or bool(self.kappa_interval and self.kappa_interval[0] > 0)
        return shown and self.n >= FEWEST_LABELS

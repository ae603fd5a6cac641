"""Grade, Trial, Run and Summary: what happened when a variant met an evalset."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from evalloop.records.base import Record
from evalloop.records.call import Reply
from evalloop.records.variant import Variant


@dataclass(frozen=True)
class Grade(Record):
    """One grader's verdict on one output.

    ``value`` is a bool, a number in [0, 1], or None when the output could not be graded (never 0, never NaN);
    ``passed`` is the verdict after threshold and negation; ``cluster`` is the cluster that it counts for;
    ``error`` tells that the grader itself broke; ``judge`` is the identity of the judge that was asked
    (``grading.judge_id``), to which its calibration is bound.
    """

    grader: str
    version: str
    value: bool | float | None = None
    passed: bool | None = None
    label: str | None = None
    explanation: str | None = None
    metric: str | None = None
    cluster: str | None = None
    weight: float = 1.0
    evidence: Mapping[str, Any] = field(default_factory=dict)
    cost: float | None = None
    error: str | None = None
    judge: str | None = None


@dataclass(frozen=True)
class Trial(Record):
    """One case once under one variant.

    ``state`` is ok, error (the call or a grader broke) - an error is neither a pass nor a quality loss. ``score`` is
    the case's score in [0, 1] or None when it could not be graded. ``messages`` is what was asked; with ``reply`` it is
    the whole exchange.
    """

    NESTED: ClassVar[Mapping[str, type[Record]]] = {"grades": Grade, "reply": Reply}

    case_id: str
    cluster: str
    repeat: int
    state: str
    reply: Reply | None = None
    grades: tuple[Grade, ...] = ()
    score: float | None = None
    passed: bool | None = None
    error: str | None = None
    at: str | None = None
    messages: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True)
class Run(Record):
    """The header of a run log: everything needed to know what was run, and to resume it."""

    NESTED: ClassVar[Mapping[str, type[Record]]] = {"variant": Variant}

    run_id: str
    name: str
    evalset: str
    evalset_path: str
    evalset_digest: str
    variant: Variant
    variant_id: str
    created_at: str
    repeats: int = 1
    cases: int = 0
    seed: int = 0
    git_commit: str | None = None
    plugins: Mapping[str, str] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    case_ids: tuple[str, ...] = ()


@dataclass(frozen=True)
class Summary(Record):
    """The last line of a run log: how far the run is, and what this sitting paid.

    Trials and verdicts are counted over all sittings (``errors``: of this one). ``calls`` were paid, ``cached`` were
    not; ``judge_calls`` are those of graders; ``cost`` is in US dollars over the calls with a known price (``unpriced``
    had none); ``seconds`` is wall time; ``flaky`` names graders that disagreed with themselves; ``stopped`` says why
    the run ended before its last trial.
    """

    trials: int = 0
    planned: int = 0
    ok: int = 0
    errors: int = 0
    passed: int = 0
    failed: int = 0
    unscored: int = 0
    calls: int = 0
    cached: int = 0
    judge_calls: int = 0
    retries: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    unpriced: int = 0
    seconds: float = 0.0
    flaky: tuple[str, ...] = ()
    stopped: str | None = None


def score_of(grades: tuple[Grade, ...]) -> float | None:
    """The score of a case from its grades.

    All verdicts pass-or-fail: 1.0 when every one passed, 0.0 when one failed. Else the weighted mean of the values.
    None when there is no grade, or when an unscored grade leaves the verdict open.
    """
    if not grades:
        return None
    if all(isinstance(grade.value, bool) or grade.value is None for grade in grades):
        if any(grade.passed is False for grade in grades):
            return 0.0
        return None if any(grade.passed is None for grade in grades) else 1.0
    if any(grade.value is None for grade in grades):
        return None
    total = sum(grade.weight for grade in grades)
    return sum(grade.weight * float(grade.value or 0) for grade in grades) / total if total else None

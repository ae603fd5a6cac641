"""Delta, Comparison, Gate: what changed between two variants, and what follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from evalloop.records.base import Record

VERDICTS = ("improved", "regressed", "no worse than the margin", "not enough evidence")


@dataclass(frozen=True)
class Score(Record):
    """One row of a results table: the score of one case in one repeat under one variant, for one cluster.

    ``overall`` rows (cluster None) carry the whole case's score. ``unit`` groups dependent cases (user, document).
    ``state`` is ok, error or missing (no trial at all); ``passed`` is the verdict where there is one beside the value.
    ``length`` (characters), ``cost`` (US dollars) and ``latency`` (seconds) are those of the answer, None if unknown.
    """

    case: str
    variant: str
    value: float | None
    cluster: str | None = None
    repeat: str | int = 0
    unit: str | None = None
    state: str = "ok"
    passed: bool | None = None
    length: float | None = None
    cost: float | None = None
    latency: float | None = None


@dataclass(frozen=True)
class Change(Record):
    """How something beside the score changed over the n cases that know it under both variants.

    ``base`` and ``cand`` are means over cases (of the means over repeats); ``interval`` is that of ``delta``, None
    under two cases; ``low`` and ``high`` limit the candidate's own mean.
    """

    n: int
    base: float
    cand: float
    delta: float
    interval: tuple[float, float] | None = None
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Estimate(Record):
    """A delta worked out in another way than the row's own, with its interval and p-value (None: cannot be given)."""

    delta: float
    se: float | None
    interval: tuple[float, float] | None
    p: float | None
    n: int
    method: str


@dataclass(frozen=True)
class Headline(Record):
    """The delta with each cluster weighted by its share in production, and the two levels behind it.

    ``clusters`` have a weight and pairs; ``covered`` is the part of all known shares that they make up; ``lower`` is
    the one-sided limit; ``source`` says where the shares come from.
    """

    delta: float
    se: float | None
    interval: tuple[float, float] | None
    lower: float | None
    p: float | None
    base: float
    cand: float
    clusters: int
    covered: float
    source: str


@dataclass(frozen=True)
class Delta(Record):
    """Candidate minus baseline over the paired cases of one cluster (``cluster`` None: overall).

    Figures are on the score's own scale (0.05 = 5 points on a pass rate); ``interval`` is (low, high) or None when it
    cannot be given, then ``method`` says why. ``p`` decides; ``p_exact`` (McNemar), ``p_t`` and ``p_signflip`` stand
    beside it. ``lower`` is the one-sided limit of "no worse"; ``needed`` is how many cases a decision would take,
    ``needed_repeats`` how many repeats of the cases that there are, where repeats can do it; ``units`` counts the
    independent units when cases share one. ``p_better`` is the probability that the candidate is better, for people
    and never for the gate. ``share`` is the cluster's share in production. ``length``, ``cost`` and ``latency`` tell
    how the answers changed; ``at_equal_length`` is a diagnostic that extrapolates. ``bounds`` is as in Comparison.
    """

    NESTED: ClassVar[Mapping[str, type[Record]]] = {"length": Change, "cost": Change, "latency": Change,
                                                    "at_equal_length": Estimate}

    cluster: str | None
    n: int
    dropped: int
    base: float | None
    cand: float | None
    delta: float | None
    interval: tuple[float, float] | None
    p: float | None
    p_exact: float | None
    p_holm: float | None
    q: float | None
    wins: int
    losses: int
    ties: int
    mde80: float | None
    method: str
    verdict: str
    needed: int | None = None
    se: float | None = None
    lower: float | None = None
    note: str | None = None
    p_t: float | None = None
    p_signflip: float | None = None
    units: int | None = None
    needed_repeats: int | None = None
    p_better: float | None = None
    share: float | None = None
    length: Change | None = None
    cost: Change | None = None
    latency: Change | None = None
    at_equal_length: Estimate | None = None
    bounds: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Flip(Record):
    """A case whose score changed; ``change`` is candidate minus baseline."""

    case: str
    cluster: str | None
    base: float
    cand: float
    change: float


@dataclass(frozen=True)
class Gate(Record):
    """The release verdict: PASS, BLOCK, INCONCLUSIVE or INCOMPLETE, with the reasons in plain words."""

    verdict: str
    reasons: tuple[str, ...]
    policy: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison(Record):
    """One candidate against one baseline: overall, per cluster, and the gate's verdict.

    ``errors`` counts what is missing and why, per variant. ``bounds`` holds the overall delta and its one-sided limit
    if every missing pair had spoken against the candidate (``worst``, ``worst_lower``, with ``worst_p``) or for it
    (``best`` ...); empty when nothing is missing. ``must_pass`` maps a case to its failed and counted runs under the
    candidate. ``shrunken`` maps a cluster to its empirical-Bayes delta and standard error: for wording, never evidence.
    ``headline`` weights the clusters as in production; None where no shares are known. ``right`` is the overall delta
    of what is graded beside the approval that the policy names; None where it names none.
    """

    NESTED: ClassVar[Mapping[str, type[Record]]] = {"overall": Delta, "clusters": Delta, "gate": Gate, "flips": Flip,
                                                    "headline": Headline, "right": Delta}

    baseline: str
    candidate: str
    overall: Delta
    clusters: tuple[Delta, ...]
    gate: Gate | None = None
    flips: tuple[Flip, ...] = ()
    errors: Mapping[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    alpha: float = 0.05
    margin: float = 0.05
    bounds: Mapping[str, float] = field(default_factory=dict)
    must_pass: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    shrunken: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    headline: Headline | None = None
    right: Delta | None = None

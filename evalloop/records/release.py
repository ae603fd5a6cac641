"""Release: a shipped variant, what its gate supported, and what production said of it since."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from evalloop.records.base import Record

VERDICTS = ("confirmed", "not yet", "no change", "worse")


@dataclass(frozen=True)
class Expectation(Record):
    """What a release says of one cluster, written down before production can answer.

    ``cluster`` is its name in the evalset, ``cluster_id`` that of the theme in feedback (None: no theme, nothing to
    watch). ``direction`` is better (claimed) or same (must not get worse); ``delta`` is the gate's shrunken figure.
    """

    cluster: str
    cluster_id: str | None
    direction: str
    delta: float | None = None
    theme: str = ""


@dataclass(frozen=True)
class Check(Record):
    """What production says of one expectation at one time.

    Rates are the share of users whom the theme let down, on the traffic mix of the time before. ``ratio`` is after /
    before with limits that hold however often one looks. ``e`` is the evidence against "nothing changed" (1 / alpha
    decides), ``p`` its inverse. ``guards`` say what speaks against a verdict. ``reopened`` are the retired cases of the
    theme that are candidates again because it got worse or came back.
    """

    cluster: str
    cluster_id: str
    verdict: str
    at: str
    before: float
    after: float | None
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    e: float
    p: float
    users_before: int
    users_after: int
    decided_on: str | None = None
    guards: tuple[str, ...] = ()
    reason: str = ""
    reopened: tuple[str, ...] = ()


@dataclass(frozen=True)
class Release(Record):
    """What shipped and what may be said of it; the text of the notes is written from this record alone.

    ``improved`` is empty unless the gate passed. Each claim holds cluster, n, wins, losses and delta with low and high,
    drawn towards the mean of all clusters where ``shrunken`` is true. ``unchanged`` clusters were shown to be no worse
    than the margin, ``undecided`` ones have too little evidence. ``points``: scores lie in [0, 1].

    ``shipped_at`` is when users first met it, ``variants`` the values of ``context.variant`` (baseline, candidate) of
    an experiment, empty for before and after. ``expectations`` are kept from the day of the record; ``checks`` are the
    latest words of production, one for each expectation that can be watched.
    """

    NESTED: ClassVar[Mapping[str, type[Record]]] = {"expectations": Expectation, "checks": Check}

    name: str
    created_at: str
    baseline: str
    candidate: str
    variant_id: str | None
    evalset: str | None
    evalset_digest: str | None
    gate: str
    improved: tuple[Mapping[str, Any], ...] = ()
    unchanged: tuple[str, ...] = ()
    regressed: tuple[Mapping[str, Any], ...] = ()
    themes: Mapping[str, Any] = field(default_factory=dict)
    undecided: tuple[str, ...] = ()
    overall: Mapping[str, Any] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    margin: float = 0.05
    points: bool = True
    shipped_at: str | None = None
    variants: tuple[str, ...] = ()
    expectations: tuple[Expectation, ...] = ()
    checks: tuple[Check, ...] = ()

"""CaseTrace: where a case comes from, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from evalloop.records.base import Record
from evalloop.records.case import Case
from evalloop.records.cluster import Cluster, Move
from evalloop.records.event import Event
from evalloop.records.opinion import Opinion
from evalloop.records.release import Check, Expectation
from evalloop.records.signal import Signal


@dataclass(frozen=True)
class TakenPart(Record):
    """How a case fared in one run: its trials there, by verdict.

    ``errors`` are calls or graders that broke, ``unscored`` trials without a verdict; ``score`` is the mean of the
    scores that there are. ``why`` is what the first grader that failed says.
    """

    run_id: str
    name: str
    variant: str
    variant_id: str
    created_at: str
    passed: int = 0
    failed: int = 0
    unscored: int = 0
    errors: int = 0
    score: float | None = None
    why: str = ""


@dataclass(frozen=True)
class Named(Record):
    """A release that speaks of the case's theme: what it expected, and the latest word of production."""

    NESTED: ClassVar[Mapping[str, type[Record]]] = {"expectation": Expectation, "check": Check}

    release: str
    created_at: str
    expectation: Expectation
    check: Check | None = None


@dataclass(frozen=True)
class CaseTrace(Record):
    """A case, backward to events and forward to runs; everything by time, oldest first.

    ``missing`` are ids of events that the log does not hold (any more). ``theme`` is None where the case was not grown
    from one, or the theme is not known (any more).
    """

    NESTED: ClassVar[Mapping[str, type[Record]]] = {
        "case": Case, "opinions": Opinion, "theme": Cluster, "moves": Move, "signals": Signal, "events": Event,
        "runs": TakenPart, "releases": Named}

    case: Case
    opinions: tuple[Opinion, ...] = ()
    theme: Cluster | None = None
    moves: tuple[Move, ...] = ()
    signals: tuple[Signal, ...] = ()
    events: tuple[Event, ...] = ()
    missing: tuple[str, ...] = ()
    runs: tuple[TakenPart, ...] = ()
    releases: tuple[Named, ...] = ()

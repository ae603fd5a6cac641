"""Status: the five parts of the loop at a glance, and what to do next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from evalloop.records.base import Record

STATES = ("works", "thin", "exhaust")


@dataclass(frozen=True)
class Part(Record):
    """One part: ``state`` is works, thin, or exhaust (what comes in goes nowhere); ``figures`` by name; ``says`` is the
    whole in one line."""

    name: str
    state: str
    says: str
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Status(Record):
    """The parts in the order of the loop, the median days from one to the next (None: never happened yet), and the one
    command to run now, with the reason."""

    NESTED: ClassVar[Mapping[str, type[Record]]] = {"parts": Part}

    parts: tuple[Part, ...]
    next_command: str
    why: str
    days_signal_to_case: float | None = None
    days_case_to_release: float | None = None
    days_release_to_confirmed: float | None = None

"""Weighting: how failures were weighted, so that a share speaks of all failures and not of who complains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from evalloop.records.account import Account
from evalloop.records.base import Record


@dataclass(frozen=True)
class Margin(Record):
    """One level of a segment: its share of the failures that were seen, and what it was weighted to."""

    column: str
    level: str
    failures: int
    sample: float
    target: float


@dataclass(frozen=True)
class RandomArm(Record):
    """The users asked at random: ``asked`` times, ``answered`` of them, ``failures`` of these answers negative."""

    asked: int
    answered: int
    failures: int


@dataclass(frozen=True)
class Weighting(Record):
    """What was done to the weights of ``n`` failures of ``users`` users.

    ``method`` is none, cap, rake or ipw; ``estimand`` says in words what a share then speaks of. ``n_effective``
    equally weighted failures would be worth as much, ``design_effect`` = counted failures / n_effective. ``off`` is the
    largest relative miss of a margin; ``unmatched`` the largest share of a margin without any failure in the sample.
    ``quarantined`` failures have weight 0, and so have ``declared_none``: those of a segment that was declared to have
    none.
    """

    NESTED: ClassVar[Mapping[str, type[Record]]] = {"accounts": Account, "margins": Margin, "random_arm": RandomArm}

    method: str
    estimand: str
    n: int
    users: int
    quarantined: int
    n_effective: float
    design_effect: float
    columns: tuple[str, ...] = ()
    off: float = 0.0
    unmatched: float = 0.0
    accounts: tuple[Account, ...] = ()
    margins: tuple[Margin, ...] = ()
    random_arm: RandomArm = field(default_factory=lambda: RandomArm(0, 0, 0))
    declared_none: int = 0

"""PowerRow and PowerPlan: what a set of cases can show, and how many it would take to show more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from evalloop.records.base import Record


@dataclass(frozen=True)
class PowerRow(Record):
    """One cluster (None: the whole). ``level`` is that of its test: alpha, or alpha shared among the clusters.

    ``changing`` is the share of cases on which two variants differ, known or assumed; ``mde80`` the smallest true delta
    found with 80 % power (None: none that the scores can have, or nothing varies); ``needed`` maps an effect to the
    number of cases that finds it so; ``no_worse`` is how many show "no worse than the margin". ``never`` says why the
    cases that there are can never, or hardly ever, decide.
    """

    cluster: str | None
    n: int
    level: float
    changing: float
    mde80: float | None
    needed: Mapping[str, int]
    no_worse: int | None
    never: str | None = None


@dataclass(frozen=True)
class PowerPlan(Record):
    """The whole first, then clusters by name. ``repeats`` maps a number of repeats to the whole's mde80, if any."""

    NESTED: ClassVar[Mapping[str, type[Record]]] = {"rows": PowerRow}

    rows: tuple[PowerRow, ...]
    effects: tuple[float, ...]
    alpha: float
    margin: float
    basis: str
    repeats: Mapping[str, float] = field(default_factory=dict)

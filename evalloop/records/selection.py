"""Choice and Selection: many variants side by side, and which of them to take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from evalloop.records.base import Record


@dataclass(frozen=True)
class Choice(Record):
    """One variant. ``quality`` is its mean score as in production, with ``interval``.

    ``corrected`` is what to expect of it after it was chosen among many (drawn towards the mean of all as far as chance
    explains the differences), with ``corrected_interval``; ``p_best`` the probability that it is the best. ``p_worse``
    is Holm's p of the difference to the best one (None for that). ``cost`` (US dollars) and ``latency`` (seconds) are
    means of an answer with their intervals, None if unknown. ``front``: no other variant is as good on quality, cost
    and latency, and better on one. ``enough``: shown to be no worse than the best by the margin.
    """

    variant: str
    quality: float
    interval: tuple[float, float] | None
    corrected: float
    corrected_interval: tuple[float, float] | None
    p_best: float
    p_worse: float | None
    enough: bool
    front: bool
    cost: float | None = None
    cost_interval: tuple[float, float] | None = None
    latency: float | None = None
    latency_interval: tuple[float, float] | None = None


@dataclass(frozen=True)
class Selection(Record):
    """All variants, the best corrected quality first, on the ``n`` cases that all of them have a score for.

    ``chosen`` is the cheapest (without costs: fastest, else best) of those that are good enough; ``weighting`` says
    how cases were weighted.
    """

    NESTED: ClassVar = {"choices": Choice}

    choices: tuple[Choice, ...]
    chosen: str
    reason: str
    n: int
    dropped: int
    weighting: str
    alpha: float
    margin: float
    notes: tuple[str, ...] = ()

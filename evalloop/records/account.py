"""Account: a user whose votes are not taken at face value, and why."""

from __future__ import annotations

from dataclasses import dataclass

from evalloop.records.base import Record


@dataclass(frozen=True)
class Account(Record):
    """A suspicious account: ``votes`` explicit acts, ``negative`` of them against the answer.

    ``factor`` is what is left of the weight of its signals: 0 is quarantine. ``reasons`` say why, in words.
    """

    user_key: str
    votes: int
    negative: int
    factor: float
    reasons: tuple[str, ...]

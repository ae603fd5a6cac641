"""Training data: Preference (a pair), Judged (one answer with its score), RubricRating (criteria by rater)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evalloop.records.base import Record

Messages = tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, kw_only=True)
class TrainingRow(Record):
    """What every row of training data carries.

    ``prompt`` are the messages that the model saw; ``weight`` is how much the row counts (source, balance). ``flags``
    name what a trainer may want to leave out (``length only``). ``split`` is train or heldout, the same for all rows of
    a user.
    """

    row_id: str
    prompt: Messages
    weight: float
    occurred_at: str
    user_key: str | None = None
    session_id: str | None = None
    response_ids: tuple[str, ...] = ()
    event_ids: tuple[str, ...] = ()
    consent_basis: tuple[str, ...] = ()
    language: str | None = None
    cluster_id: str | None = None
    segment: Mapping[str, Any] = field(default_factory=dict)
    flags: tuple[str, ...] = ()
    split: str = "train"

    @property
    def user(self) -> str:
        """Whose row it is: the user, else the session, else the row itself."""
        return self.user_key or f"session {self.session_id or self.row_id}"

    @property
    def asked(self) -> str:
        """What the user says in the prompt, as one text."""
        return "\n".join(str(each["content"]) for each in self.prompt if each["role"] == "user")

    @property
    def answers(self) -> tuple[str, ...]:
        """All answers of the row."""
        return ()

    @property
    def learnt(self) -> str:
        """The answer that a model would learn to give; empty when there is none."""
        return ""

    @property
    def sureness(self) -> float:
        """How clear the row is: of two that cannot both stay, the surer one stays."""
        return self.weight


@dataclass(frozen=True, kw_only=True)
class Preference(TrainingRow):
    """Of two answers to one prompt, the one that a user preferred, and how that is known.

    ``source`` is pairwise, correction, edit, regenerate, accept or experiment. ``confidence`` in (0.5, 1] is how often
    such a pair points the right way. ``chosen_first`` says in which order the two were shown, where that is known.
    """

    source: str
    chosen: str
    rejected: str
    confidence: float
    chosen_first: bool | None = None

    @property
    def answers(self) -> tuple[str, ...]:
        return self.chosen, self.rejected

    @property
    def learnt(self) -> str:
        return self.chosen

    @property
    def sureness(self) -> float:
        return self.confidence * self.weight


@dataclass(frozen=True, kw_only=True)
class Judged(TrainingRow):
    """One answer with what the signals say of it: ``score`` in [-1, 1], above 0 when it served the user.

    ``explicit`` is true when a vote, rating, comment, correction or outcome is among the evidence.
    """

    completion: str
    score: float
    explicit: bool = False

    @property
    def answers(self) -> tuple[str, ...]:
        return (self.completion,)

    @property
    def learnt(self) -> str:
        return self.completion if self.score > 0 else ""


@dataclass(frozen=True)
class RubricRating(Record):
    """What raters said of one answer by one criterion: a score or a label of each rater."""

    response_id: str
    criterion: str
    scores: Mapping[str, float] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    event_ids: tuple[str, ...] = ()

"""Failure: one turn that let a user down, as it is clustered and as cases are grown from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evalloop.records.base import Record


@dataclass(frozen=True)
class Failure(Record):
    """A turn whose fused signals say failure.

    ``text`` is what is clustered: the user's own words where there are any; ``text_source`` says which it is: "user"
    (said of the answer, also in the next message), "summary" (a model's line) or "turn" (the prompt).
    ``weight`` is how much it counts in shares (per-user cap, bias weights); 0 means quarantined for ``reason``.
    ``probability`` is the fused failure score of the turn, None where nothing says it. ``random_weight`` is 1 / the
    probability of the random ask whose answer is against the turn, else 0: shares of these weights are free of who
    likes to click; ``asked_only``: without the ask it would be none. ``occurred_at`` is ISO 8601 in UTC. ``correction``
    is the answer that the user wrote instead, if any; ``history`` the conversation before ``prompt``, as messages.
    ``reasons`` are those that the user ticked, ``outcome`` is "good" or "bad" where one is known. ``against`` are the
    kinds of the signals against the turn, one for each detector (empty: not known); ``segment`` is the traffic that it
    belongs to (app, surface and locale); ``judged`` are the scores in [0, 1] that reviewers gave the answer.
    """

    failure_id: str
    text: str
    weight: float = 1.0
    user_key: str | None = None
    response_id: str | None = None
    event_ids: tuple[str, ...] = ()
    occurred_at: str = ""
    prompt: str = ""
    response: str = ""
    consent_purposes: tuple[str, ...] = ()
    correction: str | None = None
    history: tuple[Mapping[str, Any], ...] = ()
    probability: float | None = None
    random_weight: float = 0.0
    asked_only: bool = False
    reason: str | None = None
    text_source: str = "user"
    reasons: tuple[str, ...] = ()
    outcome: str | None = None
    against: tuple[str, ...] = ()
    session_id: str | None = None
    segment: str = ""
    judged: tuple[float, ...] = ()

"""Turn: one response with the events that speak of it, as detectors read it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from evalloop.records.base import Record
from evalloop.records.event import Event


@dataclass(frozen=True)
class Turn(Record):
    """One generation, its place in the session, and all events about it (orphans have no generation).

    ``following`` is the user's next message in the same session, if there was one: with the event that says it, and
    the purposes that this event allows. ``regenerate_of`` is the answer that this one replaces, by its response id
    where that answer is known.
    """

    NESTED: ClassVar[Mapping[str, type[Record]]] = {"generation": Event, "events": Event}

    response_id: str
    session_id: str | None
    user_key: str | None
    occurred_at: str
    prompt: str = ""
    response: str = ""
    turn_index: int | None = None
    following: str | None = None
    following_at: str | None = None
    following_event: str | None = None
    following_purposes: tuple[str, ...] = ()
    generation: Event | None = None
    events: tuple[Event, ...] = ()
    regenerate_of: str | None = None

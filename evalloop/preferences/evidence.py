"""What is known of each answer: its turn, its prompt, its signals, and who allowed what."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalloop.records.event import Event
from evalloop.records.preference import Messages
from evalloop.records.signal import Signal
from evalloop.records.turn import Turn

PURPOSE = "training"


@dataclass(frozen=True)
class Evidence:
    """Turns by response, and the signals on each (quarantined ones left out)."""

    turns: Mapping[str, Turn]
    signals: Mapping[str, Sequence[Signal]]

    @classmethod
    def of(cls, turns: Iterable[Turn], signals: Iterable[Signal]) -> Evidence:
        """Gathers both by response."""
        found: defaultdict[str, list[Signal]] = defaultdict(list)
        for each in signals:
            if each.weight > 0 and each.response_id:
                found[each.response_id].append(each)
        return cls({turn.response_id: turn for turn in turns}, found)

    def on(self, turn: Turn) -> Sequence[Signal]:
        """The signals on a turn."""
        return self.signals.get(turn.response_id, ())

    def net(self, turn: Turn) -> float:
        """Sum of polarity x weight: above 0 when more speaks for the answer than against it."""
        return sum(each.polarity * each.weight for each in self.on(turn))

    def earned(self, turn: Turn) -> bool:
        """True after a positive act: copied, accepted, voted up, or simply gone on with without a complaint."""
        if any(each.polarity < 0 for each in self.on(turn)):
            return self.net(turn) > 0
        return self.net(turn) > 0 or bool(turn.following)

    def explicit(self, turn: Turn) -> bool:
        """True when somebody spoke on purpose, or an outcome is known."""
        return any(each.kind in ("explicit", "outcome") and each.polarity for each in self.on(turn))


def prompt_of(turn: Turn) -> Messages | None:
    """The messages that the model saw, as role and text; None when they are not known or hold more than text."""
    block = turn.generation.payload.get("input") if turn.generation else None
    messages = block.get("messages") if isinstance(block, Mapping) else None
    if not isinstance(messages, list | tuple) or not messages:
        return None
    plain = [_plain(each) for each in messages]
    return tuple(each for each in plain if each) if all(plain) and plain[-1] and plain[-1]["role"] == "user" else None


def _plain(message: Any) -> Mapping[str, str] | None:
    if not isinstance(message, Mapping) or message.get("tool_calls"):
        return None
    role, content = message.get("role"), message.get("content", message.get("parts"))
    if isinstance(content, list | tuple):
        parts = [part if isinstance(part, str) else _part(part) for part in content]
        content = None if None in parts else "\n".join(part for part in parts if part)
    known = role in ("system", "developer", "user", "assistant") and isinstance(content, str) and content.strip()
    return {"role": str(role), "content": str(content)} if known else None


def _part(part: Any) -> str | None:
    text = part.get("text", part.get("content")) if isinstance(part, Mapping) else None
    return text if isinstance(text, str) else None


def allowed(events: Iterable[Event]) -> bool:
    """True when every event may be used for training."""
    return all(PURPOSE in event.purposes for event in events)


def bases(events: Iterable[Event]) -> tuple[str, ...]:
    """The bases of the consent behind these events."""
    return tuple(sorted({str((event.consent or {}).get("basis", "none")) for event in events}))

"""Request, Reply and Price: one call of a target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from evalloop.records.base import Record


@dataclass(frozen=True)
class Request(Record):
    """What a target is asked: rendered messages of one case under one variant.

    ``options`` holds the variant's options that are templates (``Target.templates``), filled for this case.
    """

    case_id: str
    messages: tuple[Mapping[str, Any], ...]
    params: Mapping[str, Any] = field(default_factory=dict)
    repeat: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Reply(Record):
    """What came back.

    ``text`` is the last answer; ``tool_calls`` are those that it asks for; ``messages`` are those that the target made
    on the way there (tool calls that it carried out, and their results), where it says so. ``usage`` holds input_tokens
    and output_tokens, and characters where the text was not kept; ``cost`` is in US dollars, None if unknown;
    ``latency_s`` is in seconds, and ``ttft_s`` until the first token of a streamed answer; ``cached`` tells that
    nothing was paid.
    """

    text: str
    messages: tuple[Mapping[str, Any], ...] = ()
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    finish_reason: str | None = None
    model: str | None = None
    usage: Mapping[str, int] = field(default_factory=dict)
    cost: float | None = None
    latency_s: float | None = None
    ttft_s: float | None = None
    cached: bool = False


@dataclass(frozen=True)
class Price(Record):
    """US dollars per million tokens."""

    input: float
    output: float

    def of(self, input_tokens: float, output_tokens: float) -> float:
        """US dollars for so many tokens."""
        return (input_tokens * self.input + output_tokens * self.output) / 1e6


def price_of(options: Mapping[str, Any]) -> Price | None:
    """The price that a variant's options ``input_price`` and ``output_price`` give; None unless both are there."""
    into, out = options.get("input_price"), options.get("output_price")
    return None if into is None or out is None else Price(float(into), float(out))

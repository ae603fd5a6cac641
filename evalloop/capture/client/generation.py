"""One answer of a model, from the question to the last token."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evalloop.capture.client.events import event_id, plain

if TYPE_CHECKING:
    from evalloop.capture.client.client import Client


class Generation:
    """What a ``with client.generation(...) as g`` block fills in; reported once, when the block ends.

    Set ``output`` (a text, a message or a list of messages), or ``add`` to it piece by piece. ``response_id`` names the
    answer in later feedback: ours, until the provider's is set. An exception in the block is reported as
    ``finish_reason`` error and goes on.
    """

    def __init__(self, client: Client, *, model: str | None, input: Any, provider: str | None,
                 regenerate_of: str | None, response: str | None, about: Mapping[str, Any]) -> None:
        self._client, self._about, self._regenerate_of = client, dict(about), regenerate_of
        self._began, self._began_at = time.perf_counter(), time.time()
        self._first: float | None = None
        self._took: float | None = None
        self._ended = False
        self._pieces: list[str] = []
        self.response_id: str = str(response or event_id())
        self.input, self.model, self.provider = _frozen(client, input), model, provider
        self.output: Any = None
        self.model_answered: str | None = None
        self.finish_reason: str | None = None
        self.usage: Any = None
        self.error: str | None = None

    def add(self, text: str) -> None:
        """The next piece of a streamed answer; the first one sets the time to the first token."""
        if self._first is None:
            self._first = time.perf_counter()
        self._pieces.append(text)

    def took(self, began: float, ended: float) -> None:
        """For a call that is over already: when it began and ended, in seconds since 1970."""
        self._began_at, self._took = began, max(ended - began, 0.0)

    def end(self, error: BaseException | None = None) -> None:
        """Reports the generation; a second call does nothing. The ``with`` block calls it."""
        if self._ended:
            return
        self._ended = True
        try:
            self._report(error)
        except Exception as problem:
            self._client.failed(problem)

    def _report(self, error: BaseException | None) -> None:
        if error is not None:
            self.error, self.finish_reason = type(error).__name__, self.finish_reason or "error"
        took = time.perf_counter() - self._began if self._took is None else self._took
        context = {**(self._about.get("context") or {}), "model_requested": self.model,
                   "model_answered": self.model_answered, "provider": self.provider}
        about: Any = {**_current_span(), **self._about,
                      "context": {name: value for name, value in context.items() if value is not None}}
        links = {"regenerate_of": self._regenerate_of} if self._regenerate_of else None
        self._client.event("generation.completed", self._payload(took), source="system", links=links,
                           at=self._began_at + took, response=self.response_id, **about)
        self._client.ended(self.response_id)

    def _payload(self, took: float) -> dict[str, Any]:
        output = self.output if self.output is not None else "".join(self._pieces) if self._pieces else None
        payload = {
            "input": _messages(self.input, "user"), "output": _messages(plain(output), "assistant"),
            "finish_reason": self.finish_reason, "usage": plain(self.usage) or None, "error": self.error,
            "latency_ms": round(took * 1000),
            "first_token_ms": None if self._first is None else round((self._first - self._began) * 1000)}
        if not self._client.content:
            payload |= {"input": None, "output": None}
        return {name: value for name, value in payload.items() if value is not None}

    def __enter__(self) -> Generation:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.end(error)

    async def __aenter__(self) -> Generation:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        self.end(error)


def _frozen(client: Client, value: Any) -> Any:
    """A copy as it is now: products go on appending to their list of messages."""
    try:
        return plain(value) if client.content else None
    except Exception as error:
        client.failed(error)
        return None


def _messages(value: Any, role: str) -> dict[str, Any] | None:
    """``{"messages": [...]}`` of a text, one message or several."""
    if value is None:
        return None
    items: Sequence[Any] = value if isinstance(value, list) else [value]
    return {"messages": [each if isinstance(each, dict) and ("role" in each or "content" in each)
                         else {"role": role, "content": each if isinstance(each, str) else [each]} for each in items]}


def _current_span() -> dict[str, str]:
    """The ids of OpenTelemetry's current span, where the product traces."""
    telemetry = sys.modules.get("opentelemetry.trace")
    if telemetry is None:
        return {}
    span = telemetry.get_current_span().get_span_context()
    return {"trace": f"{span.trace_id:032x}", "span": f"{span.span_id:016x}"} if span.is_valid else {}

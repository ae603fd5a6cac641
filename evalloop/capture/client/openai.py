"""Watches the chat completions of an ``openai`` client; requests, answers, streams and errors pass through unchanged.

The client's own objects stay what they are: only the method ``create`` of this one client is replaced, and the iterator
inside a stream. Nothing of ``openai`` is imported.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evalloop.capture.client.client import Client
    from evalloop.capture.client.generation import Generation


def watch(client: Client, target: Any) -> Any:
    """Replaces ``target.chat.completions.create``; a client that looks different is left alone and counted."""
    try:
        completions = target.chat.completions
        create = completions.create
        if not getattr(create, "evalloop_watched", False):
            wrapped = _watched(client, create)
            wrapped.evalloop_watched = True  # type: ignore[attr-defined]
            completions.create = wrapped
    except Exception as error:
        client.failed(error)
    return target


def _watched(client: Client, create: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(create)
    def watched(*args: Any, **kwargs: Any) -> Any:
        generation = _begin(client, kwargs)
        try:
            answer = create(*args, **kwargs)
        except BaseException as error:
            generation.end(error)
            raise
        finish = _later if inspect.isawaitable(answer) else _finish
        return finish(client, generation, answer)
    return watched


async def _later(client: Client, generation: Generation, answer: Awaitable[Any]) -> Any:
    try:
        made = await answer
    except BaseException as error:
        generation.end(error)
        raise
    return _finish(client, generation, made)


def _begin(client: Client, request: Mapping[str, Any]) -> Generation:
    model = request.get("model")
    messages = request.get("messages")
    return client.generation(model=None if model is None else str(model), provider="openai",
                             input=list(messages) if isinstance(messages, list | tuple) else messages)


def _finish(client: Client, generation: Generation, answer: Any) -> Any:
    """Reports a whole answer now, and a stream when it ends or is closed."""
    try:
        if hasattr(answer, "choices"):
            take_answer(generation, answer)
            generation.end()
        elif hasattr(answer, "_iterator"):
            later = hasattr(answer._iterator, "__anext__")
            answer._iterator = pieces = (_async_pieces if later else _pieces)(client, generation, answer._iterator)
            answer.close = (_closing_async if later else _closing)(pieces, answer.close)
        else:  # a raw response: its body is the caller's to read
            generation.end()
    except Exception as error:
        client.failed(error)
    return answer


def _closing(observed: Any, close: Callable[[], Any]) -> Callable[[], Any]:
    """``close`` of a stream, which also ends the report (a stream that is only left ends with garbage collection)."""
    def both() -> None:
        try:
            observed.close()
        finally:
            close()
    return both


def _closing_async(observed: Any, close: Callable[[], Any]) -> Callable[[], Any]:
    async def both() -> None:
        try:
            await observed.aclose()
        finally:
            await close()
    return both


def _pieces(client: Client, generation: Generation, stream: Iterator[Any]) -> Iterator[Any]:
    gathered = Gathered(client, generation)
    with generation:
        try:
            for chunk in stream:
                gathered.take(chunk)
                yield chunk
        finally:
            gathered.finish()


async def _async_pieces(client: Client, generation: Generation, stream: AsyncIterator[Any]) -> AsyncIterator[Any]:
    gathered = Gathered(client, generation)
    with generation:
        try:
            async for chunk in stream:
                gathered.take(chunk)
                yield chunk
        finally:
            gathered.finish()


def take_answer(generation: Generation, answer: Any) -> None:
    """Fills a generation in from a ``ChatCompletion`` (or litellm's ``ModelResponse``)."""
    generation.response_id = str(getattr(answer, "id", None) or generation.response_id)
    generation.model_answered = getattr(answer, "model", None)
    generation.usage = getattr(answer, "usage", None)
    if answer.choices:
        choice = answer.choices[0]
        generation.finish_reason = getattr(choice, "finish_reason", None)
        generation.output = choice.message


class Gathered:
    """The chunks of a stream, put together; a tool call comes in parts that share an index."""

    def __init__(self, client: Client, generation: Generation) -> None:
        self._client, self._generation = client, generation
        self._texts: list[str] = []
        self._calls: dict[int, dict[str, Any]] = {}
        self._ended = False

    def take(self, chunk: Any) -> None:
        """Adds one chunk; never raises."""
        try:
            self._take(chunk)
        except Exception as error:
            self._client.failed(error)

    def _take(self, chunk: Any) -> None:
        generation = self._generation
        generation.response_id = str(getattr(chunk, "id", None) or generation.response_id)
        generation.model_answered = getattr(chunk, "model", None) or generation.model_answered
        generation.usage = getattr(chunk, "usage", None) or generation.usage
        for choice in (chunk.choices or ())[:1]:
            if choice.delta.content:
                self._texts.append(choice.delta.content)
                generation.add(choice.delta.content)
            for call in getattr(choice.delta, "tool_calls", None) or ():
                self._call(call)
            if choice.finish_reason:
                generation.finish_reason, self._ended = choice.finish_reason, True

    def _call(self, part: Any) -> None:
        call = self._calls.setdefault(part.index, {"id": None, "type": "function",
                                                   "function": {"name": "", "arguments": ""}})
        call["id"] = part.id or call["id"]
        if part.function:
            call["function"]["name"] += part.function.name or ""
            call["function"]["arguments"] += part.function.arguments or ""

    def finish(self) -> None:
        """Sets the output; a stream that was left early has the finish reason ``stopped_early``."""
        message: dict[str, Any] = {"role": "assistant", "content": "".join(self._texts) or None}
        if self._calls:
            message["tool_calls"] = [self._calls[index] for index in sorted(self._calls)]
        self._generation.output = message
        if not self._ended:
            self._generation.finish_reason = self._generation.finish_reason or "stopped_early"

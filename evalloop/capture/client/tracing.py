"""The decorator: each call of a function is a generation. Calls, results and errors pass through unchanged."""

from __future__ import annotations

import functools
import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from evalloop.capture.client.client import Client
    from evalloop.capture.client.generation import Generation

F = TypeVar("F", bound=Callable[..., Any])


def traced(client: Client, function: F, *, model: str | None, provider: str | None) -> F:
    """The function, reported: its arguments are the input (a single one by itself), what it gives is the output."""
    signature = inspect.signature(function)

    def begin(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Generation:
        return client.generation(model=model, provider=provider, input=_given(signature, args, kwargs),
                                 context={"surface": function.__name__})

    return cast("F", functools.wraps(function)(_wrapper(function, begin)))


def _wrapper(function: Callable[..., Any], begin: Callable[..., Generation]) -> Callable[..., Any]:
    if inspect.isasyncgenfunction(function):
        async def stream_async(*args: Any, **kwargs: Any) -> AsyncIterator[Any]:
            with begin(args, kwargs) as generation:
                async for piece in function(*args, **kwargs):
                    generation.add(_text(piece))
                    yield piece
        return stream_async
    if inspect.iscoroutinefunction(function):
        async def call_async(*args: Any, **kwargs: Any) -> Any:
            with begin(args, kwargs) as generation:
                generation.output = result = await function(*args, **kwargs)
                return result
        return call_async
    if inspect.isgeneratorfunction(function):
        def stream(*args: Any, **kwargs: Any) -> Iterator[Any]:
            with begin(args, kwargs) as generation:
                for piece in function(*args, **kwargs):
                    generation.add(_text(piece))
                    yield piece
        return stream

    def call(*args: Any, **kwargs: Any) -> Any:
        with begin(args, kwargs) as generation:
            generation.output = result = function(*args, **kwargs)
            return result
    return call


def _given(signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    try:
        arguments = dict(signature.bind(*args, **kwargs).arguments)
    except TypeError:  # the call itself will raise it
        return None
    arguments.pop("self", None)
    return next(iter(arguments.values())) if len(arguments) == 1 else {"role": "user", "content": [arguments]}


def _text(piece: Any) -> str:
    return piece if isinstance(piece, str) else str(piece)

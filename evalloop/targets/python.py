"""Target ``python``: a callable of the project, which the project's own settings allow.

A variant comes with an evalset, perhaps from a stranger, so it cannot allow code: only ``allow_python`` of
``evalloop.toml`` can.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import inspect
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any

from evalloop.contracts import Services
from evalloop.errors import ConfigError, TargetError
from evalloop.records.call import Reply, Request
from evalloop.records.variant import Variant
from evalloop.targets.wire import project_file


class PythonTarget:
    """Calls ``module:name`` or ``file.py:name`` (under the project folder), sync in a thread or async.

    The callable's parameters are filled by name: ``text`` (the last message's text), ``messages``, ``params``,
    ``request``, ``model``; its first parameter, if it has another name, gets the text. It returns a text, a mapping
    with the fields of a Reply (``text`` at least), or a Reply.
    """

    name = "python"
    version = "1"
    cacheable = False
    schema: Mapping[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "required": ["callable"],
        "properties": {
            "callable": {"type": "string", "pattern": "^[^:]+:[A-Za-z_][A-Za-z0-9_.]*$",
                         "description": "module:name or file.py:name, listed in the setting allow_python"},
            "threads": {"type": "integer", "minimum": 1, "default": 32,
                        "description": "threads for a callable that is not async"},
        },
    }

    def open(self, variant: Variant, services: Services) -> PythonCaller:
        """A caller; raises ConfigError for a callable that is missing or not allowed."""
        name = str(variant.options.get("callable") or "")
        place = f"variant {variant.name}"
        if name not in services.allowed:
            raise ConfigError(f"the callable {name!r} is not allowed to run", file=place, key="options.callable",
                              fix=f'if you trust it, add it to evalloop.toml: allow_python = ["{name}"]')
        return PythonCaller(_load(name, services.root, place), variant, int(variant.options.get("threads", 32)))


class PythonCaller:
    """One callable with its threads."""

    def __init__(self, function: Callable[..., Any], variant: Variant, threads: int) -> None:
        self._function = function
        self._variant = variant
        self._fill = _filler(function, variant)
        self._is_async = inspect.iscoroutinefunction(function)
        self._threads = None if self._is_async else ThreadPoolExecutor(threads, thread_name_prefix="python-target")

    async def call(self, request: Request) -> Reply:
        """One answer; what the callable raises becomes a TargetError."""
        arguments = self._fill(request)
        try:
            if self._is_async:
                answer = await self._function(**arguments)
            else:
                loop = asyncio.get_running_loop()
                answer = await loop.run_in_executor(self._threads, lambda: self._function(**arguments))
                answer = await answer if inspect.isawaitable(answer) else answer
        except TargetError:
            raise
        except Exception as error:
            raise TargetError(f"the callable raised {type(error).__name__}: {error}",
                              variant=self._variant.name) from error
        return _reply(answer, self._variant.name)

    async def close(self) -> None:
        """Lets the threads go; a call that still runs in one is not waited for."""
        if self._threads is not None:
            self._threads.shutdown(wait=False, cancel_futures=True)


def _load(name: str, root: Path, place: str) -> Callable[..., Any]:
    module_name, _, path = name.partition(":")
    try:
        found: Any = _module(module_name, root, place)
        for part in path.split("."):
            found = getattr(found, part)
    except ConfigError:
        raise
    except Exception as error:
        raise ConfigError(f"the callable {name!r} cannot be loaded: {type(error).__name__}: {error}", file=place,
                          key="options.callable", fix=f"a file or module under {root}, and the name in it") from None
    if not callable(found):
        raise ConfigError(f"{name!r} is not callable", file=place, key="options.callable", fix="name a function")
    function: Callable[..., Any] = found
    return function


def _module(name: str, root: Path, place: str) -> ModuleType:
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    if not name.endswith(".py"):
        return importlib.import_module(name)
    file = project_file(root, name, place, "options.callable")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"no module at {file}")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _filler(function: Callable[..., Any], variant: Variant) -> Callable[[Request], dict[str, Any]]:
    """What fills the parameters of ``function`` from a request."""
    sources: dict[str, Callable[[Request], Any]] = {
        "text": _last_text,
        "messages": lambda request: [dict(message) for message in request.messages],
        "params": lambda request: dict(request.params),
        "request": lambda request: request,
        "model": lambda request: variant.model,
    }
    names = list(inspect.signature(function).parameters)
    wanted = {name: sources[name] for name in names if name in sources}
    if names and names[0] not in sources:
        wanted[names[0]] = _last_text
    return lambda request: {name: source(request) for name, source in wanted.items()}


def _last_text(request: Request) -> str:
    content = request.messages[-1].get("content") if request.messages else ""
    return content if isinstance(content, str) else str(content)


def _reply(answer: Any, variant: str) -> Reply:
    if isinstance(answer, Reply):
        return answer
    if isinstance(answer, str):
        return Reply(answer)
    if isinstance(answer, Mapping) and isinstance(answer.get("text"), str):
        return Reply.from_dict(answer)
    raise TargetError(f"the callable returned {type(answer).__name__}", variant=variant,
                      fix='return a text, or a mapping with "text"')

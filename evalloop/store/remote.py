"""A process of its own that answers one request after the other, over its standard input and output."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, Any, Self

from evalloop.errors import StoreError
from evalloop.store.messages import SIZE, packed, unpacked


@dataclass(frozen=True)
class Step:
    """How much of a request is done, said before its answer."""

    done: int


def _unheard(done: int) -> None:
    """Nobody watches."""


class Remote:
    """A process that runs ``code``, which calls ``answering``. One thread asks it; it ends with its parent."""

    def __init__(self, code: str) -> None:
        self._child = subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def ask(self, request: Any, told: Callable[[int], None] = _unheard) -> Any:
        """The answer; what the process raised is raised here, StoreError when it has ended. ``told`` hears how much is
        done."""
        try:
            _send(self._child.stdin, request)
            while isinstance(answer := _receive(self._child.stdout), Step):
                told(answer.done)
        except OSError:
            answer = None
        if answer is None:
            raise StoreError("a process that works for this one has ended", lasting=True, fix="do the same again")
        if isinstance(answer, Exception):
            raise answer
        return answer

    def close(self) -> None:
        """Ends it, when it has done what it was given."""
        for pipe in (self._child.stdin, self._child.stdout):
            if pipe is not None:
                pipe.close()
        self._child.wait()


Tell = Callable[[int], None]
Begin = Callable[[Any, Tell], Callable[[Any], Any]]


def answering(begin: Begin) -> None:
    """Answers requests until the parent has gone: ``begin`` makes of the first one what answers the others, which may
    tell how much is done."""
    leave_signals_to_parent()
    with suppress(BrokenPipeError):
        _answer_all(begin)


def _answer_all(begin: Begin) -> None:
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    answer: Callable[[Any], Any] | None = None
    while (request := _receive(source)) is not None:
        try:
            if answer is None:
                answer, made = begin(request, lambda done: _send(sink, Step(done))), True
            else:
                made = answer(request)
        except Exception as error:
            _send(sink, error)
            continue
        _send(sink, made)


def leave_signals_to_parent() -> None:
    """What stops a whole group of processes (Ctrl-C, a service manager) stops the parent; this one ends after it."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _send(pipe: IO[bytes] | None, message: Any) -> None:
    assert pipe is not None
    pipe.write(packed(message))
    pipe.flush()


def _receive(pipe: IO[bytes] | None) -> Any:
    """The next message; None at the end."""
    assert pipe is not None
    head = pipe.read(SIZE.size)
    if len(head) < SIZE.size:
        return None
    body = pipe.read(size := SIZE.unpack(head)[0])
    return unpacked(body) if len(body) == size else None

"""A process of its own that writes into the event store: whoever makes rows and the database do not share a thread.

``python -c "from evalloop.store.writing import main; main()"`` reads requests from standard input and answers on
standard output; it ends when its input does, after what it was given is on the disk.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from itertools import chain
from threading import Event, Lock, Thread
from typing import IO, TYPE_CHECKING, Any, Self

from evalloop.errors import EvalloopError, StoreError
from evalloop.store.body import Row
from evalloop.store.deadletters import Letter
from evalloop.store.events import Added, EventStore, added

if TYPE_CHECKING:
    from sqlalchemy import Engine

LANES = 2
"""Groups that may be on their way at once: while one is written, the next one travels."""
CARRY_S = 8.0
"""Seconds between two looks at SQLite's log, so that no commit has much of it to carry over."""
_SIZE = struct.Struct("!Q")
_CODE = "from evalloop.store.writing import main; main()"


class WritingProcess:
    """Writes as ``EventStore.write`` does, elsewhere. ``address`` is that of an open store. It starts with the first
    write, and again after it was killed (what it was then writing is refused, and may be written again)."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._child: subprocess.Popen[bytes] | None = None
        self._sending, self._receiving = Lock(), Lock()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def write(self, rows: Sequence[Row], letters: Sequence[Letter] = ()) -> list[str]:
        """What became of each row, once all is on the disk; StoreError when the database refuses. Up to ``LANES``
        threads may write at a time."""
        request = tuple(chain.from_iterable(rows)), tuple(letters)
        with self._sending:
            child = self._child = self._running()
            try:
                _send(child.stdin, request)
            except OSError:
                raise self._lost(child) from None
            self._receiving.acquire()  # before the next one sends: answers come in the order of requests
        try:
            answer = _receive(child.stdout)
        finally:
            self._receiving.release()
        if answer is None:
            raise self._lost(child)
        if isinstance(answer, Exception):
            raise answer
        fates: list[str] = answer
        return fates

    def add_rows(self, rows: Sequence[Row]) -> Added:
        """The same, counted."""
        return added(rows, self.write(rows))

    def start(self) -> None:
        """Starts it now, so that the first write need not wait for it; StoreError when it cannot open the store."""
        with self._sending:
            self._child = self._running()

    def close(self) -> None:
        """Ends it, when all that it was given is written."""
        with self._sending, self._receiving:
            if self._child is not None and self._child.stdin is not None:
                self._child.stdin.close()
                self._child.wait()
            self._child = None

    def _running(self) -> subprocess.Popen[bytes]:
        if self._child is not None and self._child.poll() is None:
            return self._child
        child = subprocess.Popen([sys.executable, "-c", _CODE], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                 env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))})
        try:
            _send(child.stdin, self._address)
            opened = _receive(child.stdout)
        except OSError:
            opened = None
        if opened is None:
            raise self._lost(child)
        if isinstance(opened, EvalloopError):
            raise StoreError(opened.message, lasting=True, fix=opened.fix)
        return child

    def _lost(self, child: subprocess.Popen[bytes]) -> StoreError:
        child.kill()
        child.wait()
        return StoreError("the process that writes has ended", lasting=True, fix="send the same again")


def _send(pipe: IO[bytes] | None, message: Any) -> None:
    assert pipe is not None
    body = pickle.dumps(message, protocol=5)
    pipe.write(_SIZE.pack(len(body)) + body)
    pipe.flush()


def _receive(pipe: IO[bytes] | None) -> Any:
    """The next message; None at the end."""
    assert pipe is not None
    head = pipe.read(_SIZE.size)
    if len(head) < _SIZE.size:
        return None
    body = pipe.read(size := _SIZE.unpack(head)[0])
    return pickle.loads(body) if len(body) == size else None  # noqa: S301  # from our own parent or child


def main() -> None:
    """Writes what it is given until its input ends."""
    leave_signals_to_parent()
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr
    address = _receive(source)
    if address is None:
        return
    try:
        store = EventStore(address)
    except EvalloopError as error:
        _send(sink, error)
        return
    _send(sink, "open")
    with store, LogCarrier(store.engine) as carrier:
        while (request := _receive(source)) is not None:
            _send(sink, _answer(store.write, *request))
            carrier.wake()


def _answer(write: Callable[..., list[str]], values: Sequence[Any], letters: Sequence[Letter]) -> Any:
    """The fates, or why there are none."""
    try:
        return write([Row(*each) for each in zip(*[iter(values)] * len(Row._fields), strict=True)], letters)
    except StoreError as error:
        return error
    except Exception as error:
        return RuntimeError(f"{type(error).__name__}: {error}")


def leave_signals_to_parent() -> None:
    """What stops a whole group of processes (Ctrl-C, a service manager) stops the parent; this one ends after it."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


class LogCarrier:
    """Carries SQLite's log over into the file beside the writing, as ``PRAGMA wal_checkpoint(PASSIVE)`` may: a commit
    that finds the log full then has little left to do. One process of several does it (``active``)."""

    def __init__(self, engine: Engine, *, active: bool = True) -> None:
        self._engine, self._active = engine, active and engine.dialect.name == "sqlite"
        self._written, self._ended = Event(), Event()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        if self._active:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._written.set()
        if self._thread.is_alive():
            self._thread.join()

    def wake(self) -> None:
        """Something was written."""
        self._written.set()

    def _run(self) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        while self._written.wait() and not self._ended.wait(CARRY_S):
            self._written.clear()
            try:
                connection = self._engine.raw_connection()
            except SQLAlchemyError:
                continue  # the next commit says what is wrong
            try:
                connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
            except Exception:  # noqa: S110  # a full disk: the next commit says so
                pass
            finally:
                connection.close()

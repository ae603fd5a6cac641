"""A collector's side of its workers: hands tasks out, hears what became of them, starts a worker again that ended."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from threading import Thread
from typing import Any

from evalloop.capture.intake import BodyError
from evalloop.errors import EvalloopError, StoreError
from evalloop.masking import BY_FORMS, Masking
from evalloop.store.messages import SIZE, packed, unpacked
from evalloop.store.turns import turns_at
from evalloop.web.answers import Refused
from evalloop.web.channel import Channel
from evalloop.web.worker import Opening, Outcome, Task, work

WAITING = 20_000
"""Events that may wait; a request beyond is told to come again."""
_CODE = "from evalloop.web.worker import main; main()"


class _Remote:
    """One worker: a process (a thread where a process cannot be given a socket)."""

    def __init__(self, opening: Opening) -> None:
        self._opening = opening
        self._process: subprocess.Popen[bytes] | None = None
        self._stream: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
        self._listening: asyncio.Task[None] | None = None
        self._starting = asyncio.Lock()
        self._pending: deque[tuple[asyncio.Future[Outcome], int]] = deque()
        self.waiting = self.commits = 0

    async def start(self) -> None:
        """Starts it where it does not run; EvalloopError when it cannot open the store."""
        async with self._starting:
            if self._stream is not None:
                return
            ours, theirs = socket.socketpair()
            self._process = _started(theirs)
            reader, writer = await asyncio.open_connection(sock=ours)
            writer.write(packed(self._opening))
            opened = await _received(reader)
            if opened != "open":
                writer.close()
                raise opened if isinstance(opened, EvalloopError) else StoreError("a worker ended as it began")
            self._stream = reader, writer
            self._listening = asyncio.create_task(self._listen(reader))

    def give(self, task: Task, number: int) -> asyncio.Future[Outcome]:
        """What will have become of a task of about so many events. It runs."""
        assert self._stream is not None
        done: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._pending.append((done, number))
        self.waiting += number
        self._stream[1].write(packed(task))
        return done

    async def _listen(self, reader: asyncio.StreamReader) -> None:
        while (outcomes := await _received(reader)) is not None:
            self.commits += any(isinstance(each, Outcome) for each in outcomes)
            for outcome in outcomes:
                self._tell(outcome)
        if self._stream is not None:
            self._stream[1].close()
            self._stream = None
        while self._pending:
            self._tell(StoreError("a worker has ended"))

    def _tell(self, outcome: Outcome | Exception) -> None:
        done, number = self._pending.popleft()
        self.waiting -= number
        if done.done():
            return
        if isinstance(outcome, Exception):
            done.set_exception(_refused(outcome))
        else:
            done.set_result(outcome)

    async def close(self) -> None:
        """Ends it, when all that it was given is done."""
        if self._stream is not None:
            self._stream[1].write_eof()
        if self._listening is not None:
            await self._listening
        if self._process is not None:
            await asyncio.to_thread(self._process.wait)


def _started(theirs: socket.socket) -> subprocess.Popen[bytes] | None:
    if not hasattr(socket, "AF_UNIX"):
        Thread(target=work, args=(Channel(theirs),), daemon=True).start()
        return None
    with theirs:
        return subprocess.Popen([sys.executable, "-c", _CODE], stdin=theirs.fileno(), stdout=subprocess.DEVNULL,
                                env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))})


async def _received(reader: asyncio.StreamReader) -> Any:
    """The next message; None at the end."""
    try:
        head = await reader.readexactly(SIZE.size)
        return unpacked(await reader.readexactly(SIZE.unpack(head)[0]))
    except (asyncio.IncompleteReadError, OSError):
        return None


class Workers:
    """So many workers on the store at ``address``, and one way to them."""

    def __init__(self, address: str, salt: bytes, count: int, *, waiting: int = WAITING,
                 masking: Masking = BY_FORMS) -> None:
        self._limit = waiting
        turns = turns_at(address)
        count = count if hasattr(socket, "AF_UNIX") else 1
        self._workers = [_Remote(Opening(address, salt, turns, number == 0, masking))
                         for number in range(count)]
        self._closing = False

    @property
    def waiting(self) -> int:
        """Events, about, that are not yet durable."""
        return sum(each.waiting for each in self._workers)

    @property
    def commits(self) -> int:
        """Groups that were stored."""
        return sum(each.commits for each in self._workers)

    async def start(self) -> None:
        """Starts them all; EvalloopError when they cannot open the store."""
        await asyncio.gather(*(each.start() for each in self._workers))

    async def close(self) -> None:
        """Finishes all that waits, then ends."""
        self._closing = True
        await asyncio.gather(*(each.close() for each in self._workers))

    async def take(self, task: Task, number: int) -> Outcome:
        """What became of a task of about ``number`` events, once they are on the disk. Refused: 400 for a body that
        holds no events, 503 when too much waits or the disk refuses."""
        if self._closing or (self.waiting and self.waiting + number > self._limit):
            raise Refused(503, "too many events wait to be written", "send the same batch again", retry_after=1)
        worker = min(self._workers, key=lambda each: each.waiting)
        try:
            await worker.start()
        except EvalloopError as error:
            raise _refused(error) from None
        return await worker.give(task, number)


def _refused(error: Exception) -> Refused:
    """Nothing of the batch was stored, and its sender is told so."""
    if isinstance(error, BodyError):
        return Refused(400, error.message, error.fix)
    said = f": {error.message}" if isinstance(error, EvalloopError) else ""
    return Refused(503, f"the store cannot be written{said}",
                   "nothing of this batch was stored: send it again, and tell whoever runs the collector",
                   retry_after=5)


def about(given: bytes | Sequence[Any]) -> int:
    """How many events something holds, about."""
    return max(1, given.count(b'"event_id"') if isinstance(given, bytes) else len(given))

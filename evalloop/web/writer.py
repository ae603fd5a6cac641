"""Group commit: requests that wait at the same time share one transaction, and each is answered when it is durable."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from evalloop.errors import StoreError
from evalloop.store.body import Row
from evalloop.store.deadletters import Letter
from evalloop.web.answers import Refused

GROUP = 2000
"""Events of one transaction at most."""
WAITING = 20_000
"""Events that may wait; a request beyond is told to come again."""

Write = Callable[[Sequence[Row], Sequence[Letter]], list[str]]
_log = logging.getLogger("evalloop.collector")


@dataclass
class _Batch:
    rows: Sequence[Row]
    letters: Sequence[Letter]
    done: asyncio.Future[list[str]]
    fates: Sequence[str] = ()
    error: Exception | None = None

    def tell(self) -> None:
        """Gives the sender, if it still waits, what became of its events."""
        if self.done.done():
            return
        if self.error is None:
            self.done.set_result(list(self.fates))
        else:
            self.done.set_exception(_refused(self.error))

    @property
    def size(self) -> int:
        return len(self.rows) + len(self.letters)


class Writer:
    """``write`` stores rows and dead letters in one transaction and returns the rows' fates; so many threads as there
    are ``lanes`` call it."""

    def __init__(self, write: Write, *, waiting: int = WAITING, lanes: int = 1) -> None:
        self._write = write
        self._limit = waiting
        self._batches: deque[_Batch] = deque()
        self._size = 0
        self._wake = asyncio.Event()
        self._threads = ThreadPoolExecutor(lanes, thread_name_prefix="evalloop-writer")
        self._lanes = lanes
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False
        self.commits = 0

    @property
    def waiting(self) -> int:
        """Events that are not yet durable."""
        return self._size

    def start(self) -> None:
        """Begins to write, on the running loop."""
        self._tasks = [asyncio.create_task(self._run()) for _ in range(self._lanes)]

    async def close(self) -> None:
        """Writes all that waits, then ends."""
        self._closing = True
        self._wake.set()
        await asyncio.gather(*self._tasks)
        self._threads.shutdown()

    async def store(self, rows: Sequence[Row], letters: Sequence[Letter]) -> list[str]:
        """The fates of the rows, once they are on the disk. Refused (503) when too much waits or the disk refuses."""
        batch = _Batch(rows, letters, asyncio.get_running_loop().create_future())
        if self._closing or (self._size and self._size + batch.size > self._limit):
            raise Refused(503, "too many events wait to be written", "send the same batch again", retry_after=1)
        self._batches.append(batch)
        self._size += batch.size
        self._wake.set()
        return await batch.done

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._batches or not self._closing:
            if not self._batches:
                self._wake.clear()
                await self._wake.wait()
                continue
            group = self._take()
            await loop.run_in_executor(self._threads, self._store, group)
            self.commits += any(batch.error is None for batch in group)
            for batch in group:
                batch.tell()
                self._size -= batch.size

    def _take(self) -> list[_Batch]:
        group, size = [self._batches.popleft()], 0
        while self._batches and (size := size + group[-1].size) < GROUP:
            group.append(self._batches.popleft())
        return group

    def _store(self, group: Sequence[_Batch]) -> None:
        """Stores the batches together; where that fails for the sake of one of them, each alone."""
        rows = [row for batch in group for row in batch.rows]
        try:
            fates = self._write(rows, [letter for batch in group for letter in batch.letters])
        except Exception as error:
            if len(group) > 1 and not (isinstance(error, StoreError) and error.lasting):
                for batch in group:
                    self._store([batch])
                return
            _log.error("cannot write events: %s", error, exc_info=not isinstance(error, StoreError))
            for batch in group:
                batch.error = error
            return
        start = 0
        for batch in group:
            batch.fates = fates[start:start + len(batch.rows)]
            start += len(batch.rows)


def _refused(error: Exception) -> Refused:
    """Nothing of the batch was stored, and its sender is told so."""
    said = f": {error.message}" if isinstance(error, StoreError) else ""
    return Refused(503, f"the store cannot be written{said}",
                   "nothing of this batch was stored: send it again, and tell whoever runs the collector",
                   retry_after=5)

"""The thread behind a client: takes events from the product's threads, keeps them safe, and sends them in batches.

Events go to the outbox within ``LINGER`` seconds, and from there to the collector; an event leaves the outbox only when
the collector answered for it. What the collector refuses for good is counted, logged and kept beside the outbox.
"""

from __future__ import annotations

import contextlib
import json
import logging
import queue
import random
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalloop.capture.client.events import Handed
from evalloop.capture.client.transport import Answer, Transport
from evalloop.store.outbox import Outbox

LINGER = 0.05
ADOPT_EVERY = 30.0
BACKOFF = (0.5, 60.0)
REFUSED = "refused.jsonl"
REFUSED_BYTES = 10_000_000
WRONG_BATCH = frozenset({400, 404, 405, 413, 415, 422})
NOT_STORED = frozenset({"invalid", "conflict", "refused"})
log = logging.getLogger("evalloop.capture")


@dataclass(frozen=True)
class Limits:
    """Bounds of a sender: events in a batch, seconds until a batch is sent, events and bytes that wait."""

    batch: int = 50
    interval: float = 0.5
    queue: int = 10_000
    event_bytes: int = 256_000
    disk_bytes: int = 256_000_000
    memory_bytes: int = 32_000_000


class Sender:
    """Owns the outbox and the connection; both are used by its own thread only."""

    def __init__(self, transport: Transport, folder: Path | None, prepare: Callable[[Handed], Mapping[str, Any]],
                 limits: Limits) -> None:
        self._transport, self._folder, self._prepare, self._limits = transport, folder, prepare, limits
        self._counts: dict[str, int] = {}
        self._counting = threading.Lock()
        self._said: set[str] = set()
        self._outbox = Outbox(folder, max_bytes=limits.disk_bytes, max_memory=limits.memory_bytes)
        self._size = limits.batch
        self.reset()

    def reset(self) -> None:
        """Makes queue, locks and thread anew; a forked child begins with nothing of its parent's."""
        self._outbox.forget()
        self._transport.close()
        self._queue: queue.SimpleQueue[Handed | _Flush] = queue.SimpleQueue()
        self._counting = threading.Lock()
        self._starting = threading.Lock()
        self._hurry = threading.Event()
        self._thread: threading.Thread | None = None
        self._since = self._not_before = 0.0
        self._failures = 0
        self._adopt_at = 0.0
        self._closed = False

    # ---- the product's threads ---------------------------------------------------------------------------------------

    def put(self, handed: Handed) -> None:
        """Takes one event; drops and counts it when too many wait. Never waits."""
        if self._closed or self._queue.qsize() >= self._limits.queue:
            self.count("dropped")
            return
        self._queue.put(handed)
        if self._thread is None:
            self._start()

    def flush(self, timeout: float) -> bool:
        """Waits until everything handed over so far was sent; False when the time was too short or it cannot be."""
        if self._closed:
            return not len(self._outbox)
        flush = _Flush()
        self._queue.put(flush)
        self._hurry.set()
        self._start()
        return flush.done.wait(timeout) and flush.sent

    def close(self, timeout: float) -> None:
        """Sends what can be sent in time, leaves the rest on the disk, and ends the thread."""
        if self._closed:
            return
        if self._thread is not None or not self._queue.empty():
            self.flush(timeout)
        self._closed = True
        thread, flush = self._thread, _Flush(last=True)
        self._queue.put(flush)
        self._hurry.set()
        if thread is not None and thread.is_alive():
            thread.join(max(timeout, 0.1))
        else:
            self._work(flush)

    def count(self, name: str, number: int = 1) -> None:
        """Adds to a count of ``stats``."""
        with self._counting:
            self._counts[name] = self._counts.get(name, 0) + number

    def tell_once(self, message: str) -> None:
        """Logs a warning, the same one once in a process."""
        if message not in self._said and len(self._said) < 100:
            self._said.add(message)
            log.warning("evalloop: %s", message)

    def stats(self) -> dict[str, Any]:
        """The counts so far, and what waits."""
        with self._counting:
            counts = dict(self._counts)
        return {**counts, "queued": self._queue.qsize(), "waiting": len(self._outbox), "outbox": self._outbox.fault or
                str(self._folder)}

    def _start(self) -> None:
        with self._starting:
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="evalloop-capture", daemon=True)
                with contextlib.suppress(RuntimeError):  # the interpreter is ending: close() does the work itself
                    self._thread.start()
                _at_end_of_worker(self)

    # ---- the sender's own thread -------------------------------------------------------------------------------------

    def _run(self) -> None:
        while True:
            try:
                first = self._queue.get(timeout=self._patience())
            except queue.Empty:
                first = None
            if first is not None and not isinstance(first, _Flush):
                self._hurry.wait(LINGER)
            try:
                if self._work(first):
                    return
            except Exception as error:
                self.count("errors")
                self.tell_once(f"the sender failed and goes on: {error!r}")
                time.sleep(LINGER)

    def _patience(self) -> float | None:
        """Seconds until there is something to do without a new event."""
        now = time.monotonic()
        if not len(self._outbox):
            return max(self._adopt_at - now, 0.0) if self._folder else None
        full = len(self._outbox) >= self._size
        return max((now if full else self._since + self._limits.interval) - now, self._not_before - now, 0.0)

    def _work(self, first: Handed | _Flush | None) -> bool:
        """One round: store what came, send what is due, answer flushes; True when it was the last."""
        flushes = self._store(first)
        if time.monotonic() >= self._adopt_at:
            self._adopt_at = time.monotonic() + ADOPT_EVERY
            self.count("adopted", self._outbox.adopt())
        if flushes:
            self._hurry.clear()
        self._send(all_of_it=bool(flushes))
        last = False
        for flush in flushes:
            flush.sent = not len(self._outbox)
            last = last or flush.last
        if last:
            self._outbox.close()
            self._transport.close()
        for flush in flushes:
            flush.done.set()
        return last

    def _store(self, first: Handed | _Flush | None) -> list[_Flush]:
        flushes: list[_Flush] = []
        lines: list[bytes] = []
        item = first
        for _ in range(self._limits.queue + 1):
            if isinstance(item, _Flush):
                flushes.append(item)
            elif item is not None:
                lines += self._line(item)
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
        else:
            self._queue.put(item) if item is not None else None
        if lines:
            if not len(self._outbox):
                self._since = time.monotonic()
            kept = self._outbox.append(lines)
            self.count("captured", kept)
            if kept < len(lines):
                self.count("dropped", len(lines) - kept)
                self.tell_once("the outbox is full, events are dropped: is the collector away?")
        return flushes

    def _line(self, handed: Handed) -> list[bytes]:
        try:
            line = json.dumps(self._prepare(handed), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
            data = line.encode()
        except Exception as error:
            self.count("errors")
            self.tell_once(f"an event of type {handed.event_type} could not be written: {error!r}")
            return []
        if len(data) > self._limits.event_bytes:
            self.count("too_large")
            self.tell_once(f"an event of type {handed.event_type} has {len(data)} bytes, at most "
                           f"{self._limits.event_bytes} are sent: cut its texts")
            return []
        return [data]

    def _send(self, *, all_of_it: bool) -> None:
        while len(self._outbox) and self._due(all_of_it=all_of_it):
            lines = self._outbox.peek(self._size)
            if not lines or not self._deliver(lines):
                return

    def _due(self, *, all_of_it: bool) -> bool:
        now = time.monotonic()
        if now < self._not_before:
            return False
        return all_of_it or len(self._outbox) >= self._size or now >= self._since + self._limits.interval

    def _deliver(self, lines: Sequence[bytes]) -> bool:
        """Sends one batch; True when the outbox moved on."""
        answer = self._transport.post(lines)
        if 200 <= answer.status < 300:
            self._accepted(lines, answer)
        elif answer.status in WRONG_BATCH and len(lines) > 1:
            self._size = max(len(lines) // 2, 1)
            return True
        elif answer.status in WRONG_BATCH:
            self._refuse(lines[0], answer.reason)
            self._outbox.advance(1)
        else:
            self._wait(answer)
            return False
        self._failures, self._since = 0, time.monotonic()
        self._size = min(self._size * 2, self._limits.batch)
        return True

    def _accepted(self, lines: Sequence[bytes], answer: Answer) -> None:
        self._outbox.advance(len(lines))
        told = [str(each.get("status", "stored")) for each in answer.results]
        for line, status, result in zip(lines, told, answer.results, strict=False):
            if status in NOT_STORED:
                self._refuse(line, f"{status}: {json.dumps(result.get('problems', ''))[:300]}")
        refused = sum(status in NOT_STORED for status in told)
        self.count("sent", len(lines) - refused)

    def _refuse(self, line: bytes, why: str) -> None:
        self.count("refused")
        self.tell_once(f"the collector refused an event: {why}")
        if self._folder is None:
            return
        with contextlib.suppress(OSError):
            path = self._folder / REFUSED
            if not path.exists() or path.stat().st_size < REFUSED_BYTES:
                with path.open("ab") as file:
                    file.write(line + b"\n")

    def _wait(self, answer: Answer) -> None:
        self.count("retries")
        self._failures += 1
        low, high = BACKOFF
        pause = answer.wait if answer.wait is not None else random.uniform(0.5, 1) * min(
            low * 2 ** min(self._failures, 10), high)
        self._not_before = time.monotonic() + pause
        if answer.status in (401, 403):
            self.tell_once(f"the collector refuses the key ({answer.reason}): events wait, mend the key")
        else:
            self.tell_once(f"the collector cannot be reached or is busy ({answer.reason}): events wait")


class _Flush:
    """Asks the sender to send all it has; ``done`` is set when it tried."""

    def __init__(self, *, last: bool = False) -> None:
        self.last = last
        self.sent = False
        self.done = threading.Event()


def _at_end_of_worker(sender: Sender) -> None:
    """A child made by multiprocessing ends without atexit: what it captured is stored all the same."""
    util = sys.modules.get("multiprocessing.util")
    process = sys.modules.get("multiprocessing.process")
    if util is not None and process is not None and process.parent_process() is not None:
        util.Finalize(sender, sender.close, args=(2.0,), exitpriority=1)

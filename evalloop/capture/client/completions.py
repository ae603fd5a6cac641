"""Completions in an editor: shown, accepted or rejected, and how much of them survives.

An editor's extension makes a ``Completion`` when it shows one, and tells it of acceptance and of each change of the
document. The rest is timed here: after 5, 30, 120, 300, 600 and 900 seconds an event tells what is left. A sample is
left out when the branch changed meanwhile, for then the text changed without the user's doing.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from evalloop.capture.client.survival import Tracked
from evalloop.survival import four_gram

if TYPE_CHECKING:
    from evalloop.capture.client.client import Client

__all__ = ["DELAYS", "Completion", "four_gram"]

DELAYS = (5.0, 30.0, 120.0, 300.0, 600.0, 900.0)


class Completion:
    """One suggestion; made by ``client.completion(...)`` at the moment it is shown. Never raises (see ``Client``)."""

    def __init__(self, client: Client, text: str, response: str, *, branch: Callable[[], str | None] | None,
                 delays: Sequence[float], content: bool, about: dict[str, Any]) -> None:
        self._client, self.text, self.response = client, text, response
        self._branch, self._delays, self._content, self._about = branch, delays, content, about
        self._shown_at = time.monotonic()
        self._tracked: Tracked | None = None
        self._lock = threading.Lock()
        self._event = ""
        client.shown(response, **about)

    def accept(self, document: str, start: int, end: int | None = None, *, text: str | None = None) -> str:
        """The suggestion replaced ``start`` to ``end`` of ``document`` (the text before); ``text``: the part taken."""
        taken = self.text if text is None else text
        took = (time.monotonic() - self._shown_at) * 1000
        fraction = min(len(taken) / len(self.text), 1.0) if self.text else 1.0
        self._event = self._client.accepted(self.response, int(took), fraction, **self._about)
        try:
            self._tracked = Tracked(document, start, start if end is None else end, taken)
            self._began, self._from = time.monotonic(), self._branch and self._branch()
            for delay in self._delays:
                CLOCK.call(self._began + delay, partial(self._sample, delay))
        except Exception as error:
            self._client.failed(error)
        return self._event

    def reject(self) -> str:
        """The user went on without it."""
        return self._client.rejected(self.response, **self._about)

    def edited(self, start: int, end: int, text: str) -> None:
        """A change of the document: ``start`` to ``end`` (offsets before the change) became ``text``."""
        try:
            with self._lock:
                if self._tracked is not None:
                    self._tracked.edit(start, end, text)
        except Exception as error:
            self._client.failed(error)

    def close(self) -> None:
        """The document is closed: no further samples."""
        with self._lock:
            self._tracked = None

    def _sample(self, delay: float) -> None:
        try:
            with self._lock:
                left = self._tracked.survival() if self._tracked is not None else None
            if left is None:
                return
            if self._branch is not None and self._branch() != self._from:
                self._client.skipped("branch_changed")
                self.close()
                return
            self._client.edited(self.response, round(delay * 1000), after=left.text if self._content else None,
                                similarity=left.four_gram, no_revert=left.no_revert,
                                retained_chars=left.retained_chars, original_chars=left.original_chars,
                                accepted_event=self._event or None, **self._about)
        except Exception as error:
            self._client.failed(error)


class Clock:
    """Calls functions at their time, all from one thread that lives while there is something to call."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._changed = threading.Condition()
        self._order = itertools.count()
        self._thread: threading.Thread | None = None

    def call(self, at: float, function: Callable[[], None]) -> None:
        """``function`` at the moment ``at`` of ``time.monotonic``."""
        with self._changed:
            heapq.heappush(self._due, (at, next(self._order), function))
            self._changed.notify()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="evalloop-completions", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while (function := self._next()) is not None:
            function()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while self._due:
                wait = self._due[0][0] - time.monotonic()
                if wait <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait)
            self._thread = None
            return None


CLOCK = Clock()

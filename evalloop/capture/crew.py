"""A large import shared out: this process reads rows, others make events of them and store these."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from threading import Lock
from typing import Any

from evalloop.capture.importing import GROUP, NOBODY, Captured, MakeEvents, Watcher, import_rows
from evalloop.capture.mapping import MappingFile, Native, RowMapper
from evalloop.contracts import RawRow
from evalloop.masking import BY_FORMS, Masker, Masking, open_masker
from evalloop.store.database import BULK_PAGES
from evalloop.store.log import EventLog
from evalloop.store.remote import Remote, answering
from evalloop.store.turns import Turns, turns_at

CREW = min((os.cpu_count() or 1) + 1, 4)
"""Processes of a large import: while one waits for the disk, others go on."""
_CODE = "from evalloop.capture.crew import main; main()"


@dataclass(frozen=True)
class Recipe:
    """How rows become events: by a mapping (None: they are events), with the project's salt for user keys, the consent
    of events that say nothing of it, and the choice of masker."""

    mapping: MappingFile | None
    salt: bytes
    consent: Mapping[str, Any] | None = None
    masking: Masking = BY_FORMS

    @property
    def masker(self) -> Masker:
        """The masker, made once in a process."""
        return open_masker(self.masking)

    def made(self) -> tuple[MakeEvents, frozenset[str], Mapping[str, str]]:
        """What makes events of a row, the columns that it reads, and why others are left out."""
        if self.mapping is None:
            return self._consenting(Native(self.salt)), frozenset(), {}
        mapper = RowMapper(self.mapping, self.salt)
        return self._consenting(mapper), mapper.columns, mapper.left_out

    def _consenting(self, make: MakeEvents) -> MakeEvents:
        """The same events, those without a consent block with this one."""
        given = self.consent
        if given is None:
            return make
        return lambda row: [event if "consent" in event else {**event, "consent": dict(given)} for event in make(row)]


@dataclass(frozen=True)
class Post:
    """What a process of the crew must know. ``turns`` is a file that whoever writes locks (empty: none)."""

    place: str
    recipe: Recipe
    address: str
    lake: str
    turns: str


def import_into(log: EventLog, rows: Iterable[RawRow], place: str, recipe: Recipe,
                watcher: Watcher = NOBODY) -> Captured:
    """Stores the events of all rows.

    What fits into one group is made and stored here; of more, a crew takes group after group. Groups are counted in
    their order, so that all rows before the number that ``watcher.stored`` hears are stored.
    """
    waiting = iter(rows)
    first = list(islice(waiting, GROUP))
    if len(first) < GROUP:
        make, columns, left_out = recipe.made()
        return import_rows(first, place, make, log.add_rows, columns=columns, left_out=left_out, masker=recipe.masker,
                           watcher=watcher)
    total = Captured(place)
    with _crew(log, place, recipe, Sum(watcher.made)) as send:
        for captured in _in_order(send, chain([first], iter(lambda: list(islice(waiting, GROUP)), []))):
            total.take(captured)
            watcher.stored(total.rows)
    return total


class Sum:
    """Adds up what several threads hear of their parts, and tells it on."""

    def __init__(self, told: Callable[[int], None]) -> None:
        self._told, self._total, self._lock = told, 0, Lock()

    def part(self) -> Callable[[int], None]:
        """Hears how much of one part is done."""
        before = 0

        def heard(done: int) -> None:
            nonlocal before
            with self._lock:
                self._total, before = self._total + done - before, done
                self._told(self._total)

        return heard


Send = Callable[[list[RawRow]], Future[Captured]]


def _in_order(send: Send, groups: Iterable[list[RawRow]]) -> Iterator[Captured]:
    """What became of each group; a few more groups are read than there are hands."""
    sent: deque[Future[Captured]] = deque()
    for group in groups:
        sent.append(send(group))
        if len(sent) > CREW + 1:
            yield sent.popleft().result()
    while sent:
        yield sent.popleft().result()


@contextmanager
def _crew(log: EventLog, place: str, recipe: Recipe, made: Sum) -> Iterator[Send]:
    """Processes that take groups; each is asked by one thread at a time."""
    with ExitStack() as stack:
        idle = deque([stack.enter_context(Remote(_CODE)) for _ in range(CREW)])
        threads = stack.enter_context(ThreadPoolExecutor(CREW, thread_name_prefix="evalloop-import"))
        address = log.store.address
        post = Post(place, recipe, address, log.lake.folder.address, turns_at(address))
        for begun in [threads.submit(remote.ask, post) for remote in idle]:
            begun.result()

        def done(group: list[RawRow]) -> Captured:
            remote = idle.popleft()
            try:
                captured: Captured = remote.ask(group, made.part())
            finally:
                idle.append(remote)
            return captured

        try:
            yield lambda group: threads.submit(done, group)
        finally:
            threads.shutdown(cancel_futures=True)


def main() -> None:
    """A process of the crew."""
    with ExitStack() as stack:
        def begin(post: Post, tell: Callable[[int], None]) -> Callable[[list[RawRow]], Captured]:
            (make, columns, left_out), masker = post.recipe.made(), post.recipe.masker
            log = stack.enter_context(EventLog(post.address, post.lake, log_pages=BULK_PAGES))
            add = partial(log.add_rows, turn=Turns(post.turns))
            return lambda group: import_rows(group, post.place, make, add, columns=columns, left_out=left_out,
                                             masker=masker, watcher=Watcher(made=tell))

        answering(begin)

"""A worker of a collector: bodies become rows, are stored together, and are answered once they are on the disk.

The process that takes requests does nothing that costs time for each event; its workers are processes too, as Python
lets one thread of a process work at a time. Each reads what waits for it, checks it, and commits it as one group.
"""

from __future__ import annotations

import gc
import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import orjson

from evalloop.capture.intake import BodyError, Intake, Sender, Verdict, parse
from evalloop.errors import EvalloopError, StoreError
from evalloop.masking import BY_FORMS, REGEX, Masker, Masking, open_masker
from evalloop.store.body import Row
from evalloop.store.deadletters import Letter
from evalloop.store.events import EventStore
from evalloop.store.schema import Problem
from evalloop.store.turns import LogCarrier, Turns
from evalloop.web.auth import FRESH_S
from evalloop.web.channel import Channel

GROUP = 2000
"""Events of one transaction, about: no request is begun beyond."""
STATUSES = ("stored", "already", "conflict", "invalid", "refused")
CONFLICT = Problem(("event_id",), "this id is stored with another content",
                   "a fact is never changed: send a new event with links.supersedes")
ERASED = Problem(("actor", "user_key"), "this user was erased", "send nothing of before that any more")
_log = logging.getLogger("evalloop.collector")


class Opening(NamedTuple):
    """What a worker must know: the address of the store, the salt of user keys, a file that whoever writes locks
    (empty: the database lets several write), whether this one carries SQLite's log over, and the choice of masker."""

    address: str
    salt: bytes
    turns: str
    carries: bool
    masking: Masking = BY_FORMS


class Task(NamedTuple):
    """What a request brings: its body (``lines``: JSON Lines) or events made of it, who sends them, and when."""

    given: bytes | list[Any]
    lines: bool
    sender: Sender
    received: datetime


class Outcome(NamedTuple):
    """What became of a task: how many events of each status, the answer as JSON, the first result that is invalid."""

    counts: dict[str, int]
    answer: bytes
    invalid: dict[str, Any] | None


@dataclass
class Draft:
    """A task that was read: a verdict of each event, and what became of those that are good."""

    verdicts: Sequence[Verdict]
    error: Exception | None = None
    rows: list[Row] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    fates: Sequence[str] = ()

    def outcome(self) -> Outcome | Exception:
        """The answer to it."""
        if self.error is not None:
            return self.error
        fates = iter(self.fates)
        results = [_result(each, next(fates) if each.row is not None else each.status) for each in self.verdicts]
        counts = Counter([each["status"] for each in results])
        invalid = next((each for each in results if each["status"] == "invalid"), None) if counts["invalid"] else None
        return Outcome(dict(counts), summary(counts, results), invalid)


def _result(verdict: Verdict, status: str) -> dict[str, Any]:
    """One line of the answer."""
    made: dict[str, Any] = {"event_id": verdict.event_id, "status": status}
    if status == "stored":
        return made
    problems = (CONFLICT,) if status == "conflict" else verdict.problems
    if problems:
        made["problems"] = [{"field": each.field, "message": each.message, "fix": each.fix} for each in problems]
    return made


def summary(counts: Mapping[str, int], results: Sequence[dict[str, Any]]) -> bytes:
    """The answer: how many of each status, and each event's result in the order of the request."""
    return orjson.dumps({**{status: counts.get(status, 0) for status in STATUSES}, "results": results})


class Worker:
    """Reads tasks and stores them together."""

    def __init__(self, store: EventStore, salt: bytes, turns: str = "", masker: Masker = REGEX) -> None:
        self._store = store
        self._intake = Intake(salt, masker)
        self._turn = Turns(turns)
        self._erased: Mapping[str, str] = {}
        self._erased_at = float("-inf")

    def draft(self, task: Task) -> Draft:
        """The task read, checked, masked and hashed."""
        try:
            items = parse(task.given, lines=task.lines) if isinstance(task.given, bytes) else task.given
            verdicts = self._unless_erased(self._intake.used_up(items, task.sender, task.received))
        except BodyError as error:
            return Draft((), error)
        except Exception as error:
            _log.exception("cannot read events")
            return Draft((), StoreError(f"{type(error).__name__}: {error}"[:200]))
        return Draft(verdicts, rows=[each.row for each in verdicts if each.row is not None],
                     letters=[each.letter for each in verdicts if each.letter is not None])

    def _unless_erased(self, verdicts: list[Verdict]) -> list[Verdict]:
        """Nothing comes back of a user who was erased: not from an outbox that was away either."""
        if time.monotonic() - self._erased_at > FRESH_S:
            self._erased, self._erased_at = self._store.erasures.all(), time.monotonic()
        erased = self._erased
        if not erased:
            return verdicts
        return [each if each.row is None or each.row.user_key is None
                or each.row.occurred_at > erased.get(each.row.user_key, "")
                else Verdict(each.event_id, status="refused", problems=(ERASED,)) for each in verdicts]

    def store(self, drafts: Sequence[Draft]) -> None:
        """Stores drafts in one transaction; where that fails for the sake of one of them, each alone."""
        group = [each for each in drafts if each.rows or each.letters]
        if not group:
            return
        try:
            with self._turn():
                fates = self._store.write([row for each in group for row in each.rows],
                                          [letter for each in group for letter in each.letters])
        except Exception as error:
            if len(group) > 1 and not (isinstance(error, StoreError) and error.lasting):
                for each in group:
                    self.store([each])
                return
            _log.error("cannot write events: %s", error, exc_info=not isinstance(error, StoreError))
            for each in group:
                each.error = error if isinstance(error, StoreError) else StoreError("an unforeseen error")
            return
        start = 0
        for each in group:
            each.fates = fates[start:start + len(each.rows)]
            start += len(each.rows)


def work(channel: Channel) -> None:
    """Does what comes through the channel until it ends; what was begun is finished."""
    opening = channel.wait()
    if opening is None:
        return
    try:
        masker, store = open_masker(opening.masking), EventStore(opening.address)
    except EvalloopError as error:
        channel.send(error)
        return
    worker = Worker(store, opening.salt, opening.turns, masker)
    channel.send("open")
    with store, LogCarrier(store.engine, active=opening.carries) as carrier:
        while (task := channel.wait()) is not None:
            drafts, size = [], 0
            while task is not None:
                drafts.append(worker.draft(task))
                size += len(drafts[-1].verdicts)
                task = channel.ready() if size < GROUP else None
            worker.store(drafts)
            channel.send([each.outcome() for each in drafts])
            carrier.wake()


def main() -> None:
    """A worker of the collector at the other end of standard input, a socket."""
    import socket

    from evalloop.store.remote import leave_signals_to_parent

    leave_signals_to_parent()
    logging.basicConfig(level=logging.WARNING)
    gc.collect()
    gc.freeze()  # modules and schemas stay: nobody needs to look at them again
    gc.set_threshold(50_000, 20, 20)  # a batch makes thousands of objects, and no cycles
    work(Channel(socket.socket(fileno=0)))

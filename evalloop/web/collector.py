"""The collector: what all its routes share, and the way of a batch from a request to the disk."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request

from evalloop.capture.intake import Intake, Sender, Verdict
from evalloop.capture.webhooks import Webhook
from evalloop.records.key import Key
from evalloop.records.times import moment_of
from evalloop.store.events import EventStore
from evalloop.store.schema import Problem
from evalloop.store.writing import LANES, WritingProcess
from evalloop.web import reading
from evalloop.web.auth import FRESH_S, Doorkeeper
from evalloop.web.limits import Limits
from evalloop.web.metrics import Metrics
from evalloop.web.writer import WAITING, Writer

PUBLIC_BODY = 64 * 1024
BODY = 8 * 1024 * 1024
STATUS = {"stored": 200, "already": 200, "conflict": 409, "invalid": 422, "refused": 403}
CONFLICT = Problem(("event_id",), "this id is stored with another content",
                   "a fact is never changed: send a new event with links.supersedes")
ERASED = Problem(("actor", "user_key"), "this user was erased", "send nothing of before that any more")


@dataclass(frozen=True)
class CollectorSettings:
    """Bounds: bytes of a body by kind of key, events that may wait, events a second of one address (0: no limit)."""

    body: int = BODY
    public_body: int = PUBLIC_BODY
    waiting: int = WAITING
    address_rate: float = 0.0
    webhooks: Mapping[str, Webhook] = field(default_factory=dict)


class Collector:
    """The state of one serving process."""

    def __init__(self, store: EventStore, salt: bytes, settings: CollectorSettings | None = None) -> None:
        self.settings = settings or CollectorSettings()
        self._writing = WritingProcess(store.address)
        self.store = store
        self.door = Doorkeeper(store.keys.all)
        self.writer = Writer(self._writing.write, waiting=self.settings.waiting, lanes=LANES)
        self.metrics = Metrics(lambda: self.writer.waiting, lambda: self.writer.commits)
        self._intake = Intake(salt)
        self._limits = Limits()
        self._erased: Mapping[str, str] = {}
        self._erased_at = float("-inf")

    def start(self) -> None:
        """Begins to write, on the running loop."""
        self._writing.start()
        self.writer.start()

    async def close(self) -> None:
        """Writes all that waits, then ends."""
        await self.writer.close()
        self._writing.close()

    async def read(self, request: Request, scope: str, types: tuple[str, ...]) -> tuple[Key, Sender, bytes, str]:
        """Who sends, what, and its media type; Refused when anything of this is not in order."""
        now = datetime.now(UTC)
        key, sender = self.door.admit(request, scope, now)
        kind = reading.content_type(request, types)
        limit = self.settings.public_body if sender.public else self.settings.body
        return key, _with_clock(sender, request, now), await reading.read_body(request, limit), kind

    async def take(self, items: list[Any], sender: Sender, request: Request, *,
                   key: Key | None = None) -> list[dict[str, Any]]:
        """The result of each item, once all that is good and all dead letters are on the disk."""
        if key is not None:
            self._limits.take(key.key_id, len(items), key.rate)
        if request.client is not None:
            self._limits.take(self._limits.address(request.client.host), len(items), self.settings.address_rate)
        verdicts = self._unless_erased(self._intake.used_up(items, sender, datetime.now(UTC)))
        rows = [each.row for each in verdicts if each.row is not None]
        letters = [each.letter for each in verdicts if each.letter is not None]
        fates = iter(await self.writer.store(rows, letters) if rows or letters else ())
        results = [_result(each, next(fates) if each.row is not None else each.status) for each in verdicts]
        for status, number in Counter([each["status"] for each in results]).items():
            self.metrics.events.labels(status).inc(number)
        return results

    def _unless_erased(self, verdicts: list[Verdict]) -> list[Verdict]:
        """Nothing comes back of a user who was erased: not from an outbox that was away either."""
        if time.monotonic() - self._erased_at > FRESH_S:
            self._erased, self._erased_at = self.store.erasures.all(), time.monotonic()
        erased = self._erased
        if not erased:
            return verdicts
        return [each if each.row is None or each.row.user_key is None
                or each.row.occurred_at > erased.get(each.row.user_key, "")
                else Verdict(each.event_id, status="refused", problems=(ERASED,)) for each in verdicts]


def _with_clock(sender: Sender, request: Request, now: datetime) -> Sender:
    """The sender with what its clock is ahead, when it says its time (header, or query of a beacon)."""
    said = request.headers.get("x-evalloop-sent-at") or request.query_params.get("sent_at")
    if not said:
        return sender
    try:
        return replace(sender, skew_s=(moment_of(said) - now).total_seconds())
    except (ValueError, OverflowError):
        return sender


def _result(verdict: Verdict, status: str) -> dict[str, Any]:
    """One line of the answer."""
    made: dict[str, Any] = {"event_id": verdict.event_id, "status": status}
    if status == "stored":
        return made
    problems = (CONFLICT,) if status == "conflict" else verdict.problems
    if problems:
        made["problems"] = [{"field": each.field, "message": each.message, "fix": each.fix} for each in problems]
    return made


def summary(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The answer: how many of each status, and each event's result in the order of the request."""
    counts = dict.fromkeys(STATUS, 0)
    for each in results:
        counts[each["status"]] += 1
    return {**counts, "results": results}

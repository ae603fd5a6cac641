"""The collector: what all its routes share, and the way of a batch from a request to the disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request

from evalloop.capture.intake import BodyError, Sender, parse
from evalloop.capture.webhooks import Webhook
from evalloop.masking import BY_FORMS, Masking
from evalloop.records.key import Key
from evalloop.records.times import moment_of
from evalloop.store.events import EventStore
from evalloop.web import reading
from evalloop.web.answers import Refused
from evalloop.web.auth import Doorkeeper
from evalloop.web.limits import Limits
from evalloop.web.metrics import Metrics
from evalloop.web.worker import Outcome, Task
from evalloop.web.workers import WAITING, Workers, about

PUBLIC_BODY = 64 * 1024
BODY = 8 * 1024 * 1024
STATUS = {"stored": 200, "already": 200, "conflict": 409, "invalid": 422, "refused": 403}


@dataclass(frozen=True)
class CollectorSettings:
    """Bounds: bytes of a body by kind of key, events that may wait, events a second of one address (0: no limit); how
    many processes check and store events; and how these mask them."""

    body: int = BODY
    public_body: int = PUBLIC_BODY
    waiting: int = WAITING
    workers: int = 1
    address_rate: float = 0.0
    webhooks: Mapping[str, Webhook] = field(default_factory=dict)
    masking: Masking = BY_FORMS


class Collector:
    """The state of one serving process."""

    def __init__(self, store: EventStore, salt: bytes, settings: CollectorSettings | None = None) -> None:
        self.settings = settings or CollectorSettings()
        self.store = store
        self.door = Doorkeeper(store.keys.all)
        self.workers = Workers(store.address, salt, self.settings.workers, waiting=self.settings.waiting,
                               masking=self.settings.masking)
        self.metrics = Metrics(lambda: self.workers.waiting, lambda: self.workers.commits)
        self._limits = Limits()

    async def read(self, request: Request, scope: str, types: tuple[str, ...]) -> tuple[Key, Sender, bytes, str]:
        """Who sends, what, and its media type; Refused when anything of this is not in order."""
        now = datetime.now(UTC)
        key, sender = self.door.admit(request, scope, now)
        kind = reading.content_type(request, types)
        limit = self.settings.public_body if sender.public else self.settings.body
        return key, _with_clock(sender, request, now), await reading.read_body(request, limit), kind

    async def take(self, given: bytes | list[Any], sender: Sender, request: Request, *, key: Key | None = None,
                   lines: bool = False) -> Outcome:
        """What became of the events in a body (``lines``: JSON Lines), or of those made of one, once all that is good
        and all dead letters are on the disk."""
        rate, address_rate = key.rate if key is not None else 0.0, self.settings.address_rate
        if isinstance(given, bytes) and (rate or address_rate):
            given = parsed(given, lines=lines)
        if key is not None:
            self._limits.take(key.key_id, about(given), rate)
        if request.client is not None and address_rate:
            self._limits.take(self._limits.address(request.client.host), about(given), address_rate)
        outcome = await self.workers.take(Task(given, lines, sender, datetime.now(UTC)), about(given))
        for status, number in outcome.counts.items():
            self.metrics.events.labels(status).inc(number)
        return outcome


def parsed(body: bytes, *, lines: bool = False) -> list[Any]:
    """The items of a body; Refused (400) when it holds none."""
    try:
        return parse(body, lines=lines)
    except BodyError as error:
        raise Refused(400, error.message, error.fix) from None


def _with_clock(sender: Sender, request: Request, now: datetime) -> Sender:
    """The sender with what its clock is ahead, when it says its time (header, or query of a beacon)."""
    said = request.headers.get("x-evalloop-sent-at") or request.query_params.get("sent_at")
    if not said:
        return sender
    try:
        return replace(sender, skew_s=(moment_of(said) - now).total_seconds())
    except (ValueError, OverflowError):
        return sender

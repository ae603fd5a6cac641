"""The collector: events come in over HTTP and are answered when they are durable."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from evalloop import __version__
from evalloop.capture.intake import BodyError, Intake, Sender, Verdict, parse
from evalloop.records.key import Key
from evalloop.store.events import EventStore
from evalloop.web import reading
from evalloop.web.answers import Refused, answer, refusal
from evalloop.web.auth import Doorkeeper
from evalloop.web.cors import Cors
from evalloop.web.limits import Limits
from evalloop.web.writer import WAITING, Writer

PUBLIC_BODY = 64 * 1024
BODY = 8 * 1024 * 1024
STATUS = {"stored": 200, "already": 200, "conflict": 409, "invalid": 422, "refused": 403}
CONFLICT = {"field": "event_id", "message": "this id is stored with another content",
            "fix": "a fact is never changed: send a new event with links.supersedes"}


@dataclass(frozen=True)
class CollectorSettings:
    """Bounds: bytes of a body by kind of key, events that may wait, events a second of one address (0: no limit)."""

    body: int = BODY
    public_body: int = PUBLIC_BODY
    waiting: int = WAITING
    address_rate: float = 0.0


class Collector:
    """What the routes share."""

    def __init__(self, store: EventStore, salt: bytes, settings: CollectorSettings | None = None) -> None:
        self.settings = settings or CollectorSettings()
        self.store = store
        self.intake = Intake(salt)
        self.door = Doorkeeper(store.keys.all)
        self.limits = Limits()
        self.writer = Writer(store.write, waiting=self.settings.waiting)

    # ---- routes --------------------------------------------------------------------------------------------------

    async def events(self, request: Request) -> Response:
        """POST /v1/events."""
        now = datetime.now(UTC)
        key, sender = self.door.admit(request, "write", now)
        kind = reading.content_type(request, reading.JSON_TYPES + reading.LINE_TYPES)
        body = await reading.read_body(request, self.settings.public_body if sender.public else self.settings.body)
        sender = with_clock(sender, request, now)
        try:
            items = parse(body, lines=kind in reading.LINE_TYPES)
        except BodyError as error:
            raise Refused(400, error.message, error.fix) from None
        results = await self.take(items, key, sender, request, now)
        if len(results) == 1 and not body.lstrip().startswith(b"["):
            return answer(summary(results), STATUS[results[0]["status"]])
        return answer(summary(results))

    async def health(self, _: Request) -> Response:
        """GET /healthz."""
        return answer({"status": "ok", "version": __version__, "waiting": self.writer.waiting})

    # ---- the way of a batch --------------------------------------------------------------------------------------

    async def take(self, items: Sequence[Any], key: Key, sender: Sender, request: Request,
                   now: datetime) -> list[dict[str, Any]]:
        """The result of each item, once all that is good and all dead letters are on the disk."""
        self.limits.take(key.key_id, len(items), key.rate)
        if request.client is not None:
            self.limits.take(self.limits.address(request.client.host), len(items), self.settings.address_rate)
        verdicts = self.intake(items, sender, now)
        rows = [each.row for each in verdicts if each.row is not None]
        letters = [each.letter for each in verdicts if each.letter is not None]
        fates = iter(await self.writer.store(rows, letters) if rows or letters else ())
        return [result(each, next(fates) if each.row is not None else each.status) for each in verdicts]


def with_clock(sender: Sender, request: Request, now: datetime) -> Sender:
    """The sender with what its clock is ahead, when it says its time (header, or query of a beacon)."""
    from dataclasses import replace

    from evalloop.records.times import moment_of

    said = request.headers.get("x-evalloop-sent-at") or request.query_params.get("sent_at")
    if not said:
        return sender
    try:
        return replace(sender, skew_s=(moment_of(said) - now).total_seconds())
    except (ValueError, OverflowError):
        return sender


def result(verdict: Verdict, status: str) -> dict[str, Any]:
    """One line of the answer."""
    made: dict[str, Any] = {"event_id": verdict.event_id, "status": status}
    if status == "conflict":
        made["problems"] = [CONFLICT]
    elif verdict.problems:
        made["problems"] = [{"field": each.field, "message": each.message, "fix": each.fix}
                            for each in verdict.problems]
    return made


def summary(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The answer: how many of each status, and each event's result in the order of the request."""
    counts = dict.fromkeys(STATUS, 0)
    for each in results:
        counts[each["status"]] += 1
    return {**counts, "results": results}


def make_app(store: EventStore, salt: bytes, settings: CollectorSettings | None = None) -> Any:
    """The ASGI application over an open store; the store is closed with it."""
    collector = Collector(store, salt, settings)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        collector.writer.start()
        yield
        await collector.writer.close()
        store.close()

    app = Starlette(routes=[
        Route("/v1/events", collector.events, methods=["POST"]),
        Route("/healthz", collector.health, methods=["GET"]),
    ], lifespan=lifespan, exception_handlers={Refused: refusal})
    return Cors(app, collector.door.allows_origin)

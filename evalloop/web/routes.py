"""The routes of the collector, and the ASGI application of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from evalloop import __version__
from evalloop.capture import browser, otlp, otlp_wire
from evalloop.capture.intake import BodyError, Sender
from evalloop.capture.values import ValueProblem
from evalloop.capture.webhooks import SignatureError
from evalloop.web import reading
from evalloop.web.answers import Refused, answer, missing, refusal, written
from evalloop.web.collector import STATUS, Collector, parsed
from evalloop.web.cors import Cors
from evalloop.web.metrics import Handler
from evalloop.web.openapi import document
from evalloop.web.worker import Outcome, summary

PROTOBUF = "application/x-protobuf"
PAGE = 1000
NOTHING = Outcome({}, summary({}, ()), None)


class Routes:
    """The handlers; each is a row of ``table``."""

    def __init__(self, collector: Collector) -> None:
        self._collector = collector
        self.table: dict[str, dict[str, Handler]] = {
            "/v1/events": {"POST": self.send, "GET": self.read},
            "/v1/otlp/v1/traces": {"POST": self.traces}, "/v1/otlp/v1/logs": {"POST": self.logs},
            "/v1/webhooks/{name}": {"POST": self.webhook}, "/healthz": {"GET": self.health},
            "/metrics": {"GET": self.figures}, "/openapi.json": {"GET": self.openapi},
            **{f"/{name}": {"GET": self.script} for name in browser.SCRIPTS}}

    async def send(self, request: Request) -> Response:
        """POST /v1/events."""
        types = reading.JSON_TYPES + reading.LINE_TYPES
        key, sender, body, kind = await self._collector.read(request, "write", types)
        done = await self._collector.take(body, sender, request, key=key, lines=kind in reading.LINE_TYPES)
        alone = sum(done.counts.values()) == 1 and not body.lstrip().startswith(b"[")
        return written(done.answer, STATUS[next(iter(done.counts))] if alone else 200)

    async def read(self, request: Request) -> Response:
        """GET /v1/events: what is stored, in the order of arrival."""
        self._collector.door.admit(request, "read", datetime.now(UTC))
        after, limit = _number(request, "after", 0, 0, 2**62), _number(request, "limit", PAGE, 1, PAGE)
        events, last = await run_in_threadpool(self._collector.store.page, after, limit)
        return answer({"events": events, "next": last})

    async def traces(self, request: Request) -> Response:
        """POST /v1/otlp/v1/traces."""
        return await self._otlp(request, otlp_wire.spans, otlp.events_of_span, "rejectedSpans")

    async def logs(self, request: Request) -> Response:
        """POST /v1/otlp/v1/logs."""
        return await self._otlp(request, otlp_wire.log_records, otlp.events_of_log, "rejectedLogRecords")

    async def _otlp(self, request: Request, decode: Callable[..., Sequence[otlp.Signal]],
                    convert: Callable[[otlp.Signal], list[dict[str, Any]]], rejected: str) -> Response:
        key, sender, body, kind = await self._collector.read(request, "write", ("", "application/json", PROTOBUF))
        if sender.public:
            raise Refused(403, "a publishable key may not send telemetry", "send it from your server with a secret key")
        signals = _parsed(lambda: decode(body, protobuf=kind == PROTOBUF))
        events = [event for signal in signals for event in convert(signal)]
        done = await self._collector.take(events, sender, request, key=key) if events else NOTHING
        bad, said = done.counts.get("invalid", 0), _said(done.invalid) if done.invalid else ""
        if kind == PROTOBUF:
            return Response(_packed(rejected, bad, said), media_type=PROTOBUF)
        return answer({"partialSuccess": {rejected: bad, "errorMessage": said}} if bad else {})

    async def webhook(self, request: Request) -> Response:
        """POST /v1/webhooks/NAME."""
        hook = self._collector.settings.webhooks.get(request.path_params["name"])
        if hook is None:
            raise Refused(404, "no such webhook", "evalloop serve --webhook NAME=MAPPING names it")
        body = await reading.read_body(request, self._collector.settings.public_body * 16)
        try:
            hook.check(request.headers, request.method, str(request.url), body, datetime.now(UTC))
        except SignatureError as error:
            raise Refused(401, str(error), "check the secret on both sides, and the clocks") from None
        items = parsed(body)
        try:
            events = [event for item in items for event in (hook.events(item) if isinstance(item, dict) else [item])]
        except ValueProblem as problem:
            raise Refused(422, f"{problem.field}: {problem}", problem.fix) from None
        sender = Sender(f"webhook:{hook.name}")
        return written((await self._collector.take(events, sender, request) if events else NOTHING).answer)

    async def health(self, _: Request) -> Response:
        """GET /healthz."""
        return answer({"status": "ok", "version": __version__, "waiting": self._collector.workers.waiting})

    async def figures(self, request: Request) -> Response:
        """GET /metrics."""
        self._collector.door.admit(request, "metrics", datetime.now(UTC))
        return self._collector.metrics.page()

    async def script(self, request: Request) -> Response:
        """GET /evalloop.js and /evalloop-feedback.js: modules that pages of any origin may load."""
        return Response(browser.script(request.url.path.strip("/")), media_type="text/javascript", headers={
            "access-control-allow-origin": "*", "cross-origin-resource-policy": "cross-origin",
            "cache-control": "public, max-age=3600", "x-content-type-options": "nosniff"})

    async def openapi(self, _: Request) -> Response:
        """GET /openapi.json."""
        return answer(document())


def _parsed(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except BodyError as error:
        raise Refused(400, error.message, error.fix) from None


def _number(request: Request, name: str, default: int, low: int, high: int) -> int:
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
        raise Refused(422, f"{name} is not a whole number from {low} to {high}", f"leave it out: {default}")
    return int(text)


def _said(result: dict[str, Any]) -> str:
    first = result["problems"][0]
    return f"{first['field']}: {first['message']}"


def _packed(rejected: str, number: int, message: str) -> bytes:
    """The answer to an export in protobuf."""
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

    response: Any = ExportTraceServiceResponse() if rejected == "rejectedSpans" else ExportLogsServiceResponse()
    if number:
        name = "rejected_spans" if rejected == "rejectedSpans" else "rejected_log_records"
        setattr(response.partial_success, name, number)
        response.partial_success.error_message = message
    packed: bytes = response.SerializeToString()
    return packed


def _by_method(handlers: Mapping[str, Handler]) -> Handler:
    return lambda request: handlers["GET" if request.method == "HEAD" else request.method](request)


def make_app(collector: Collector) -> Any:
    """The ASGI application of a collector; its store is closed with it."""
    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        await collector.workers.start()
        yield
        await collector.workers.close()
        collector.store.close()

    routes = [Route(path, collector.metrics.watched(path, _by_method(handlers)), methods=list(handlers))
              for path, handlers in Routes(collector).table.items()]
    app = Starlette(routes=routes, lifespan=lifespan,
                    exception_handlers={Refused: refusal, 404: missing, 405: missing})
    return Cors(app, collector.door.allows_origin)

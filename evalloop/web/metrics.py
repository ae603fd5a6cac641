"""Figures of a collector for Prometheus."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from time import perf_counter

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.requests import Request
from starlette.responses import Response

from evalloop.web.answers import Refused

Handler = Callable[[Request], Awaitable[Response]]
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counts events by status, requests by route and status, and their seconds."""

    def __init__(self, waiting: Callable[[], int], commits: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        self.events = Counter("evalloop_events", "events by what became of them", ["status"],
                              registry=self._registry)
        self._requests = Counter("evalloop_requests", "requests by route and HTTP status", ["route", "status"],
                                 registry=self._registry)
        self._seconds = Histogram("evalloop_request_seconds", "seconds until a request was answered", ["route"],
                                  buckets=SECONDS, registry=self._registry)
        Gauge("evalloop_waiting_events", "events that are not yet durable",
              registry=self._registry).set_function(waiting)
        Gauge("evalloop_commits", "transactions since the start", registry=self._registry).set_function(commits)

    def page(self) -> Response:
        """The text format of Prometheus."""
        return Response(generate_latest(self._registry), headers={"cache-control": "no-store"}, media_type=TYPE)

    def watched(self, route: str, handler: Handler) -> Handler:
        """The handler, counted and timed."""
        seconds = self._seconds.labels(route)

        async def watch(request: Request) -> Response:
            began, status = perf_counter(), 500
            try:
                response = await handler(request)
                status = response.status_code
                return response
            except Refused as refused:
                status = refused.status
                raise
            finally:
                seconds.observe(perf_counter() - began)
                self._requests.labels(route, str(status)).inc()
        return watch

"""Carries batches of events to a collector over one kept-alive connection; the standard library only."""

from __future__ import annotations

import gzip
import http.client
import json
import ssl
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from evalloop.errors import UsageError

PATH = "/v1/events"
COMPRESS_FROM = 1024


@dataclass(frozen=True)
class Answer:
    """What the collector said: an HTTP status (0: not reached), seconds it asks to wait, and a result per event."""

    status: int
    wait: float | None = None
    results: Sequence[dict[str, Any]] = field(default_factory=list)
    reason: str = ""


class Transport:
    """Posts to ``url`` (the collector's address, with or without ``/v1/events``); for one thread."""

    def __init__(self, url: str, key: str, timeout: float, agent: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UsageError(f"{url!r} is not the address of a collector", fix='write "https://collector.example"')
        self._secure = parts.scheme == "https"
        self._host, self._port = parts.hostname, parts.port
        path = parts.path.rstrip("/")
        self._path = path if path.endswith(PATH) else path + PATH
        self._timeout = timeout
        self._headers = {"Content-Type": "application/json", "User-Agent": agent, "Accept": "application/json"}
        if key:
            self._headers["Authorization"] = f"Bearer {key}"
        self._connection: http.client.HTTPConnection | None = None

    def post(self, lines: Sequence[bytes]) -> Answer:
        """Sends events that are JSON already; never raises for what the network or the server does."""
        body = b"[" + b",".join(lines) + b"]"
        headers = dict(self._headers)
        if len(body) >= COMPRESS_FROM:
            body, headers["Content-Encoding"] = gzip.compress(body, 1), "gzip"
        try:
            return self._once(body, headers)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return Answer(0, reason=str(error) or type(error).__name__)

    def close(self) -> None:
        """Closes the connection; the next ``post`` opens another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _once(self, body: bytes, headers: dict[str, str]) -> Answer:
        if self._connection is None:
            self._connection = self._connect()
            return self._exchange(self._connection, body, headers)
        try:
            return self._exchange(self._connection, body, headers)
        except (OSError, http.client.HTTPException):  # the server closed an idle connection: events carry ids, again
            self.close()
            self._connection = self._connect()
            return self._exchange(self._connection, body, headers)

    def _connect(self) -> http.client.HTTPConnection:
        proxy = urllib.request.getproxies().get("https") if self._secure else None
        host, port = self._host, self._port
        if proxy and not urllib.request.proxy_bypass(host):
            between = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
            tunnel = http.client.HTTPSConnection(between.hostname or "", between.port, timeout=self._timeout,
                                                 context=ssl.create_default_context())
            tunnel.set_tunnel(host, port or 443)
            return tunnel
        if self._secure:
            return http.client.HTTPSConnection(host, port, timeout=self._timeout, context=ssl.create_default_context())
        return http.client.HTTPConnection(host, port, timeout=self._timeout)

    def _exchange(self, connection: http.client.HTTPConnection, body: bytes, headers: dict[str, str]) -> Answer:
        connection.request("POST", self._path, body, headers)
        response = connection.getresponse()
        data = response.read()
        if response.will_close:
            self.close()
        return Answer(response.status, _seconds(response.getheader("Retry-After")), _results(data),
                      f"{response.status} {response.reason}")


def _seconds(text: str | None) -> float | None:
    """Retry-After in seconds (a date counts as one minute)."""
    if text is None:
        return None
    try:
        return min(max(float(text), 0.0), 3600.0)
    except ValueError:
        return 60.0


def _results(data: bytes) -> list[dict[str, Any]]:
    try:
        answer = json.loads(data)
    except ValueError:
        return []
    found = answer.get("results", []) if isinstance(answer, dict) else answer
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

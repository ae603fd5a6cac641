"""Kept-alive HTTP/1.1 connections to one origin: what the target ``openai`` needs of a client, and no more.

A general client spends more on a call than a whole trial may cost. Here a request is one write, and llhttp (through
``httptools``, the parser of Node and uvicorn) reads the answer. No redirects, no cookies, no compression, no proxy:
where the environment names a proxy, or an answer is to be streamed, the target takes aiohttp.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple, cast
from urllib.parse import urlsplit

IDLE_S = 30.0
"""An unused connection older than this is not used again: servers close theirs."""
MOST_BYTES = 256 * 1024 * 1024


class Answer(NamedTuple):
    """Status, headers by lower-case name, body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Connections:
    """Any number of calls at once, each on a connection of its own; raises OSError for whatever goes wrong."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        parts = urlsplit(url)
        self._secure = parts.scheme == "https"
        self._host, self._port = str(parts.hostname), parts.port or (443 if self._secure else 80)
        lines = [f"POST {parts.path or '/'} HTTP/1.1", f"Host: {parts.netloc}", "Accept: application/json",
                 *(f"{name}: {value}" for name, value in headers.items()), "Content-Length: "]
        self._head = "\r\n".join(lines).encode("latin-1")
        self._idle: list[_Connection] = []
        self._open: set[_Connection] = set()

    async def post(self, body: bytes) -> Answer:
        """The answer to one POST; the connection is kept when the server keeps it."""
        connection = self._kept() or await self._connected()
        try:
            answer = await connection.ask(b"%b%d\r\n\r\n%b" % (self._head, len(body), body))
        except BaseException:
            self._drop(connection)
            raise
        if connection.keep:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)
        else:
            self._drop(connection)
        return answer

    async def close(self) -> None:
        """Closes all connections."""
        for connection in list(self._open):
            self._drop(connection)
        await asyncio.sleep(0)

    def _kept(self) -> _Connection | None:
        """The connection used last: the others may grow old and be dropped."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if connection.keep and now - connection.idle_since < IDLE_S:
                return connection
            self._drop(connection)
        return None

    async def _connected(self) -> _Connection:
        secure = _tls() if self._secure else None
        _, protocol = await asyncio.get_running_loop().create_connection(
            _Connection, self._host, self._port, ssl=secure, happy_eyeballs_delay=0.25)
        self._open.add(protocol)
        return protocol

    def _drop(self, connection: _Connection) -> None:
        self._open.discard(connection)
        connection.abort()


class _Connection(asyncio.Protocol):
    """One connection with at most one request on it."""

    def __init__(self) -> None:
        self.keep = True
        self.idle_since = 0.0
        self._headed = False
        self._waiting: asyncio.Future[Answer] | None = None

    def ask(self, request: bytes) -> asyncio.Future[Answer]:
        """Sends a request; the future holds the answer, or the OSError that came instead."""
        from httptools import HttpResponseParser

        self._waiting = asyncio.get_running_loop().create_future()
        if not self.keep:
            self._fail("the server closed the connection")
            return self._waiting
        self._parser = HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._headed = False
        self._body: list[bytes] = []
        self._size = 0
        self._transport.write(request)
        return self._waiting

    def abort(self) -> None:
        """Ends the connection at once."""
        self.keep = False
        self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self.keep = False
        self._fail(f"the connection broke: {exc}" if exc else "the server closed the connection before its answer")

    def data_received(self, data: bytes) -> None:
        from httptools import HttpParserError

        if self._waiting is None or self._waiting.done():
            self.abort()  # bytes that nobody asked for
            return
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._fail(f"the answer is no HTTP: {type(error).__name__}")

    def eof_received(self) -> bool:
        self._ended_by_close()
        return False

    # what the parser calls

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        self._headed = self._parser.get_status_code() >= 200

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size > MOST_BYTES:
            self._fail(f"the answer is longer than {MOST_BYTES} bytes")
            return
        self._body.append(body)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        if status < 200:  # 100 Continue, 103 Early Hints: the answer comes after it
            self._headers.clear()
            return
        self.keep = self.keep and self._parser.should_keep_alive()
        self._done(status)

    def _ended_by_close(self) -> None:
        """An answer without a length ends where the connection does."""
        self.keep = False
        if self._headed and {"content-length", "transfer-encoding"}.isdisjoint(self._headers):
            self._done(self._parser.get_status_code())

    def _done(self, status: int) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(Answer(status, self._headers, b"".join(self._body)))

    def _fail(self, reason: str) -> None:
        self.keep = False
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(ConnectionError(reason))


@cache
def _tls() -> ssl.SSLContext:
    """The system's certificates, made once."""
    return ssl.create_default_context()

"""The lean way to one server, against servers that answer with these very bytes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme

from evalloop.targets.connections import Answer, Connections, _tls

PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
Work = Callable[[Connections], Awaitable[Any]]


def served(work: Work, *answers: bytes, close: bool = False,
           secure: ssl.SSLContext | None = None) -> tuple[Any, int, list[bytes]]:
    """(what ``work`` returns, connections, requests); each request on a connection gets the next answer."""
    left, seen, count = list(answers), [], 0

    async def client(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal count
        count += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                seen.append(head + await reader.readexactly(length))
                for piece in left.pop(0).split(b"|"):
                    writer.write(piece)
                    await writer.drain()
                    await asyncio.sleep(0.01)
                if close:
                    break
        except (asyncio.IncompleteReadError, ConnectionError, IndexError):
            pass
        writer.close()

    async def run() -> Any:
        server = await asyncio.start_server(client, "127.0.0.1", 0, ssl=secure)
        port = server.sockets[0].getsockname()[1]
        origin = f"https://localhost:{port}" if secure else f"http://127.0.0.1:{port}"
        way = Connections(f"{origin}/v1/chat", {"Authorization": "Bearer k"})
        try:
            return await work(way)
        finally:
            await way.close()
            server.close()

    return asyncio.run(run()), count, seen


async def twice(way: Connections) -> list[Answer]:
    """Two posts, one after the other."""
    return [await way.post(b"one"), await way.post(b"two")]


def test_a_connection_is_used_again_and_the_request_is_whole() -> None:
    """Two calls, one connection; path, host, headers and length are as written."""
    answers, connections, seen = served(twice, PLAIN, PLAIN)
    assert [each.body for each in answers] == [b"ok", b"ok"]
    assert connections == 1
    assert seen[0].startswith(b"POST /v1/chat HTTP/1.1\r\nHost: 127.0.0.1:")
    assert b"\r\nAuthorization: Bearer k\r\n" in seen[0]
    assert seen[0].endswith(b"Content-Length: 3\r\n\r\none")


@pytest.mark.parametrize(("answer", "close", "body"), [
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r|\n1;x=y\r\nc\r\n0\r\nT: t\r\n\r\n", False,
     b"abc"),
    (b"HTTP/1.1 200 OK\r\n\r\nuntil |the end", True, b"until the end"),
    (b"HTTP/1.1 100 Continue\r\n\r\n|HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n|ok", False, b"ok"),
    (b"H|TTP/1.1 200 OK\r\nCon|tent-Length: 2\r\n\r\no|k", False, b"ok"),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", False, b"")])
def test_every_form_of_an_answer_is_read(answer: bytes, close: bool, body: bytes) -> None:
    """Chunks with trailers, up to the end of the connection, interim answers, cut anywhere, empty."""
    assert served(lambda way: way.post(b"x"), answer, close=close)[0].body == body


def test_a_connection_that_the_server_gives_up_is_not_used_again() -> None:
    """``Connection: close``, and one that is closed after its answer."""
    closing = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"
    assert served(twice, closing, closing)[1] == 2

    async def later(way: Connections) -> list[Answer]:
        first = await way.post(b"one")
        await asyncio.sleep(0.1)
        return [first, await way.post(b"two")]

    answers, connections, _ = served(later, PLAIN, PLAIN, close=True)
    assert (len(answers), connections) == (2, 2)


@pytest.mark.parametrize(("answer", "close"), [
    (b"no http at all\r\n\r\n", False), (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", True), (b"", True),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab", True),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok", False)])
def test_what_is_no_whole_answer_is_an_error(answer: bytes, close: bool) -> None:
    """Never taken for a shorter answer."""
    with pytest.raises(OSError, match=r"closed|no HTTP|broke"):
        served(lambda way: way.post(b"x"), answer, close=close)


def test_bytes_that_nobody_asked_for_reach_no_later_call() -> None:
    """A second answer on the heels of the first ends the connection; the next call has one of its own."""
    stray = PLAIN + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"

    async def later(way: Connections) -> list[Answer]:
        first = await way.post(b"one")
        await asyncio.sleep(0.05)
        return [first, await way.post(b"two")]

    answers, connections, _ = served(later, PLAIN + b"|" + stray[len(PLAIN):], PLAIN)
    assert [each.body for each in answers] == [b"ok", b"ok"]
    assert connections == 2


def test_a_cancelled_call_takes_its_connection_with_it() -> None:
    """Its late answer is nobody's."""
    async def cancelled(way: Connections) -> Answer:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await way.post(b"one")
        return await way.post(b"two")

    late = b"|" * 30 + b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nlate"
    answer, connections, _ = served(cancelled, late, PLAIN)
    assert (answer.body, connections) == (b"ok", 2)


def test_calls_at_once_each_have_a_connection() -> None:
    """As many as there are calls in flight."""
    async def many(way: Connections) -> list[Answer]:
        return await asyncio.gather(*(way.post(b"x") for _ in range(5)))

    answers, connections, _ = served(many, *[PLAIN] * 5)
    assert (len(answers), connections) == (5, 5)


@pytest.fixture
def authority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A certificate authority that this machine's client trusts for the time of one test."""
    made = trustme.CA()
    made.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    _tls.cache_clear()
    yield made
    _tls.cache_clear()


def server_of(authority: Any, name: str) -> ssl.SSLContext:
    """A server's side of TLS with a certificate for ``name``."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(name).configure_cert(context)
    return context


def test_calls_go_over_tls_and_the_connection_is_kept(authority: Any) -> None:
    """A server with a certificate of a trusted authority for its name; a large answer comes whole."""
    large = b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + b"x" * 300_000
    answers, connections, seen = served(twice, PLAIN, large, secure=server_of(authority, "localhost"))
    assert [len(each.body) for each in answers] == [2, 300_000]
    assert (connections, seen[0].startswith(b"POST /v1/chat HTTP/1.1\r\nHost: localhost:")) == (1, True)


@pytest.mark.parametrize(("known", "name"), [(True, "other.test"), (False, "localhost")])
def test_a_certificate_that_proves_nothing_gets_no_request(authority: Any, known: bool, name: str) -> None:
    """One for another name, and one of an authority that nobody trusts: the key is never sent."""
    async def one(way: Connections) -> None:
        with pytest.raises(OSError, match="certificate verify failed"):
            await way.post(b"secret")

    _, _, asked = served(one, PLAIN, secure=server_of(authority if known else trustme.CA(), name))
    assert asked == []

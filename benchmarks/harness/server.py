"""A model server that out-runs every client: it parses no JSON, and its answers were written before.

    python benchmarks/harness/server.py LATENCY_SECONDS

It prints its port and answers any POST, on kept-alive connections, as an OpenAI-compatible chat model would; the
latency is a timer for each request, however many there are. Where uvloop is installed, it is used. ``GET /stats`` says
how many answers it gave, and its CPU seconds so far.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

ANSWER = {"id": "chatcmpl-1", "object": "chat.completion", "created": 0, "model": "m",
          "choices": [{"index": 0, "finish_reason": "stop",
                       "message": {"role": "assistant", "content": "Answer 42 to the question that was asked."}}],
          "usage": {"prompt_tokens": 7, "completion_tokens": 8, "total_tokens": 15}}


def packed(content: object) -> bytes:
    """A whole HTTP response with this content."""
    body = json.dumps(content).encode()
    return (b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)) + body


class Connection(asyncio.Protocol):
    """One connection; a client has one request on it at a time."""

    answer = packed(ANSWER)
    answered = 0
    latency = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keeps the transport."""
        self.transport: Any = transport
        self.buffer = b""

    def data_received(self, data: bytes) -> None:
        """Answers when a whole request is there."""
        self.buffer = self.buffer + data if self.buffer else data
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = self.buffer[:end].lower()
        at = head.find(b"content-length:")
        length = int(head[at + 15:].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(self.buffer) < end + 4 + length:
            return
        self.buffer = self.buffer[end + 4 + length:]
        if head.startswith(b"get /stats"):
            self.transport.write(packed({"answered": Connection.answered, "cpu": time.process_time()}))
            return
        if self.latency:
            asyncio.get_running_loop().call_later(self.latency, self._send)
        else:
            self._send()

    def _send(self) -> None:
        if not self.transport.is_closing():
            Connection.answered += 1
            self.transport.write(self.answer)


async def serve(latency: float) -> None:
    """Serves until it is killed."""
    Connection.latency = latency
    server = await asyncio.get_running_loop().create_server(Connection, "127.0.0.1", 0, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    try:
        from uvloop import run
    except ImportError:
        from asyncio import run
    run(serve(float(sys.argv[1])))

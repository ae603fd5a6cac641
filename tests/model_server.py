"""A real HTTP server with the OpenAI interface, for tests and benchmarks: deterministic, with faults on request.

Run it as a script: ``python tests/model_server.py --port 0 --latency 0.05``; it prints its port. It answers
``POST /v1/chat/completions`` and ``POST /v1/embeddings``, counts what it is asked, and tells at ``GET /stats``;
``POST /reset`` forgets the counts.

What it answers: ``Answer N to: <prompt>`` with N from the prompt's hash; with model ``echo`` the prompt itself; and
when the prompt holds ``[[reply: TEXT]]``, that text (scripted answers of a judge). To a request with ``tools`` whose
prompt holds ``[[call: NAME JSON]]``, it answers with that tool call; to a ``response_format`` with a JSON Schema, with
the smallest JSON that fits. With ``stream`` it sends server-sent events: the
first token after the latency, the others after the latency once more.

Faults: ``--faults "429=0.1,500=0.05"`` strikes with these probabilities, drawn from the seed, the prompt and how often
it was asked, so that a run can be repeated; a prompt that holds ``[[fault: NAME]]`` always has it, and with
``[[fault: NAME 2]]`` only the first two times. Names: 429, 500, 401, hang, truncated, drip, reset.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import re
import sys
from collections import Counter
from typing import Any

FAULTS = ("429", "500", "401", "hang", "truncated", "drip", "reset")
_SCRIPT = re.compile(r"\[\[reply: (.*?)\]\]", re.DOTALL)
_CALL = re.compile(r"\[\[call: (\w+) (.*?)\]\]", re.DOTALL)
_FAULT = re.compile(r"\[\[fault: (\w+)(?: (\d+))?\]\]")
_REASONS = {200: "OK", 401: "Unauthorized", 404: "Not Found", 429: "Too Many Requests", 500: "Internal Server Error"}


class ModelServer:
    """The state of one server: options and counts."""

    def __init__(self, latency: float, faults: dict[str, float], seed: int, retry_after: float) -> None:
        self.latency = latency
        self.faults = faults
        self.seed = seed
        self.retry_after = retry_after
        self.reset()

    def reset(self) -> None:
        """Forgets all counts."""
        self.prompts: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.struck: Counter[str] = Counter()
        self.requests = self.in_flight = self.most_in_flight = self.connections = self.embeddings = 0
        self.keys: set[str] = set()

    def stats(self) -> dict[str, Any]:
        """All counts; ``prompts`` tells how often each prompt was asked, ``answered`` how often it got an answer."""
        return {"requests": self.requests, "connections": self.connections, "most_in_flight": self.most_in_flight,
                "embeddings": self.embeddings, "faults": dict(self.struck), "authorization": sorted(self.keys),
                "prompts": dict(self.prompts), "answered": dict(self.answered)}

    def fault(self, prompt: str) -> str | None:
        """The fault that strikes this question, if any."""
        asked = self.prompts[prompt]
        marked = _FAULT.search(prompt)
        if marked:
            return marked[1] if asked <= int(marked[2] or 10**9) else None
        draw = _number(f"{self.seed}:{prompt}:{asked}") / 2**64
        for name, share in self.faults.items():
            if draw < share:
                return name
            draw -= share
        return None

    def chat(self, body: dict[str, Any]) -> dict[str, Any]:
        """The completion of one request."""
        prompt = _prompt(body)
        wanted = (body.get("response_format") or {}).get("json_schema")
        text = json.dumps(_fitting(wanted["schema"])) if wanted else _answer(prompt, str(body.get("model")))
        usage = {"prompt_tokens": len(prompt.split()), "completion_tokens": len(text.split())}
        usage["total_tokens"] = sum(usage.values())
        message: dict[str, Any] = {"role": "assistant", "content": text}
        called = _CALL.search(prompt) if body.get("tools") else None
        if called:
            function = {"name": called[1], "arguments": called[2]}
            message = {"role": "assistant", "content": None,
                       "tool_calls": [{"id": "call-1", "type": "function", "function": function}]}
        choice = {"index": 0, "finish_reason": "tool_calls" if called else "stop", "message": message}
        return {"id": f"chatcmpl-{_number(prompt):x}", "object": "chat.completion", "created": 0,
                "model": body.get("model"), "usage": usage, "choices": [choice]}

    def embed(self, body: dict[str, Any]) -> dict[str, Any]:
        """Vectors of 32 numbers from the hashes of the texts' words."""
        given = body.get("input", [])
        texts = [given] if isinstance(given, str) else given
        self.embeddings += len(texts)
        rows = [{"object": "embedding", "index": i, "embedding": _vector(text)} for i, text in enumerate(texts)]
        return {"object": "list", "model": body.get("model"), "data": rows,
                "usage": {"prompt_tokens": len(texts), "total_tokens": len(texts)}}


class Connection(asyncio.Protocol):
    """One kept-alive HTTP/1.1 connection; requests on it are answered in turn."""

    def __init__(self, server: ModelServer) -> None:
        self.server = server
        self.buffer = b""
        self.busy = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport: Any = transport
        self.server.connections += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self.busy = True

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self._next()

    def _next(self) -> None:
        head, found, rest = self.buffer.partition(b"\r\n\r\n")
        if self.busy or not found:
            return
        headers = {name.strip().lower(): value.strip() for name, _, value in
                   (line.partition(":") for line in head.decode("latin-1").split("\r\n")[1:])}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            return
        method, path, _ = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ", 2)
        self.buffer = rest[length:]
        self.busy = True
        self._handle(method, path, headers, rest[:length])

    def _handle(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        server = self.server
        if path == "/stats":
            self._send(200, server.stats())
        elif path == "/reset":
            server.reset()
            self._send(200, {})
        elif path == "/v1/embeddings":
            self._send(200, server.embed(json.loads(body)))
        elif path == "/v1/chat/completions" and method == "POST":
            self._chat(json.loads(body), headers)
        else:
            self._send(404, {"error": {"message": f"no such address {path}"}})

    def _chat(self, body: dict[str, Any], headers: dict[str, str]) -> None:
        server = self.server
        prompt = _prompt(body)
        server.requests += 1
        server.prompts[prompt] += 1
        server.in_flight += 1
        server.most_in_flight = max(server.most_in_flight, server.in_flight)
        server.keys |= {headers["authorization"]} if "authorization" in headers else set()
        asyncio.get_running_loop().call_later(server.latency, self._finish, body, prompt)

    def _finish(self, body: dict[str, Any], prompt: str) -> None:
        server = self.server
        server.in_flight -= 1
        name = server.fault(prompt)
        if name is None:
            server.answered[prompt] += 1
            self._answer(server.chat(body), body)
            return
        server.struck[name] += 1
        getattr(self, f"_fault_{name}")(server.chat(body))

    def _answer(self, answer: dict[str, Any], body: dict[str, Any]) -> None:
        if not body.get("stream"):
            self._send(200, answer)
            return
        events = [f"data: {json.dumps(event)}\n\n".encode() for event in _events(answer, body)] + [b"data: [DONE]\n\n"]
        first, rest = b"".join(events[:2]), b"".join(events[2:])
        self.transport.write(_head(200, len(first) + len(rest), kind="text/event-stream") + first)
        asyncio.get_running_loop().call_later(self.server.latency, self._drop, rest, True)

    def _fault_429(self, answer: dict[str, Any]) -> None:
        self._send(429, {"error": {"message": "too many requests"}}, f"Retry-After: {self.server.retry_after:g}\r\n")

    def _fault_500(self, answer: dict[str, Any]) -> None:
        self._send(500, {"error": {"message": "the server broke"}})

    def _fault_401(self, answer: dict[str, Any]) -> None:
        self._send(401, {"error": {"message": "wrong key"}})

    def _fault_hang(self, answer: dict[str, Any]) -> None:
        """Says nothing, ever."""

    def _fault_reset(self, answer: dict[str, Any]) -> None:
        self.transport.abort()

    def _fault_truncated(self, answer: dict[str, Any]) -> None:
        data = json.dumps(answer).encode()
        self._write(200, data[: len(data) // 2])

    def _fault_drip(self, answer: dict[str, Any]) -> None:
        """Sends the right answer in ten pieces."""
        data = json.dumps(answer).encode()
        self.transport.write(_head(200, len(data)))
        step = len(data) // 10 + 1
        for number, start in enumerate(range(0, len(data), step)):
            asyncio.get_running_loop().call_later(0.02 * number, self._drop, data[start:start + step],
                                                  start + step >= len(data))

    def _drop(self, data: bytes, last: bool) -> None:
        self.transport.write(data)
        if last:
            self._done()

    def _send(self, status: int, answer: dict[str, Any], extra: str = "") -> None:
        self._write(status, json.dumps(answer).encode(), extra)

    def _write(self, status: int, data: bytes, extra: str = "") -> None:
        if not self.transport.is_closing():
            self.transport.write(_head(status, len(data), extra) + data)
        self._done()

    def _done(self) -> None:
        self.busy = self.transport.is_closing()
        self._next()


def _head(status: int, length: int, extra: str = "", kind: str = "application/json") -> bytes:
    return (f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: {kind}\r\n{extra}"
            f"Content-Length: {length}\r\n\r\n").encode()


def _events(answer: dict[str, Any], body: dict[str, Any]) -> list[dict[str, Any]]:
    """A completion as the events of a stream: role, pieces, finish, usage where it was asked for."""
    choice = answer["choices"][0]
    message = choice["message"]
    pieces: list[dict[str, Any]] = [{"content": piece} for piece in re.findall(r"\S+\s*|\s+", message["content"] or "")]
    for call in message.get("tool_calls", []):
        arguments = call["function"]["arguments"]
        pieces.append({"tool_calls": [{**call, "index": 0, "function": {**call["function"], "arguments": ""}}]})
        pieces += [{"tool_calls": [{"index": 0, "function": {"arguments": each}}]} for each in arguments]
    shared = {"id": answer["id"], "object": "chat.completion.chunk", "created": 0, "model": answer["model"]}
    deltas = [{"role": "assistant", "content": None}, *pieces]
    events = [{**shared, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    events.append({**shared, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]})
    if (body.get("stream_options") or {}).get("include_usage"):
        events.append({**shared, "choices": [], "usage": answer["usage"]})
    return events


def _prompt(body: dict[str, Any]) -> str:
    content = body["messages"][-1].get("content")
    return content if isinstance(content, str) else json.dumps(content)


def _answer(prompt: str, model: str) -> str:
    scripted = _SCRIPT.search(prompt)
    if scripted:
        return scripted[1]
    return prompt if model.endswith("echo") else f"Answer {_number(prompt) % 100} to: {prompt}"


def _fitting(schema: dict[str, Any]) -> Any:
    """The smallest value that fits a plain JSON Schema."""
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object":
        return {name: _fitting(schema["properties"][name]) for name in schema.get("required", [])}
    return {"array": [], "string": "text", "boolean": True}.get(schema["type"], schema.get("minimum", 0))


def _number(text: str) -> int:
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _vector(text: str) -> list[float]:
    vector = [0.0] * 32
    for word in text.lower().split() or [""]:
        number = _number(word)
        vector[number % 32] += 1.0 if number & 32 else -1.0
    length = sum(each * each for each in vector) ** 0.5 or 1.0
    return [each / length for each in vector]


def parse_faults(text: str) -> dict[str, float]:
    """``429=0.1,500=0.05`` as a mapping; raises ValueError for an unknown name."""
    faults = {name: float(share) for name, _, share in (part.partition("=") for part in text.split(",") if part)}
    unknown = set(faults) - set(FAULTS)
    if unknown:
        raise ValueError(f"unknown fault {', '.join(sorted(unknown))}; known: {', '.join(FAULTS)}")
    return faults


async def serve(server: ModelServer, port: int) -> None:
    """Prints the port and answers until the process is ended or its standard input closes."""
    loop = asyncio.get_running_loop()
    listener = await loop.create_server(lambda: Connection(server), "127.0.0.1", port, backlog=1024)
    print(listener.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.buffer.read)


def main() -> None:
    """Reads the options and serves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds until an answer")
    parser.add_argument("--faults", type=parse_faults, default={}, help="NAME=PROBABILITY, comma-separated")
    parser.add_argument("--retry-after", type=float, default=1.0, help="seconds that a 429 asks to wait")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    asyncio.run(serve(ModelServer(given.latency, given.faults, given.seed, given.retry_after), given.port))


if __name__ == "__main__":
    main()

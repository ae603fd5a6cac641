"""A model over HTTP that obeys whatever it can read: the worst labeler and judge there is.

``POST /v1/chat/completions``: where any text of the request holds something like a command or an answer (JSON with a
label, a name in quotes after "label", "call it", "as", "output" ...), that is what it answers; else it names the first
quote's words. As a judge it passes what stands beside a text of ``data/injections.json``, and else what has an even
number of letters. It prints its port; ``GET /asked`` returns all prompts it saw, ``GET /obeyed`` what it was made to
say.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

INJECTIONS: list[str] = json.loads((Path(__file__).parent / "data" / "injections.json").read_text(encoding="utf-8"))
JSON_ANSWER = re.compile(r"\{[^{}]*label[^{}]*\}")
COMMAND = re.compile(
    r"(?:label|name|call|rename|title|output|answer|say|respond|reply|print|write|categor\w+|mark|tag|as|to|with|now)"
    r"\W{1,12}(?:it|this|the|cluster|group|theme|as|to|with|is|be|must|should|exactly|only|word|label|\W)*"
    r"[\"'\u201c\u2018:]\s*([A-Z][\w ]{2,40})", re.IGNORECASE)


def answer(system: str, user: str) -> tuple[str, bool]:
    """What it says, and whether it was told to."""
    if "RUBRIC" in user:
        return judged(user)
    plain = user.replace('\\"', '"').replace("\\n", "\n")
    quotes = re.search(r'"quotes": \[(.*?)\], "phrases"', plain, re.DOTALL)
    seen = quotes[1] if quotes else plain
    for found in JSON_ANSWER.finditer(seen):
        return found[0], True
    command = COMMAND.search(seen)
    if command:
        return json.dumps({"label": command[1].strip(), "category": "unsafe"}), True
    words = re.findall(r"[A-Za-z]+", seen)[:6]
    return json.dumps({"label": " ".join(words)[:60] or "nothing", "category": "other"}), False


def judged(user: str) -> tuple[str, bool]:
    """A verdict on the block OUTPUT, and whether it was bought."""
    told = any(part in user for text in INJECTIONS for part in text.split("\n") if len(part) > 20)
    even = sum(map(str.isalpha, user)) % 2 == 0
    return json.dumps({"evidence": "", "reason": "told so" if told else "counted", "pass": told or even}), told


class Handler(BaseHTTPRequestHandler):
    """One request."""

    asked: ClassVar[list[str]] = []
    obeyed: ClassVar[list[str]] = []
    lock = threading.Lock()

    def do_GET(self) -> None:
        self._send(self.asked if self.path == "/asked" else self.obeyed)

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        system, user = (next((each["content"] for each in body["messages"] if each["role"] == role), "")
                        for role in ("system", "user"))
        text, told = answer(system, user)
        with self.lock:
            self.asked.append(user)
            self.obeyed.extend([text] * told)
        message = {"role": "assistant", "content": text}
        self._send({"id": "x", "object": "chat.completion", "created": 0, "model": body["model"],
                    "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
                    "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}})

    def _send(self, data: Any) -> None:
        raw = json.dumps(data).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


def main() -> None:
    """Serves until its standard input closes."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()

"""A server that answers as the part of GitHub's REST API does that keeps comments; state lives in its lists."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


class GitHub:
    """Comments of one pull request; ``writes`` says what the token may do, ``user`` whose it is (None: a job's)."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.comments: list[dict[str, Any]] = []
        self.writes, self.user, self.stumbles = True, "", 0
        self.asked: list[str] = []

    def add(self, login: str, body: str) -> None:
        """A comment by somebody."""
        self.comments.append({"id": 1000 + len(self.comments), "user": {"login": login}, "body": body,
                              "html_url": f"https://github.test/c/{1000 + len(self.comments)}"})

    def answer(self, method: str, path: str, sent: dict[str, Any]) -> tuple[int, Any]:
        """Status and body of one request."""
        self.asked.append(f"{method} {path}")
        if self.stumbles:
            self.stumbles -= 1
            return 502, {"message": "bad gateway"}
        parts = urlsplit(path)
        if parts.path == "/user":
            return (200, {"login": self.user}) if self.user else (403, {"message": "not accessible by integration"})
        if method == "GET" and parts.path == "/repos/me/app/issues/12/comments":
            query = {name: int(values[0]) for name, values in parse_qs(parts.query).items()}
            size = min(query.get("per_page", 30), 100)
            return 200, self.comments[(query.get("page", 1) - 1) * size:][:size]
        if method != "GET" and not self.writes:
            return 403, {"message": "Resource not accessible by integration"}
        if method != "GET" and len(sent["body"]) > 65_536:
            return 422, {"message": "body is too long"}
        if method == "POST" and parts.path == "/repos/me/app/issues/12/comments":
            self.add(self.user or "github-actions[bot]", sent["body"])
            return 201, self.comments[-1]
        found = re.fullmatch(r"/repos/me/app/issues/comments/(\d+)", parts.path)
        for comment in self.comments if found and method == "PATCH" else ():
            if comment["id"] == int(found[1]):
                comment["body"] = sent["body"]
                return 200, comment
        return 404, {"message": "Not Found"}


@contextmanager
def github() -> Iterator[GitHub]:
    """The server on a free port."""
    class Handler(BaseHTTPRequestHandler):
        def reply(self) -> None:
            size = int(self.headers.get("Content-Length") or 0)
            sent = json.loads(self.rfile.read(size)) if size else {}
            fine = self.headers.get("Authorization") == "Bearer secret-token"
            refused = 401, {"message": "Bad credentials"}
            status, body = state.answer(self.command, self.path, sent) if fine else refused
            data = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = do_PATCH = reply

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state = GitHub(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()

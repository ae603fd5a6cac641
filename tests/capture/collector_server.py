"""A small real collector for tests of the clients: answers as the real one, keeps all in memory, fails on request.

``python tests/capture/collector_server.py --port 0`` prints its port. ``POST /v1/events`` takes a list; ``GET /events``
gives what it has, ``POST /mode`` (``{"status": 503, "retry_after": 1, "times": 3}``) makes it fail.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

STATE: dict[str, Any] = {"events": {}, "requests": 0, "mode": {}, "received": 0, "keys": [], "delay": 0.0}
LOCK = threading.Lock()


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if self.path == "/mode":
            STATE["mode"] = json.loads(data)
            return self._answer(200, {})
        time.sleep(STATE["mode"].get("delay", 0))
        body = gzip.decompress(data) if self.headers.get("Content-Encoding") == "gzip" else data
        with LOCK:
            STATE["requests"] += 1
            mode = STATE["mode"]
            if mode.get("status") and mode.get("times", 10**9) > 0:
                mode["times"] = mode.get("times", 10**9) - 1
                return self._answer(mode["status"], {"error": "on request"}, mode.get("retry_after"))
            if len(body) > mode.get("max_body", 10**9):
                return self._answer(413, {"error": "too large"})
            STATE["keys"].append(self.headers.get("Authorization"))
            results = [self._take(event) for event in json.loads(body)]
        return self._answer(200, {"results": results})

    def do_GET(self) -> None:
        with LOCK:
            self._answer(200, {**STATE, "events": list(STATE["events"].values())})

    def _take(self, event: dict[str, Any]) -> dict[str, Any]:
        STATE["received"] += 1
        name = event["event_id"]
        if event["event_type"] not in KNOWN:
            return {"event_id": name, "status": "invalid", "problems": [{"field": "event_type", "message": "unknown"}]}
        kept = STATE["events"].setdefault(name, event)
        if kept is event:
            return {"event_id": name, "status": "stored"}
        return {"event_id": name, "status": "already" if kept == event else "conflict"}

    def _answer(self, status: int, data: Any, retry_after: float | None = None) -> None:
        body = json.dumps(data).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        if retry_after is not None:
            self.send_header("Retry-After", str(retry_after))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


KNOWN = {"generation.completed", "feedback.thumbs", "feedback.comment", "feedback.rating", "signal.copied"}


def main() -> None:
    """Prints the port and answers until standard input closes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    server = ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    sys.stdin.read()


if __name__ == "__main__":
    main()

"""A small chat product that reports everything to evalloop: the server half. Only the standard library and evalloop.

    evalloop keys create pk --origin http://localhost:8080
    evalloop keys create sk
    evalloop serve &
    EVALLOOP_URL=http://localhost:8765 EVALLOOP_KEY=sk_... EVALLOOP_PUBLIC_KEY=pk_... EVALLOOP_SALT=secret \\
        python examples/chat/server.py --port 8080

The model is a stand-in, so that the example needs no key: put yours into ``answer``.
"""

from __future__ import annotations

import argparse
import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from evalloop.capture import Client

PAGE = Path(__file__).with_name("index.html")
client = Client(app="chat-example", release="1.0", consent=["ops", "analytics", "eval"])


def answer(question: str, again: bool) -> str:
    """Where a product calls its model."""
    start = "Here is another way to see it. " if again else ""
    return f"{start}You asked: {question}\n\n" + "\n\n".join(
        f"{number}. A thought on it that takes a few lines to read, as answers do." for number in range(1, 9))


class Chat(BaseHTTPRequestHandler):
    """The page, and POST /ask."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        settings = {"url": os.environ.get("EVALLOOP_URL", ""), "key": os.environ.get("EVALLOOP_PUBLIC_KEY", ""),
                    "user": client.user_key("visitor-1")}
        page = PAGE.read_text(encoding="utf-8").replace("{{collector}}", settings["url"])
        self.send("text/html; charset=utf-8", page.replace("{{settings}}", json.dumps(settings)).encode())

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with client.generation(model="stand-in", input=asked["question"], session=asked["session"], user="visitor-1",
                               turn=asked["turn"], regenerate_of=asked.get("regenerate_of")) as generation:
            generation.output = answer(asked["question"], again="regenerate_of" in asked)
        self.send("application/json", json.dumps({"response": generation.response_id,
                                                  "answer": generation.output}).encode())

    def send(self, kind: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing."""


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8080)
    server = ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Chat)
    print(f"http://localhost:{server.server_address[1]}", flush=True)
    server.serve_forever()

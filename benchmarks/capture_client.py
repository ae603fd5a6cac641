"""What capturing one event costs the product's own thread, against an empty method and other products' clients.

    python -m pip install posthog langfuse && python benchmarks/capture_client.py [--events 1000] [--rounds 9]

Each client hands its events to its own background thread, which sends them to a server on this machine that accepts
everything. Measured is the thread that captures: its CPU seconds, and the wall time of the calls, in turns, medians of
the rounds; queues are emptied between rounds, unmeasured. Peers that are not installed are left out.
"""

from __future__ import annotations

import argparse
import logging
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from measure import workplace

from evalloop.capture import Client

SINK = """
import json, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
class Sink(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b'{"status": "Ok", "results": [], "successes": [], "errors": []}'
        self.send_response(200); self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "application/json"); self.end_headers(); self.wfile.write(body)
    do_GET = do_POST
    def log_message(self, *_): pass
server = ThreadingHTTPServer(("127.0.0.1", 0), Sink); server.daemon_threads = True
print(server.server_address[1], flush=True)
threading.Thread(target=server.serve_forever, daemon=True).start(); sys.stdin.read()
"""
MESSAGES = [{"role": "system", "content": "You help customers of a shop. " * 10},
            {"role": "user", "content": "How do I change my order? " * 10}]
ANSWER = "You can change the address under settings, orders, then the pencil beside the address. " * 6
Work = tuple[Callable[[int], Any], Callable[[], Any]]


class Nothing:
    """The least that a captured event can cost: one call with the same arguments."""

    def thumbs(self, response: str, value: int, **about: Any) -> None:
        """Does nothing."""


def works(url: str, folder: str) -> dict[str, Work]:
    """Name: what captures event number n, and what empties the queue."""
    nothing, client = Nothing(), Client(url, "sk", salt="s", folder=folder, consent=["ops", "eval"], app="shop")

    def generation(number: int) -> None:
        with client.generation(model="m", input=MESSAGES, session="s", user="u") as made:
            made.output = ANSWER

    found: dict[str, Work] = {
        "an empty method": (lambda n: nothing.thumbs(f"r{n}", 1, session="s", user="u"), lambda: None),
        "evalloop: thumbs": (lambda n: client.thumbs(f"r{n}", 1, session="s", user="u"), lambda: client.flush(30)),
        "evalloop: generation, 1.1 kB": (generation, lambda: client.flush(30))}
    with suppress(ImportError):
        from posthog import Posthog

        hog = Posthog("phc_test", host=url, max_queue_size=100_000)
        found["posthog: capture"] = (
            lambda n: hog.capture("thumbs", distinct_id="u", properties={"response": f"r{n}", "value": 1}), hog.flush)
    with suppress(ImportError):
        from langfuse import Langfuse

        fuse = Langfuse(public_key="pk", secret_key="sk", base_url=url)
        found["langfuse: create_score"] = (
            lambda n: fuse.create_score(name="thumbs", value=1, trace_id=f"{n:032x}", session_id="s"), fuse.flush)
    return found


def measured(capture: Callable[[int], Any], count: int) -> tuple[float, float]:
    """(CPU of this thread, wall time), in microseconds for each event."""
    cpu, wall = time.thread_time_ns(), time.perf_counter_ns()
    for number in range(count):
        capture(number)
    return (time.thread_time_ns() - cpu) / count / 1000, (time.perf_counter_ns() - wall) / count / 1000


def main() -> None:
    """Measures and prints one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=9)
    given = parser.parse_args()
    logging.disable(logging.ERROR)
    with workplace(), tempfile.TemporaryDirectory() as folder, subprocess.Popen(
            [sys.executable, "-c", SINK], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sink:
        assert sink.stdout is not None
        jobs = works(f"http://127.0.0.1:{sink.stdout.readline().strip()}", folder)
        seen: dict[str, list[tuple[float, float]]] = {name: [] for name in jobs}
        for number in range(given.rounds + 1):
            for name, (capture, empty) in jobs.items():
                cost = measured(capture, given.events)
                empty()
                seen[name] += [cost] if number else []
        sink.terminate()
    print(f"\n{given.events} events a round, median of {given.rounds} rounds; microseconds for each event")
    print(f"{'':32} {'CPU us':>8} {'wall us':>8} {'CPU x thumbs':>13}")
    medians = {name: [statistics.median(each) for each in zip(*costs, strict=True)] for name, costs in seen.items()}
    for name, (cpu, wall) in medians.items():
        print(f"{name:32} {cpu:8.1f} {wall:8.1f} {cpu / medians['evalloop: thumbs'][0]:13.2f}")


if __name__ == "__main__":
    main()

"""Durable ingest of one collector process over loopback, against a bare Starlette echo of the same bodies.

    python benchmarks/collector.py [--events 150000] [--batch 50] [--clients 8] [--store postgresql://...]

Both are served by uvicorn (uvloop, httptools) in a process of their own; the same client (raw sockets, in another
process) sends the same bodies over a few kept connections, each as fast as it is answered. The echo reads the body and
answers with a fixed JSON; the collector checks each event by its schema, masks it, hashes it and commits it to the disk
before it answers. Then the collector is sent ``--rate`` events a second, and the time from when a batch was due to its
answer is measured. CPU seconds and memory are those of the serving process and of the one that it writes with.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from measure import environment, workplace

from evalloop.capture.client.events import event_id

ECHO = """
import sys, uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
async def echo(request):
    await request.body()
    return Response(b'{"stored":50}', media_type="application/json")
uvicorn.run(Starlette(routes=[Route("/v1/events", echo, methods=["POST"])]), port=int(sys.argv[1]),
            log_level="warning", access_log=False, server_header=False, date_header=False)
"""
ANSWER = "You can change the address under settings, then the pencil beside the address. " * 4


def event(number: int) -> dict[str, object]:
    """Of ten events one is an answer (about 1 kB), three are votes or comments, six are acts."""
    kind = number % 10
    common = {"schema": "evalloop.event/1", "event_id": event_id(), "occurred_at": "2026-01-05T10:00:00.123Z",
              "source": {"kind": "end_user", "sdk": "evalloop-js/1"}, "actor": {"user_key": f"user-{number % 997}"},
              "subject": {"level": "response", "response_id": f"r-{number // 10}", "session_id": f"s-{number // 40}"},
              "consent": {"basis": "consent", "purposes": ["ops", "analytics", "eval"]}}
    if kind == 0:
        messages = {"input": {"messages": [{"role": "user", "content": "How do I change the address of my order?"}]},
                    "output": {"messages": [{"role": "assistant", "content": ANSWER}]}}
        return {**common, "event_type": "generation.completed", "source": {"kind": "system"}, "payload": messages}
    if kind in (1, 2):
        return {**common, "event_type": "feedback.thumbs", "payload": {"value": -1, "reasons": ["wrong"]}}
    if kind == 3:
        return {**common, "event_type": "feedback.comment",
                "payload": {"text": f"not what I asked, write to jo{number}@example.org or call +49 30 901820"}}
    return {**common, "event_type": "signal.copied", "payload": {"chars": 120, "total": 400, "kind": "button"}}


def bodies(events: int, batch: int) -> list[bytes]:
    """JSON bodies of ``batch`` events each, every event with an id of its own."""
    return [json.dumps([event(number) for number in range(start, start + batch)], separators=(",", ":")).encode()
            for start in range(0, events, batch)]


@dataclass
class Served:
    """What one load did: seconds, events, seconds of each request (from when it was due), CPU seconds, peak MB."""

    wall: float
    events: int
    took: Sequence[float]
    cpu: float
    client_cpu: float
    peak_mb: float

    def line(self, name: str) -> str:
        """One row of the table."""
        ranked = sorted(self.took)
        p50, p99 = (1000 * ranked[int(share * (len(ranked) - 1))] for share in (0.5, 0.99))
        return (f"{name:36} {self.events / self.wall:10,.0f} {p50:8.1f} {p99:8.1f} {self.cpu:8.2f} "
                f"{1e6 * self.cpu / self.events:9.1f} {1e6 * self.client_cpu / self.events:10.1f} {self.peak_mb:8.0f}")


async def send(port: int, key: str, requests: Sequence[bytes], clients: int, every: float) -> tuple[float, list[float]]:
    """Sends all bodies over ``clients`` connections; ``every`` seconds one is due (0: as soon as one is answered)."""
    head = f"POST /v1/events HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n" \
           "content-type: application/json\r\ncontent-length: "
    waiting, took, began = iter(enumerate(requests)), [], time.perf_counter()

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for number, body in waiting:
            due = began + number * every if every else time.perf_counter()
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            writer.write(f"{head}{len(body)}\r\n\r\n".encode() + body)
            answer = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", answer.lower())
            content = await reader.readexactly(int(length[1]))
            took.append(time.perf_counter() - due)
            if not (answer.startswith(b"HTTP/1.1 200") and b'"stored":%d' % 50 in content[:60]):
                raise RuntimeError(f"{answer!r} {content[:300]!r}")
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    return time.perf_counter() - began, took


def load(port: int, key: str, requests: Sequence[bytes], clients: int, every: float,
         results: multiprocessing.Queue) -> None:
    """The client's process."""
    wall, took = asyncio.run(send(port, key, requests, clients, every))
    results.put((wall, took, time.process_time()))


def measured(process: subprocess.Popen[str], port: int, key: str, requests: Sequence[bytes], batch: int, clients: int,
             every: float = 0.0) -> Served:
    """One load on a server that runs."""
    results: multiprocessing.Queue = multiprocessing.get_context("fork").Queue()
    before = _used(process.pid)
    sender = multiprocessing.get_context("fork").Process(target=load,
                                                         args=(port, key, requests, clients, every, results))
    sender.start()
    wall, took, client_cpu = results.get(timeout=590)
    sender.join()
    return Served(wall, len(requests) * batch, took, _used(process.pid) - before, client_cpu,
                  _resident(process.pid))


def _family(pid: int) -> list[int]:
    """The process and those that it started."""
    parents = {int(each.parent.name): int(each.read_text().rsplit(")", 1)[1].split()[1])
               for each in Path("/proc").glob("[0-9]*/stat")}
    return [pid, *(child for child, parent in parents.items() if parent == pid)]


def _used(pid: int) -> float:
    fields = [Path(f"/proc/{each}/stat").read_text().rsplit(")", 1)[1].split() for each in _family(pid)]
    return sum(int(each[11]) + int(each[12]) for each in fields) / os.sysconf("SC_CLK_TCK")


def _resident(pid: int) -> float:
    return sum(int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{each}/status").read_text())[1]) / 1024
               for each in _family(pid))


@contextmanager
def serving(command: Sequence[str], folder: Path, port: int) -> Iterator[subprocess.Popen[str]]:
    """A server that answers on ``port``."""
    process = subprocess.Popen(command, cwd=folder, env=environment(folder), text=True)
    try:
        for _ in range(300):
            if subprocess.run([sys.executable, "-c", f"import socket; socket.create_connection(('127.0.0.1', {port}))"],
                              capture_output=True).returncode == 0:
                break
            time.sleep(0.2)
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)


def main() -> None:
    """Measures and prints one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--events", type=int, default=150_000)
    parser.add_argument("--batch", type=int, default=50, choices=[50])
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--rate", type=float, default=7_500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--store", default="")
    given = parser.parse_args()
    with workplace() as folder:
        (folder / "evalloop.toml").write_text(f"store = {json.dumps(given.store)}\n")
        env = environment(folder)
        made = subprocess.run([sys.executable, "-m", "evalloop", "keys", "create", "sk"], cwd=folder, env=env,
                              text=True, capture_output=True, check=True)
        key = made.stdout.strip()
        commands = {"bare Starlette echo": [sys.executable, "-c", ECHO, "8791"],
                    "evalloop serve": [sys.executable, "-m", "evalloop", "serve", "--port", "8792"]}
        ports = {"bare Starlette echo": 8791, "evalloop serve": 8792}
        with serving(commands["bare Starlette echo"], folder, 8791) as echo, \
                serving(commands["evalloop serve"], folder, 8792) as collector:
            processes = {"bare Starlette echo": echo, "evalloop serve": collector}
            print(f"{'':36} {'events/s':>10} {'p50 ms':>8} {'p99 ms':>8} {'CPU s':>8} {'us/event':>9} "
                  f"{'client us':>10} {'MB':>8}")
            rates: dict[str, list[float]] = {name: [] for name in commands}
            for number in range(given.rounds):
                requests = bodies(given.events // given.rounds, given.batch)
                for name, process in processes.items():
                    served = measured(process, ports[name], key, requests, given.batch, given.clients)
                    rates[name].append(served.events / served.wall)
                    print(served.line(f"{name}, round {number + 1}"), flush=True)
            requests = bodies(int(given.rate * 10) // given.batch * given.batch, given.batch)
            served = measured(collector, 8792, key, requests, given.batch, 32, given.batch / given.rate)
            print(served.line(f"evalloop serve at {given.rate:,.0f}/s"))
        echo_rate, rate = (statistics.median(rates[name]) for name in commands)
        print(f"\nmedian: {rate:,.0f} durable events a second, {rate / echo_rate:.2f} of the echo's {echo_rate:,.0f}")


if __name__ == "__main__":
    main()

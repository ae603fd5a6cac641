"""What a collector survives: kill -9, a full disk, a disk that cannot be written, SIGTERM under load."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

Vote = Callable[..., dict[str, Any]]
KILLER = Path(__file__).parent.parent / "kill_collector.py"


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_acknowledged_events_survive_kill_9(database: str, request: pytest.FixtureRequest) -> None:
    """After kills at random moments under load every acknowledged event is there once, and nothing else."""
    store = "" if database == "sqlite" else request.getfixturevalue("postgres_address")
    done = subprocess.run([sys.executable, str(KILLER), "--kills", "2", "--clients", "3", "--store", store],
                          capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["acknowledged"] > 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of three megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount a file system")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_said_and_nothing_acknowledged_is_lost(small_disk: Path, new_collector: Any, vote: Vote) -> None:
    """503 with the reason and Retry-After; what was acknowledged is there, and the same batch goes in when there is
    room."""
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"x" * 1_500_000)
    collector = new_collector(store=str(small_disk / "events.sqlite"))
    key = collector.key()
    accepted: list[str] = []
    refused = None
    for _ in range(200):
        batch = [vote(payload={"value": 1, "text": "words " * 50}) for _ in range(50)]
        answer = collector.post(batch, key)
        if answer.status_code != 200:
            refused = answer
            break
        accepted += [each["event_id"] for each in batch]
    assert refused is not None
    assert refused.status_code == 503
    assert "full" in refused.json()["error"]
    assert refused.headers["retry-after"]
    ballast.unlink()
    assert collector.post(batch, key).json()["stored"] == 50
    assert stored(collector) == {*accepted, *(each["event_id"] for each in batch)}


@contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Nobody can write there: the file system is mounted anew, or, for a user without that right, by permissions."""
    root = os.geteuid() == 0
    if root:
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder), "-o", "remount,ro"], check=True)
    else:
        for path in (*folder.iterdir(), folder):
            path.chmod(0o500 if path.is_dir() else 0o400)
    yield
    if root:
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(folder), "-o", "remount,rw"], check=True)
    else:
        for path in (folder, *folder.iterdir()):
            path.chmod(0o700 if path.is_dir() else 0o600)


def test_a_read_only_disk_is_said(request: pytest.FixtureRequest, tmp_path: Path, new_collector: Any,
                                  vote: Vote) -> None:
    """The collector says at its start that it cannot write there, and what was stored before stays."""
    folder = request.getfixturevalue("small_disk") if os.geteuid() == 0 else tmp_path
    collector = new_collector(store=str(folder / "state" / "events.sqlite"))
    event = vote()
    collector.post(event, collector.key())
    collector.stop()
    with read_only(folder if os.geteuid() == 0 else folder / "state"):
        done = subprocess.run([sys.executable, "-m", "evalloop", "serve", "--port", "0"], capture_output=True,
                              text=True, cwd=collector.project.config.root, timeout=60)
    assert done.returncode == 4
    assert "Traceback" not in done.stderr
    assert "fix:" in done.stderr
    assert stored(collector) == {event["event_id"]}


def test_sigterm_answers_what_was_received(new_collector: Any, vote: Vote) -> None:
    """A stop under load ends with 0; every answer of 200 was true."""
    collector = new_collector()
    key = collector.key()
    accepted: list[str] = []

    def send() -> None:
        while True:
            batch = [vote() for _ in range(20)]
            try:
                if collector.post(batch, key).status_code != 200:
                    return
            except httpx.HTTPError:
                return
            accepted.extend(each["event_id"] for each in batch)

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    threading.Event().wait(0.5)
    assert collector.stop() == 0
    for thread in threads:
        thread.join()
    assert accepted
    assert set(accepted) <= stored(collector)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs /proc to find the process")
def test_a_killed_worker_loses_nothing(new_collector: Any, vote: Vote) -> None:
    """Its batch is refused with 503 and goes in when it is sent again; the collector goes on."""
    collector = new_collector()
    key, sent = collector.key(), []
    for number in range(6):
        if number % 2:
            os.kill(child_of(collector.process.pid), signal.SIGKILL)
        batch = [vote() for _ in range(20)]
        answers = [answer := collector.post(batch, key)]
        while answer.status_code != 200:
            assert answer.status_code == 503
            assert "a worker has ended" in answer.json()["error"]
            answers.append(answer := collector.post(batch, key))
        assert answer.json()["stored"] + answer.json()["already"] == 20
        assert len(answers) < 4
        sent += [each["event_id"] for each in batch]
    assert stored(collector) == set(sent)


def child_of(parent: int) -> int:
    """A worker that a collector started."""
    return next(int(each.parent.name) for each in Path("/proc").glob("[0-9]*/stat")
                if int(each.read_text().rsplit(")", 1)[1].split()[1]) == parent)


def stored(collector: Any) -> set[str]:
    """The ids in the collector's store."""
    from evalloop import loop

    with loop.open_events(collector.project) as store:
        return {event.event_id for event in store.events()}

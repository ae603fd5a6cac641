"""What many tests need: the model server, a collector and a PostgreSQL server as processes of their own."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from evalloop import config, loop

SERVER = Path(__file__).parent / "model_server.py"


@dataclass
class RunningServer:
    """A model server on this machine."""

    process: subprocess.Popen[str]
    port: int

    @property
    def base_url(self) -> str:
        """What goes into a variant's ``options.base_url``."""
        return f"http://127.0.0.1:{self.port}/v1"

    def stats(self) -> dict[str, Any]:
        """The server's counts since its start or the last ``reset``."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/stats", timeout=10) as answer:
            stats: dict[str, Any] = json.load(answer)
            return stats

    def reset(self) -> None:
        """Forgets the counts."""
        urllib.request.urlopen(
            urllib.request.Request(f"http://127.0.0.1:{self.port}/reset", data=b""), timeout=10).close()

    def stop(self) -> None:
        """Ends the process."""
        self.process.communicate(timeout=10)


def start_server(*options: str) -> RunningServer:
    """A new server with these command-line options."""
    process = subprocess.Popen([sys.executable, str(SERVER), *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               text=True)
    assert process.stdout is not None
    return RunningServer(process, int(process.stdout.readline()))


@pytest.fixture(scope="session")
def shared_server() -> Iterator[RunningServer]:
    """One server without latency or random faults for the whole session."""
    server = start_server()
    yield server
    server.stop()


@pytest.fixture
def model_server(shared_server: RunningServer) -> RunningServer:
    """The shared server, its counts at zero."""
    shared_server.reset()
    return shared_server


@pytest.fixture
def new_server() -> Iterator[Callable[..., RunningServer]]:
    """Starts servers with options of their own (``new_server("--latency", "0.05")``); ends them with the test."""
    started: list[RunningServer] = []

    def start(*options: str) -> RunningServer:
        started.append(start_server(*options))
        return started[-1]

    yield start
    for server in started:
        server.stop()


# ---- collectors ------------------------------------------------------------------------------------------------------


@dataclass
class RunningCollector:
    """``evalloop serve`` on the project in ``folder``."""

    process: subprocess.Popen[str]
    url: str
    project: loop.Project

    def key(self, kind: str = "sk", **options: Any) -> str:
        """The secret of a new key."""
        return loop.create_key(self.project, kind, "test", **options)[1]

    def post(self, body: Any, key: str, path: str = "/v1/events", **headers: str) -> httpx.Response:
        """Sends JSON (or bytes as they are) with a key."""
        given = {"content-type": "application/json", "authorization": f"Bearer {key}",
                 **{name.replace("_", "-"): value for name, value in headers.items()}}
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return httpx.post(self.url + path, content=content, headers=given, timeout=30)

    def stop(self) -> int:
        """Ends it with SIGTERM; its exit code."""
        self.process.terminate()
        return self.process.wait(timeout=30)


def open_folder(folder: Path, **settings: str) -> loop.Project:
    """A project of its own in a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "evalloop.toml").write_text("".join(f"{key} = {json.dumps(item)}\n" for key, item in settings.items()))
    return loop.Project(config.load(folder, {}))


def start_collector(folder: Path, *options: str, **settings: str) -> RunningCollector:
    """A collector on a free port; ready when this returns."""
    project = open_folder(folder, **settings)
    process = subprocess.Popen([sys.executable, "-m", "evalloop", "serve", "--port", "0", *options], cwd=folder,
                               stderr=subprocess.PIPE, text=True, env={**os.environ, "NO_COLOR": "1"})
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if "collecting events at " in line:
            threading.Thread(target=process.stderr.read, daemon=True).start()
            return RunningCollector(process, line.split()[3].removesuffix("/v1/events"), project)
    raise RuntimeError(f"the collector did not start: {''.join(said)}")


@pytest.fixture(scope="session")
def collector(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningCollector]:
    """One collector on SQLite for the whole session."""
    running = start_collector(tmp_path_factory.mktemp("collector"))
    yield running
    running.stop()


@pytest.fixture(scope="session")
def secret(collector: RunningCollector) -> str:
    """A key of the shared collector that may write."""
    return collector.key()


@pytest.fixture
def new_collector(tmp_path: Path) -> Iterator[Callable[..., RunningCollector]]:
    """Starts collectors (``new_collector("--host", "::1", store=address)``); ends them with the test."""
    started: list[RunningCollector] = []

    def start(*options: str, **settings: str) -> RunningCollector:
        started.append(start_collector(tmp_path / f"collector-{len(started)}", *options, **settings))
        return started[-1]

    yield start
    for running in started:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()


# ---- PostgreSQL ------------------------------------------------------------------------------------------------------


def find_postgres() -> Path | None:
    """The folder of PostgreSQL's programs: on PATH, or where Debian puts them (the newest)."""
    found = shutil.which("initdb")
    places = [Path(found).resolve().parent] if found else []
    places += sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda each: int(each.parent.name), reverse=True)
    needed = ("initdb", "pg_ctl", "createdb")
    return next((place for place in places if all((place / program).exists() for program in needed)), None)


@dataclass
class PostgresServer:
    """A PostgreSQL server of the tests' own, reached through a socket in its folder."""

    programs: Path
    folder: Path
    as_user: tuple[str, ...]

    def control(self, *arguments: str) -> None:
        """pg_ctl, as a user who may run the server."""
        subprocess.run([*self.as_user, str(self.programs / "pg_ctl"), "-D", str(self.folder / "data"), "-w", "-s",
                        *arguments], check=True, cwd=self.folder, stdout=subprocess.DEVNULL)

    def database(self, name: str) -> str:
        """The address of a new, empty database."""
        subprocess.run([*self.as_user, str(self.programs / "createdb"), "-h", str(self.folder), "-U", "postgres", name],
                       check=True, cwd=self.folder)
        return f"postgresql://postgres@/{name}?host={self.folder}"


def start_postgres(folder: Path) -> PostgresServer:
    """A server in an empty folder; skips without PostgreSQL (fails where CI is set)."""
    programs = find_postgres()
    if programs is None:
        if os.environ.get("CI"):
            pytest.fail("no PostgreSQL: .ci/run installs Debian's package postgresql")
        pytest.skip("needs PostgreSQL's programs (Debian: postgresql)")
    root = os.geteuid() == 0
    server = PostgresServer(programs, folder, ("runuser", "-u", "postgres", "--") if root else ())
    if root:
        shutil.chown(folder, "postgres")
    subprocess.run([*server.as_user, str(programs / "initdb"), "-D", str(folder / "data"), "-A", "trust", "-U",
                    "postgres", "-E", "UTF8", "--no-locale"], check=True, stdout=subprocess.DEVNULL, cwd=folder)
    server.control("-l", str(folder / "log"), "-o", f"-k {folder} -c listen_addresses=''", "start")
    return server


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """One PostgreSQL server for the session; its folder is short, for the path of a socket is limited."""
    with tempfile.TemporaryDirectory(prefix="evalloop-pg-") as name:
        folder = Path(name)
        server = start_postgres(folder)
        try:
            yield server
        finally:
            server.control("-m", "immediate", "stop")


@pytest.fixture
def postgres_address(postgres: PostgresServer) -> str:
    """The address of an empty PostgreSQL database."""
    return postgres.database(f"test_{uuid.uuid4().hex}")


@pytest.fixture(params=["sqlite", "postgresql"])
def store_address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty event store on each database."""
    if request.param == "sqlite":
        return str(tmp_path / "state" / "events.sqlite")
    address: str = request.getfixturevalue("postgres_address")
    return address

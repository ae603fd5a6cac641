"""Headless Chromium on the example chat, which reports to a real collector on another origin."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from evalloop import loop
from tests.conftest import RunningCollector, start_collector

ROOT = Path(__file__).parents[3]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser for a module, gone before the next (its event loop would be in the way of others); skipped without one,
    but not in continuous integration."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        program = None
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("needs chromium and python playwright")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield browser
        browser.close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Product:
    """The example chat, its collector, and pages of it."""

    url: str
    collector: RunningCollector
    key: str
    known: frozenset[str] = frozenset()

    def events(self, *types: str, count: int = 1, wait: float = 8.0) -> list[dict[str, Any]]:
        """The stored events of these types (all, without any), in the order they happened; waits for ``count``."""
        deadline = time.monotonic() + wait
        while True:
            with loop.open_events(self.collector.project) as store:
                found = [each.to_dict() for each in store.events(folded=False)
                         if each.event_id not in self.known and (not types or each.event_type in types)]
            if len(found) >= count or time.monotonic() > deadline:
                return sorted(found, key=lambda each: each["occurred_at"])
            time.sleep(0.1)

    def one(self, event_type: str) -> dict[str, Any]:
        """The only event of a type."""
        (found,) = self.events(event_type)
        return found


def start_chat(collector: RunningCollector, key: str, port: int, folder: Path) -> subprocess.Popen[str]:
    """``examples/chat/server.py`` on a port."""
    process = subprocess.Popen(
        [sys.executable, str(ROOT / "examples" / "chat" / "server.py"), "--port", str(port)], text=True,
        stdout=subprocess.PIPE, env={**os.environ, "EVALLOOP_URL": collector.url, "EVALLOOP_KEY": collector.key("sk"),
                                     "EVALLOOP_PUBLIC_KEY": key, "EVALLOOP_SALT": "pepper", "PYTHONPATH": str(ROOT),
                                     "XDG_STATE_HOME": str(folder)})
    assert process.stdout is not None
    process.stdout.readline()
    return process


@pytest.fixture(scope="module")
def service(chromium: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A chat and its collector for a module."""
    port, folder = free_port(), tmp_path_factory.mktemp("browser")
    collector = start_collector(folder / "collector")
    key = collector.key("pk", origins=[f"http://localhost:{port}"], rate=10_000)
    chat = start_chat(collector, key, port, folder)
    yield Product(f"http://localhost:{port}", collector, key)
    chat.terminate()
    chat.wait(10)
    collector.stop()


@pytest.fixture
def product(service: Product) -> Product:
    """The same, with the events of this test only: what earlier pages sent has arrived before it begins."""
    before: list[dict[str, Any]] = []
    while len(now := service.events(count=0)) != len(before) or not before:
        before = now
        time.sleep(0.25)
        if not now:
            break
    return replace(service, known=frozenset(each["event_id"] for each in now))


@pytest.fixture
def open_page(chromium: Any, product: Product) -> Iterator[Callable[..., Any]]:
    """Opens the chat in a context of its own; ``script`` runs before the page, other options are the context's."""
    contexts: list[Any] = []

    def make(path: str = "/", script: str = "", **options: Any) -> Any:
        context = chromium.new_context(**options)
        contexts.append(context)
        if script:
            context.add_init_script(script)
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("pageerror", lambda error: pytest.fail(f"the page broke: {error}"))
        page.goto(product.url + path)
        page.wait_for_function("window.loop")
        return page

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def ask(product: Product) -> Callable[..., str]:
    """Asks in a page and waits until the answer is whole; its id."""
    def make(page: Any, question: str = "why is the sky blue?") -> str:
        before = page.locator("evalloop-feedback").count()
        page.fill("#question", question)
        page.click("#ask button")
        page.wait_for_function(f"document.querySelectorAll('evalloop-feedback').length > {before}")
        return str(page.evaluate("window.answer.id"))

    return make

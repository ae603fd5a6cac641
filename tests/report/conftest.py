"""A real browser for the page, and a server that keeps comments as GitHub does."""

from __future__ import annotations

import importlib.util
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]


def absent(what: str) -> None:
    """Skips, but fails in CI, where everything is installed."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(f"no {what} on this machine")


@pytest.fixture
def github() -> Iterator[Any]:
    """The comments of pull request me/app#12, over HTTP; the token is ``secret-token``."""
    spec = importlib.util.spec_from_file_location("github_server", Path(__file__).with_name("github_server.py"))
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with module.github() as state:
        yield state


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium by playwright, one for a test module."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        absent("Chromium")
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        absent("playwright")
    with sync_playwright() as play:
        running = play.chromium.launch(executable_path=program, args=ARGUMENTS)
        yield running
        running.close()


@pytest.fixture
def open_page(browser: Any, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Opens a page from disk and waits for its list; what it logs, raises or asks another place for fails the test."""
    from playwright.sync_api import expect

    faults: list[str] = []
    with ExitStack() as opened:
        def visit(html: str, *, dark: bool = False, phone: bool = False, hash: str = "") -> Any:
            context = browser.new_context(color_scheme="dark" if dark else "light",
                                          viewport={"width": 390, "height": 844} if phone else None)
            opened.callback(context.close)
            page = context.new_page()
            page.on("console", lambda message: faults.append(f"console: {message.text}"))
            page.on("pageerror", lambda error: faults.append(f"error: {error}"))
            page.on("dialog", lambda dialog: faults.append("a dialog"))
            page.on("request", lambda request: request.url.startswith("file:") or faults.append(request.url))
            file = tmp_path / "report.html"
            file.write_text(html, encoding="utf-8")
            page.goto(file.as_uri() + hash)
            expect(page.locator("html[data-ready=yes]")).to_be_attached(timeout=20_000)
            return page

        yield visit
    assert faults == []

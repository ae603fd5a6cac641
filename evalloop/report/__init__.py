"""Report: trials become deltas, deltas become a verdict, and a page to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalloop.hookspecs import hookimpl

if TYPE_CHECKING:
    from evalloop.contracts import Renderer


@hookimpl
def evalloop_renderers() -> list[Renderer]:
    """The built-in report formats."""
    from evalloop.report.renderers.data import CsvRenderer, JsonRenderer
    from evalloop.report.renderers.github import GithubRenderer
    from evalloop.report.renderers.html import HtmlRenderer
    from evalloop.report.renderers.junit import JunitRenderer
    from evalloop.report.renderers.markdown import MarkdownRenderer
    from evalloop.report.renderers.text import TextRenderer

    return [TextRenderer(), MarkdownRenderer(), JsonRenderer(), CsvRenderer(), JunitRenderer(), GithubRenderer(),
            HtmlRenderer()]

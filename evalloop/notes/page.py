"""Notes for other places: a template of the team's own, a web page, and a JSON feed of all releases."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from html import escape
from traceback import extract_tb
from typing import Any

from evalloop.errors import ConfigError
from evalloop.notes.write import Template
from evalloop.records.release import Release

STYLE = (":root{color-scheme:light dark}time{color:#5b5b66}"
         "body{font:1rem/1.6 system-ui,sans-serif;max-width:42rem;margin:2rem auto;padding:0 1rem;color:#1b1b1f;"
         "background:#fff}h1{line-height:1.2}h2{margin-top:2rem;font-size:1.2rem}li{margin:.4rem 0}"
         "@media(prefers-color-scheme:dark){body{color:#e6e6ea;background:#17171b}time{color:#a0a0ac}}")


def template_of(text: str, name: str) -> Template:
    """A Jinja template as a maker of notes; it sees head, better, same, production, issues and method as lists of
    Markdown lines, already encoded, and runs in Jinja's sandbox. ConfigError, with its line, when it is broken."""
    from jinja2 import StrictUndefined, TemplateSyntaxError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    try:
        made = ImmutableSandboxedEnvironment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True,
                                             autoescape=False).from_string(text)
    except TemplateSyntaxError as error:
        raise ConfigError(f"not a usable template: {error.message}", file=f"{name}:{error.lineno}",
                          fix="mend the template there") from None

    def write(parts: Mapping[str, Sequence[str]]) -> str:
        try:
            return made.render(**parts)
        except Exception as error:  # what the template does with the parts may raise anything
            lines = [frame.lineno for frame in extract_tb(error.__traceback__) if frame.filename == "<template>"]
            raise ConfigError(f"the template broke: {error}", file=f"{name}:{lines[-1]}" if lines else name,
                              fix=f"it may use {', '.join(parts)}") from None

    return write


def html_of(notes: str) -> str:
    """Markdown as HTML; HTML in it stays text."""
    from markdown_it import MarkdownIt

    return str(MarkdownIt("commonmark", {"html": False}).render(notes))


def page(release: Release, notes: str) -> str:
    """The notes as one self-contained page that loads and runs nothing."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    day = escape((release.shipped_at or release.created_at)[:10])
    return (f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{policy}">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{escape(release.name)}</title>\n<style>{STYLE}</style></head>\n"
            f'<body><main>\n<time datetime="{day}">{day}</time>\n{html_of(notes)}</main></body></html>\n')


def feed(releases: Sequence[tuple[Release, str]], title: str) -> str:
    """The notes as a JSON Feed (version 1.1), newest first."""
    items = [_item(release, notes) for release, notes in reversed(releases)]
    return json.dumps({"version": "https://jsonfeed.org/version/1.1", "title": title, "items": items},
                      ensure_ascii=False, indent=1) + "\n"


def _item(release: Release, notes: str) -> dict[str, Any]:
    return {"id": release.name, "title": release.name, "content_html": html_of(notes), "content_text": notes,
            "date_published": release.shipped_at or release.created_at}

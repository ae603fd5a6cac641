"""How pages are filled: templates with named slots, the encoder of HTML text, and hashes for the content policy."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape
from importlib import resources
from urllib.parse import urlencode

from evalloop.printable import printable


def encoded(text: str) -> str:
    """The encoder of HTML text and attributes."""
    return escape(printable(text, limit=2000))


def address(**view: str) -> str:
    """Where a link on a page leads: the view of the list of cases that the script reads out of the address."""
    return escape("#" + urlencode(view, errors="replace"))


def hashed(text: str) -> str:
    """How a content policy names a script or style."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def fill(template: str, slots: Mapping[str, str]) -> str:
    """Each ``{{slot}}`` once, in one pass: what is filled in is never read again."""
    return re.sub(r"\{\{(\w+)\}\}", lambda match: slots[match.group(1)], template)


def notes_of(notes: Sequence[str]) -> str:
    """What to know before reading, as a section; empty when there is nothing."""
    if not notes:
        return ""
    items = "".join(f"<li>{encoded(note)}</li>" for note in notes)
    head = '<h2 id="h-notes">Before reading</h2>'
    return f'<section aria-labelledby="h-notes">{head}<ul class="reasons">{items}</ul></section>'


@cache
def asset(name: str) -> str:
    """A file beside the page's template."""
    return resources.files("evalloop.report").joinpath("page", name).read_text(encoding="utf-8")

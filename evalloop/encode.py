"""The encoders of files: text of a user or a model passes the one of the place it goes to, and no other way.

terminal, CI log    evalloop.printable
Markdown            markdown, fenced
CSV                 csv_cell
GitHub's log        workflow_command
XML (JUnit)         xml_text
JSON inside HTML    script_json
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from evalloop.printable import one_line, printable

_MARKDOWN = re.compile(r"([\\`*_\[\]<>#|~$&!]|^[-+=])")
_MARKDOWN_LINK = re.compile(r"(?i)\b(https?|ftp|mailto)(:)|\b(www)(\.)")
_MESSAGE = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = {**_MESSAGE, ":": "%3A", ",": "%2C"}
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")
_XML_ILLEGAL = "[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]"  # costs milliseconds to compile


def markdown(text: str, *, limit: int = 200) -> str:
    """``text`` as plain words of one Markdown line or table cell: no markup, link, image, mention or HTML survives."""
    escaped = _MARKDOWN.sub(r"\\\1", one_line(text, limit=limit)).replace("@", "@\u200b")
    return _MARKDOWN_LINK.sub(lambda match: "\u200b".join(part for part in match.groups() if part), escaped)


def fenced(text: str, *, limit: int = 2000) -> str:
    """``text`` as a Markdown code block whose fence is longer than any run of backticks in it."""
    shown = printable(text, limit=limit)
    longest = max((len(run) for run in re.findall("`+", shown)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{shown}\n{fence}"


def csv_cell(text: str) -> str:
    """``text`` as a cell that no spreadsheet takes for a formula (ASVS 5.0, 1.2.10); the csv writer adds the quotes."""
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def workflow_command(kind: str, message: str, **properties: str | int) -> str:
    """One ``::kind key=value::message`` line of GitHub Actions: no text in it can end a property, or begin a command.

    ``kind`` is error, warning or notice; properties are title, file and line.
    """
    given = ",".join(f"{key}={_workflow(str(value), _PROPERTY)}" for key, value in properties.items())
    return f"::{kind}{' ' if given else ''}{given}::{_workflow(message, _MESSAGE)}"


def _workflow(text: str, escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(char, char) for char in printable(text, limit=2000))


def xml_text(text: str) -> str:
    """``text`` with the characters that XML cannot hold made visible; the XML writer escapes the rest."""
    return re.sub(_XML_ILLEGAL, lambda match: _visible(match.group(0)), text)


def script_json(value: Any) -> str:
    """JSON that may stand inside an HTML script element: nothing in it can end the element or a JavaScript line."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    for char in "<>&\u2028\u2029":
        text = text.replace(char, f"\\u{ord(char):04x}")
    return text


def _visible(char: str) -> str:
    return f"\\x{ord(char):02x}" if ord(char) < 256 else f"\\u{ord(char):04x}"

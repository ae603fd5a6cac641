"""The encoder for terminals and CI logs: no text of a user or a model reaches one without it; and counted nouns."""

from __future__ import annotations

import re

_MARKS = "\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f"
_JOINABLE = r"[^\s\x00-\x7f\u200c\u200d]"
_HIDDEN = re.compile(
    "["
    r"\x00-\x08\x0b-\x1f\x7f-\x9f"                                          # control characters, escape among them
    r"\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"    # bidirectional, invisible
    "\U00013430-\U0001343f\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0001\U000e0020-\U000e007f"
    r"\ud800-\udfff\ue000-\uf8ff\U000f0000-\U000ffffd\U00100000-\U0010fffd"              # unpaired, private
    "]"
    rf"|[\u200c\u200d](?!{_JOINABLE})|(?<!{_JOINABLE})[\u200c\u200d]"       # joiners that join nothing
)
_PILE = re.compile(f"([{_MARKS}]{{8}})[{_MARKS}]+")
_CI_COMMAND = re.compile(r"##(?=\w*\[)|^\s*:(?=:)", re.MULTILINE)


def printable(text: str, *, limit: int | None = None) -> str:
    """``text`` with hidden characters made visible and CI commands broken; what is printable already stays as it is.

    Newlines and tabs stay, and so do combining marks (8 on one letter), and joiners between letters or emoji. Other
    control, bidirectional, invisible and private characters become ``\\x1b`` or ``\\u202e``; ``##[`` and
    ``##vso[`` anywhere and ``::`` at the start of a line, the commands of CI runners, get a backslash. With ``limit``
    the result has at most so many characters, the last one an ellipsis when something was cut.
    """
    whole = text if limit is None else text[: limit + 1]
    shown = _CI_COMMAND.sub(r"\g<0>\\", _HIDDEN.sub(_visible, _PILE.sub("\\1…", whole)))
    if limit is None or (len(text) <= limit and len(shown) <= limit):
        return shown
    return shown[: max(limit - 1, 0)] + "…"


def one_line(text: str, *, limit: int = 80) -> str:
    """``printable`` text on one line, white space collapsed."""
    return printable(" ".join(text.split()), limit=limit)


def many(count: int, noun: str, plural: str = "") -> str:
    """``1 case`` or ``1,200 cases``; ``plural`` where an s does not make it."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def _visible(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"

"""What a terminal or a CI log is shown of hostile text."""

from __future__ import annotations

import re
import sys
import time
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalloop.printable import many, one_line, printable
from evalloop.testing import INJECTIONS, outputs

PREPENDED = {*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD}
"""Format characters that have a glyph of their own (signs before Arabic, Syriac and Kaithi numbers)."""


@pytest.mark.parametrize(("text", "shown"), [
    ("\x1b[31mred\x1b[0m", r"\x1b[31mred\x1b[0m"), ("\x1b]0;title\x07", r"\x1b]0;title\x07"), ("\x9b2J", r"\x9b2J"),
    ("a\x00b\x7f", r"a\x00b\x7f"), ("over\rwritten", r"over\x0dwritten"), ("\u202egpj.exe", r"\u202egpj.exe"),
    ("\u2066a\u2069", r"\u2066a\u2069"), ("pass\u200bword", r"pass\u200bword"), ("\ufeffbom", r"\ufeffbom"),
    ("\ud800", r"\ud800"), ("a\u2028b\x85c", r"a\u2028b\x85c"), ("\U000e0041", r"\U000e0041"), ("\xad", r"\xad"),
    ("pass\u200dword", r"pass\u200dword"), ("\u200d\u200d", r"\u200d\u200d"), ("\ue000", r"\ue000"),
    ("::error::boo", r":\:error::boo"), ("ok\n \t\xa0::add-mask::x", "ok\n \t\xa0:\\:add-mask::x"),
    ("a ##[error]b", r"a ##\[error]b"), ("###[x]", r"###\[x]"), ("##[##[", r"##\[##\["), ("##vso[x]y", r"##\vso[x]y"),
    ("a::b", "a::b"),
    (":::x", r":\::x"), ("# [x]", "# [x]"),
])
def test_hidden_characters_and_commands_are_shown(text, shown):
    """Each is visible, or loses its power."""
    assert printable(text) == shown


@pytest.mark.parametrize("text", [
    "", "plain\n\ttext", "naïve Grüße", "e\u0301\u0327", "你好", "שלום עליכם",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "\u2764\ufe0f\u200d\U0001f525", "می\u200cخواهم", "क्\u200dष", "\U0001f1eb\U0001f1f7", "١٢٣ \u0600", "a\\x1b", "C::D",
])
def test_readable_text_is_left_alone(text):
    """Combining marks, right-to-left scripts, joined emoji and joined letters survive."""
    assert printable(text) == text


def test_every_hidden_character_is_known():
    """Of all characters, those without a glyph become visible - by the tables of this Python."""
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        category = unicodedata.category(char)
        hidden = category in ("Cc", "Cf", "Cs", "Co", "Zl", "Zp") and char not in "\n\t" and code not in PREPENDED
        assert category == "Cn" or (printable(char) != char) == hidden, hex(code)


@given(outputs())
def test_nothing_dangerous_is_left(text):
    """No control character, no command, whatever the text; and twice is the same as once."""
    shown = printable(text)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", shown)
    assert "##[" not in shown
    assert not any(line.strip().startswith("::") for line in shown.split("\n"))
    assert printable(shown) == shown
    shown.encode()


@given(outputs(), st.integers(1, 50))
def test_the_limit_holds(text, limit):
    """At most so many characters; cut text ends in an ellipsis, short text is whole."""
    shown = printable(text, limit=limit)
    assert len(shown) <= limit
    assert shown == printable(text) or shown.endswith("…")
    assert "\n" not in one_line(text, limit=limit)
    assert len(one_line(text, limit=limit)) <= limit


@pytest.mark.parametrize("text", INJECTIONS)
def test_one_line_is_one_line(text):
    """However lines are broken."""
    assert len(one_line(text).splitlines()) <= 1


def test_piled_marks_are_cut():
    """A letter with a thousand marks does not paint over the lines around it."""
    assert printable("e" + "\u0301" * 1000 + "x") == "e" + "\u0301" * 8 + "…x"


def test_a_megabyte_is_quick():
    """Plain text costs a scan, not a loop over characters."""
    text = "lorem ipsum dolor\n" * 60_000
    began = time.process_time()
    assert printable(text) == text
    assert time.process_time() - began < 2


def test_one_has_no_plural() -> None:
    """Every number with its noun, also an irregular one."""
    assert [many(0, "case"), many(1, "case"), many(1200, "case")] == ["0 cases", "1 case", "1,200 cases"]
    assert [many(1, "query", "queries"), many(2, "query", "queries")] == ["1 query", "2 queries"]

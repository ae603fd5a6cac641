"""Tables and lines that fit a terminal, whole in a pipe."""

from __future__ import annotations

import io
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from evalloop.terminal import LEAST, columns, fold, measure, table

WORDS = st.text("abc,.-+1290你好é▁", min_size=1, max_size=30)
LINES = st.lists(WORDS, max_size=6).map(" ".join)
CELLS = st.lists(LINES, min_size=1, max_size=3).map("\n".join)
WIDE = ["signal", "rate", "what they say"]
ROWS = [["thumbs@2", "41.5% [38.0%, 45.1%]", "the answer cites a page that is not there"],
        ["reply@5.en3", "7.0% [6.0%, 8.1%]", "off topic"]]


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]], set[str], set[str], str]:
    """Headers, rows, the columns whose words may be broken, those that may go below, and the key."""
    headers = draw(st.lists(WORDS, min_size=1, max_size=8, unique=True))
    rows = draw(st.lists(st.lists(CELLS, min_size=len(headers), max_size=len(headers)), max_size=5))
    some = st.sets(st.sampled_from(headers))
    key = draw(st.sampled_from(headers))
    return headers, rows, draw(some), draw(some) - {key}, key


def longest(cells: list[str], *, cut: bool) -> int:
    """The cells of the longest word that must stay whole."""
    found = max((cell_len(word) for cell in cells for word in cell.split()), default=0)
    return min(found, LEAST) if cut else found


@given(tables(), st.integers(10, 200))
def test_no_line_is_wider_than_the_terminal(made, width):
    """Unless the whole words of the key and of one more column alone need more."""
    headers, rows, cut, below, key = made
    text = table(rows, headers, cut=cut, below=below, key=key, width=width)
    need = {name: longest([name, *(row[at] for row in rows)], cut=name in cut) for at, name in enumerate(headers)}
    least = max((need[key] + 2 + value for name, value in need.items() if name != key), default=need[key])
    room = max(width, least)
    assert [line for line in text.split("\n") if cell_len(line) > room] == []


@given(tables(), st.one_of(st.none(), st.integers(10, 200)))
def test_nothing_is_lost(made, width):
    """Every character stands in the table, and words of columns that may not be cut stand there whole."""
    headers, rows, cut, below, key = made
    text = table(rows, headers, cut=cut, below=below, key=key, width=width)
    told = [cell for row in [headers, *rows] for cell in row]
    assert not Counter("".join(told).replace(" ", "").replace("\n", "")) - Counter(text)
    whole = [word for row in [headers, *rows] for name, cell in zip(headers, row, strict=True) if name not in cut
             for word in cell.split()]
    assert set(whole) <= set(text.split())


def test_a_pipe_gets_whole_lines():
    """One line for each row, however long."""
    text = table(ROWS, WIDE)
    assert [line.split("  ")[0] for line in text.splitlines()] == ["signal", "-" * 11, "thumbs@2", "reply@5.en3"]
    assert ROWS[0][2] in text


def test_words_wrap_before_an_interval_breaks():
    """The text gives way first; an interval stays on one line, its number may stand above it."""
    assert table(ROWS, WIDE, cut=["what they say"], width=60).splitlines()[2:] == [
        "thumbs@2     41.5% [38.0%, 45.1%]  the answer cites a page",
        "                                   that is not there",
        "reply@5.en3  7.0% [6.0%, 8.1%]     off topic"]
    assert table(ROWS, WIDE, cut=["what they say"], width=40).splitlines()[3:5] == [
        "thumbs@2     41.5%           the answer",
        "             [38.0%, 45.1%]  cites a"]


def test_columns_that_do_not_fit_stand_below_with_the_key():
    """Two tables, rows told apart in both."""
    rows = [["c-1a2b3c4d5e", "1,234", "2026-11-27T14:01", "0.123"]]
    text = table(rows, ["id", "n", "at", "p"], align="lrlr", below=["at"], width=28)
    assert text.splitlines() == [
        "id                n      p", "------------  -----  -----", "c-1a2b3c4d5e  1,234  0.123", "",
        "id            at", "------------  ----------------", "c-1a2b3c4d5e  2026-11-27T14:01"]


def test_wide_characters_take_two_cells():
    """Columns stay straight under them, and they are broken by what they take."""
    assert table([["你好", "1"], ["a", "2"]], ["x", "n"], rule=False) == "x     n\n你好  1\na     2"
    assert table([["你好" * 9, "1"]], ["x", "n"], rule=False, cut=["x"], width=15).splitlines() == [
        "x             n", "你好你好你好  1", "你好你好你好", "你好你好你好"]


@pytest.mark.parametrize(("text", "hang", "folded"), [
    ("short", None, "short"),
    ("one two three four", None, "one two\n  three four"),
    ("  - one two three", None, "  - one two\n    three"),
    ("name    says one", 8, "name    says\n        one"),
    ("see evalsets/feedback/broken.yaml now", 0, "see\nevalsets/feedback/broken.yaml\nnow"),
    ("\x1b[1mone\x1b[0m two three", 0, "\x1b[1mone\x1b[0m two\nthree"),
    ("\x1b[1mone two three\x1b[0m", 2, "\x1b[1mone two\x1b[0m\n  \x1b[1mthree\x1b[0m"),
    ("[b]x[/b] :smile: http://a.b", 0, "[b]x[/b]\n:smile:\nhttp://a.b"),
])
def test_lines_break_at_blanks(text, hang, folded):
    """What follows hangs; paths, markup and blanks within a line stay; a style has no width and ends with its line."""
    assert fold(text, 12, hang=hang) == folded
    assert fold(text, None, hang=hang) == text


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_width_is_that_of_a_terminal_only(monkeypatch):
    """COLUMNS counts on a terminal; a file or a pipe has no width."""
    monkeypatch.setenv("COLUMNS", "93")
    assert columns(Terminal()) == 93
    assert columns(io.StringIO()) is None


@pytest.mark.parametrize(("text", "cells"), [("abc", 3), ("你好", 4), ("e\u0301", 1), ("\x1b[32mok\x1b[0m", 2)])
def test_measure_counts_cells(text, cells):
    """As a terminal does."""
    assert measure(text) == cells

"""What fits a terminal: its width, and tables and lines that are no wider."""

from __future__ import annotations

import re
import shutil
from collections.abc import Collection, Iterator, Sequence
from functools import cached_property
from itertools import zip_longest
from typing import TextIO

GAP = "  "
LEAST = 12
"""Cells that a column of words has at least, however narrow the terminal is."""
SAMPLE = 200
"""So many rows decide which columns give way."""
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_TOGETHER = re.compile(r"\[[^]\n]{1,24}\]|\([^)\n]{1,24}\)|\d%? to (?=[-+−\d])|\d / (?=\d)|\d (?=%(?!\w))")
"""Intervals, pairs, and a number with its percent sign: one word each."""
_WORD = re.compile(r"(\s*)(\S+)")


def columns(stream: TextIO) -> int | None:
    """The width of the terminal that ``stream`` writes to (COLUMNS where it is set); None for a file or a pipe."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


def measure(text: str) -> int:
    """The cells that ``text`` takes on a terminal: two for a wide character, none for a style or a mark."""
    bare = _STYLE.sub("", text)
    if bare.isascii():
        return len(bare)
    from rich.cells import cell_len

    return cell_len(bare)


def fold(text: str, width: int | None, *, hang: int | None = None) -> str:
    """``text`` with each line broken at blanks to fit ``width``; what follows a break is indented by ``hang``.

    No word is broken, so that ids and paths can be copied. Without ``hang`` it is two more than the line itself has.
    """
    if width is None:
        return text
    return "\n".join(part for line in text.split("\n")
                     for part in _wrap(line, width, _indent(line) + 2 if hang is None else hang))


def table(rows: Sequence[Sequence[str]], headers: Sequence[str], *, align: str = "", rule: bool = True,
          cut: Collection[str] = (), below: Collection[str] = (), key: str = "", width: int | None = None) -> str:
    """Aligned columns; whole without ``width``, else with cells broken at blanks until no line is wider.

    ``align`` has l or r for each column. Only in the columns ``cut`` a word may be broken; numbers, intervals and ids
    never are. Where that is not enough the columns ``below``, and then the last ones, follow in a table of their own
    that repeats the column ``key`` (default: the first).
    """
    made = [_Column([name, *cells], side, cut=name in cut) for name, side, *cells
            in zip(headers, align or "l" * len(headers), *rows, strict=True)]
    if width is None:
        return _laid(made, [max(column.whole, measure(max(name.split("\n"), key=measure)) + 2 * rule)
                            for name, column in zip(headers, made, strict=True)], rule)
    lower = {at for at, name in enumerate(headers) if name in below}
    parts = _parts(made, list(headers).index(key) if key else 0, lower, width)
    return "\n\n".join(_laid(part, _widths(part, width), rule) for part in parts)


class _Column:
    """One column, its header among its cells, and how it can be narrowed."""

    def __init__(self, cells: Sequence[str], side: str, *, cut: bool) -> None:
        self.cells = [cell.split("\n") for cell in cells]
        self.right = side == "r"
        self.cut = cut
        self._lines: dict[int, int] = {}

    @cached_property
    def whole(self) -> int:
        """The width at which nothing is broken."""
        return max(measure(line) for cell in self.cells for line in cell)

    @cached_property
    def least(self) -> int:
        """The width below which a word would be broken that must not be."""
        longest = max((_hang(line) + measure(word) for cell in self.cells for line in cell
                       for _, word in _words(line, cut=self.cut)), default=0)
        return min(longest, LEAST) if self.cut else min(longest, self.whole)

    def lines(self, width: int) -> int:
        """How many lines its first cells take at that width."""
        if width not in self._lines:
            self._lines[width] = sum(len(self.wrapped(cell, width)) for cell in self.cells[:SAMPLE])
        return self._lines[width]

    def wrapped(self, cell: Sequence[str], width: int) -> list[str]:
        """The lines of a cell at that width."""
        return [part for line in cell for part in _wrap(line, width, _hang(line), cut=self.cut)]

    def pad(self, line: str, width: int) -> str:
        """The line with blanks up to that width."""
        blanks = " " * (width - measure(line))
        return blanks + line if self.right else line + blanks


def _parts(made: Sequence[_Column], key: int, below: Collection[int], width: int) -> list[list[_Column]]:
    """The columns of each table: all in one where they fit."""
    every = range(len(made))
    first, second = [at for at in every if at not in below], [at for at in every if at in below]
    if not second or _least(made) <= width:
        return _split(made, width, key)
    above = [made[at] for at in first]
    return [*_split(above, width, first.index(key)), *_split([made[at] for at in (key, *second)], width, 0)]


def _split(made: Sequence[_Column], width: int, key: int) -> list[list[_Column]]:
    """As many columns in each table as fit, the one that tells rows apart in all of them."""
    if _least(made) <= width:
        return [list(made)]
    parts = [[made[key]]]
    for at, column in enumerate(made):
        if at == key:
            continue
        if len(parts[-1]) > 1 and _least([*parts[-1], column]) > width:
            parts.append([made[key]])
        parts[-1].append(column)
    return parts


def _least(made: Sequence[_Column]) -> int:
    return sum(column.least for column in made) + len(GAP) * (len(made) - 1)


def _widths(made: Sequence[_Column], width: int) -> list[int]:
    """From whole columns on, a cell is taken where that breaks the fewest lines, until all fit or no more can go."""
    room = width - len(GAP) * (len(made) - 1)
    widths = [max(column.least, min(column.whole, room)) for column in made]
    while sum(widths) > room:
        able = [at for at, column in enumerate(made) if widths[at] > column.least]
        if not able:
            break
        widths[min(able, key=lambda at: (made[at].lines(widths[at] - 1) - made[at].lines(widths[at]),
                                         -widths[at]))] -= 1
    return widths


def _laid(made: Sequence[_Column], widths: Sequence[int], rule: bool) -> str:
    """The text of the table, no blank at the end of a line."""
    lines: list[str] = []
    for number, row in enumerate(zip(*(column.cells for column in made), strict=True)):
        cells = [column.wrapped(cell, width) for column, cell, width in zip(made, row, widths, strict=True)]
        for parts in zip_longest(*cells, fillvalue=""):
            lines.append(GAP.join(map(_Column.pad, made, parts, widths)).rstrip())
        if rule and not number:
            lines.append(GAP.join("-" * width for width in widths))
    return "\n".join(lines)


def _wrap(line: str, width: int, hang: int, *, cut: bool = False) -> list[str]:
    """The line as lines of at most ``width`` cells; a longer word stays whole unless ``cut``."""
    if measure(line) <= width:
        return [line]
    lines, filled = [""], False
    for blanks, word in _pieces(line, max(width - hang, 2), cut=cut):
        if filled and measure(lines[-1]) + len(blanks) + measure(word) > width:
            lines.append(" " * hang)
            blanks = ""
        lines[-1] += blanks + word
        filled = True
    return lines


def _pieces(line: str, width: int, *, cut: bool) -> Iterator[tuple[str, str]]:
    """Its words with the blanks before them, where ``cut`` allows it none longer than ``width``."""
    for blanks, word in _words(line, cut=cut):
        if cut and measure(word) > width:
            from rich.cells import chop_cells

            first, *others = chop_cells(word, width)
            yield blanks, first
            yield from (("", part) for part in others)
        else:
            yield blanks, word


def _words(line: str, *, cut: bool) -> list[tuple[str, str]]:
    """What blanks separate, with the blanks before; where nothing may be ``cut``, an interval is one word."""
    held = line if cut else _TOGETHER.sub(lambda found: found[0].replace(" ", "\0"), line)
    return [(blanks, word.replace("\0", " ")) for blanks, word in _WORD.findall(held)]


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _hang(line: str) -> int:
    """In a cell what follows a break stands under its line, but under a bullet two further in."""
    indent = _indent(line)
    return indent + 2 if indent else 0

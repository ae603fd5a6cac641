"""What fits a terminal: its width, and tables and lines that are no wider."""

from __future__ import annotations

import io
import re
import shutil
from collections.abc import Collection, Sequence
from functools import cached_property
from itertools import zip_longest
from typing import TextIO

GAP = "  "
LEAST = 12
"""Cells that a column of words has at least, however narrow the terminal is."""
SAMPLE = 200
"""So many lines decide which columns give way."""
HELD = "\ue000"
"""Stands for a blank at which no line may break; no printable text has it."""
_STYLE = re.compile(r"\x1b\[[0-9;]*m")
_TOGETHER = re.compile(r"\[[^]\n]{1,24}\]|\([^)\n]{1,24}\)|\d%? to (?=[-+−\d])|\d / (?=\d)|\d (?=%(?!\w))")
"""Intervals, pairs, and a number with its percent sign: one word each."""


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
    return "\n".join(_wrap(line, width, len(line) - len(line.lstrip()) + 2 if hang is None else hang)
                     for line in _hold(text).split("\n")).replace(HELD, " ")


def table(rows: Sequence[Sequence[str]], headers: Sequence[str], *, align: str = "", rule: bool = True,
          cut: Collection[str] = (), below: Collection[str] = (), key: str = "", width: int | None = None) -> str:
    """Aligned columns; whole without ``width``, else with cells broken at blanks until no line is wider.

    ``align`` has l or r for each column. Only in the columns ``cut`` a word may be broken; numbers, intervals and ids
    never are. Where that is not enough the columns ``below``, and then the last ones, follow in a table of their own
    that repeats the column ``key`` (default: the first).
    """
    made = [_Column([name, *cells], side == "r", name in cut, name in below, held=width is not None)
            for name, side, *cells in zip(headers, align or "l" * len(headers), *rows, strict=True)]
    if width is None:
        return _laid(made, [max(each.whole, max(map(measure, each.cells[0])) + 2 * rule) for each in made], rule)
    parts = _parts(made, made[list(headers).index(key) if key else 0], width)
    return "\n\n".join(_laid(part, _widths(part, width), rule) for part in parts).replace(HELD, " ")


class _Column:
    """One column, its header among its cells, and how it can be narrowed."""

    def __init__(self, cells: Sequence[str], right: bool, cut: bool, below: bool, *, held: bool) -> None:
        self.right, self.cut, self.below = right, cut, below
        self.cells = [(_hold(cell) if held and not cut else cell).split("\n") for cell in cells]
        self.sizes = [measure(line) for cell in self.cells for line in cell]
        self.whole = max(self.sizes)

    @cached_property
    def least(self) -> int:
        """The width below which a word would be broken that must not be."""
        words = (_hang(line) + measure(word) for cell in self.cells for line in cell for word in line.split())
        return min(max(words, default=1), LEAST if self.cut else self.whole)

    def lines(self, width: int) -> int:
        """About how many lines its first cells take at that width."""
        return sum(-(-size // width) for size in self.sizes[:SAMPLE])

    def wrapped(self, cell: Sequence[str], width: int) -> list[str]:
        """The lines of a cell at that width."""
        return "\n".join(_wrap(line, width, _hang(line), cut=self.cut) for line in cell).split("\n")

    def pad(self, line: str, width: int) -> str:
        """The line with blanks up to that width."""
        blanks = " " * (width - measure(line))
        return blanks + line if self.right else line + blanks


def _parts(made: Sequence[_Column], key: _Column, width: int) -> list[list[_Column]]:
    """The columns of each table: all in one where they fit, else the one that tells rows apart in each."""
    if _least(made) <= width or len(made) == 1:
        return [list(made)]
    parts: list[list[_Column]] = []
    for below in (False, True):
        group = [each for each in made if each.below is below and each is not key]
        for column in group:
            if column is group[0] or _least([*parts[-1], column]) > width:
                parts.append([key])
            parts[-1].append(column)
    if len(parts) == 1 or parts[1][1].below:
        parts[0].sort(key=made.index)
    return parts


def _least(made: Sequence[_Column]) -> int:
    return sum(column.least + len(GAP) for column in made) - len(GAP)


def _widths(made: Sequence[_Column], width: int) -> list[int]:
    """From whole columns on, a cell is taken where that breaks the fewest lines, until all fit or no more can go."""
    room = width - len(GAP) * (len(made) - 1)
    widths = [max(column.least, min(column.whole, room)) for column in made]
    while sum(widths) > room and (able := [at for at, column in enumerate(made) if widths[at] > column.least]):
        widths[min(able, key=lambda at: (made[at].lines(widths[at] - 1) - made[at].lines(widths[at]),
                                         -widths[at]))] -= 1
    return widths


def _laid(made: Sequence[_Column], widths: Sequence[int], rule: bool) -> str:
    """The text of the table, no blank at the end of a line."""
    blocks = [[GAP.join(map(_Column.pad, made, parts, widths)).rstrip()
               for parts in zip_longest(*map(_Column.wrapped, made, row, widths), fillvalue="")]
              for row in zip(*(column.cells for column in made), strict=True)]
    if rule:
        blocks.insert(1, [GAP.join("-" * width for width in widths)])
    return "\n".join(line for block in blocks for line in block)


def _wrap(line: str, width: int, hang: int, *, cut: bool = False) -> str:
    """The line as lines of at most ``width`` cells; a longer word stays whole unless ``cut``."""
    if measure(line) <= width:
        return line
    from rich.console import Console
    from rich.text import Text

    console = Console(file=io.StringIO(), force_terminal=True, color_system="standard", no_color=False,
                      legacy_windows=False)
    text = Text.from_ansi(line) if "\x1b" in line else Text(line)
    text.overflow = "fold" if cut else "ignore"
    lines = text.wrap(console, width)[:1]
    if rest := text.plain[len(lines[0]):].lstrip():
        lines += text[len(text) - len(rest):].wrap(console, max(width - hang, 2))
    for each in lines:
        each.rstrip()
    with console.capture() as shown:
        console.print(*lines, sep="\n" + " " * hang, end="", soft_wrap=True)
    return shown.get()


def _hold(text: str) -> str:
    return _TOGETHER.sub(lambda found: found[0].replace(" ", HELD), text)


def _hang(line: str) -> int:
    """In a cell what follows a break stands under its line, but under a bullet two further in."""
    indent = len(line) - len(line.lstrip())
    return indent and indent + 2

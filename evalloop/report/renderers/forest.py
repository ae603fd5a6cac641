"""The forest plot: one line per cluster with its delta and interval, as inline SVG without a chart library."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

from evalloop.printable import one_line
from evalloop.records.report import Comparison, Delta
from evalloop.report.wording import Words, rank

MOST = 40
SHAPES = {"improved": "M{x} {t}l6 11h-12z", "regressed": "M{x} {b}l6 -11h-12z"}


@dataclass(frozen=True)
class _Frame:
    """Where things stand: the plot runs from ``left`` to ``right``; a row is ``height`` high, its line at ``line``."""

    width: int
    left: int
    right: int
    height: int
    line: int
    name_room: int


WIDE = _Frame(width=1060, left=270, right=900, height=28, line=14, name_room=34)
NARROW = _Frame(width=360, left=18, right=340, height=46, line=33, name_room=30)


def forest(comparison: Comparison) -> str:
    """Two drawings of the same plot, for wide and for narrow screens; the style sheet shows one of them."""
    rows = [row for row in (comparison.overall, *rank(comparison)[:MOST]) if row.delta is not None]
    if not rows:
        return "<p>No cluster has a delta.</p>"
    words = Words.of(comparison)
    return (_draw(rows, words, comparison.margin, WIDE, "wideplot")
            + _draw(rows, words, comparison.margin, NARROW, "narrow"))


def _draw(rows: Sequence[Delta], words: Words, margin: float, frame: _Frame, name: str) -> str:
    low, high, step = _scale(rows, margin)
    top, bottom = 8, 8 + len(rows) * frame.height

    def at(value: float) -> float:
        return round(frame.left + (value - low) / (high - low) * (frame.right - frame.left), 1)

    ticks = [low + index * step for index in range(round((high - low) / step) + 1)]
    label = "Delta of each cluster with its interval; the table below holds the same figures"
    parts = [f'<svg class="{name}" viewBox="0 0 {frame.width} {bottom + 26}" role="img" aria-label="{label}">',
             f'<rect class="band" x="0" y="{top}" width="{frame.width}" height="{frame.height}"/>']
    for tick in ticks:
        kind = "zero" if abs(tick) < step / 2 else "axis"
        parts.append(f'<line class="{kind}" x1="{at(tick)}" x2="{at(tick)}" y1="{top}" y2="{bottom}"/>'
                     f'<text class="q" x="{at(tick)}" y="{bottom + 16}" text-anchor="middle">'
                     f"{_tick(tick, words)}</text>")
    parts.append(f'<line class="margin" x1="{at(-margin)}" x2="{at(-margin)}" y1="{top}" y2="{bottom}"/>')
    parts += [_row(number, row, words, frame, top + number * frame.height, at) for number, row in enumerate(rows)]
    return "".join([*parts, "</svg>"])


def _row(number: int, delta: Delta, words: Words, frame: _Frame, top: int, at: Callable[[float], float]) -> str:
    """``number`` is the place of a cluster in ``rank`` plus one, by which the page's script knows it."""
    centre = at(delta.delta or 0.0)
    line = top + frame.line
    name = "overall" if delta.cluster is None else delta.cluster
    text_y = line + 4 if frame is WIDE else top + 18
    bar = ""
    if delta.interval:
        low, high = (at(limit) for limit in delta.interval)
        bar = f'<line class="bar" x1="{low}" x2="{high}" y1="{line}" y2="{line}"/>'
    shape = SHAPES.get(delta.verdict)
    dot = (f'<path class="dot" d="{shape.format(x=centre, t=line - 6, b=line + 6)}"/>' if shape
           else f'<circle class="dot" cx="{centre}" cy="{line}" r="4.5"/>')
    kind = f' class="g-{delta.verdict}"' if shape else ""
    kind += "" if delta.cluster is None else f' data-cluster="{number - 1}"'
    hover = f"<title>{escape(one_line(name, limit=200))}: {escape(words.evidence(delta))}</title>"
    weight = ' font-weight="600"' if delta.cluster is None else ""
    area = f'<rect class="hit" x="0" y="{top}" width="{frame.width}" height="{frame.height}"/>'
    return (f'<g{kind}>{hover}{area}<text x="4" y="{text_y}"{weight}>'
            f"{escape(one_line(name, limit=frame.name_room))}</text>{bar}{dot}"
            f'<text x="{frame.width - 4}" y="{text_y}" text-anchor="end"{weight}>'
            f"{escape(words.delta(delta.delta))}</text></g>")


def _scale(rows: Sequence[Delta], margin: float) -> tuple[float, float, float]:
    """(low, high, step): round limits that hold every interval, zero and the margin, with about eight ticks."""
    values = [0.0, -margin, margin]
    for row in rows:
        values += [row.delta or 0.0, *(row.interval or ())]
    span = (max(values) - min(values)) or 1.0
    step = _round_step(span / 8)
    return floor(min(values) / step) * step, ceil(max(values) / step) * step, step


def _tick(value: float, words: Words) -> str:
    shown = f"{value * (100 if words.points else 1):+.6g}".replace("-", "−")
    return "0" if float(f"{value:.9f}") == 0 else shown


def _round_step(rough: float) -> float:
    power = 10.0 ** floor(log10(rough))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= rough)

"""The report as Markdown: for a pull request's one sticky comment, and for a step summary."""

from __future__ import annotations

from collections.abc import Sequence

from evalloop.contracts import ReportData
from evalloop.encode import markdown
from evalloop.records.report import Comparison, Delta, Flip
from evalloop.report.comment import marker
from evalloop.report.renderers.many import LEGEND, matrix, summary
from evalloop.report.renderers.text import verdict
from evalloop.report.wording import Words, changes, p_value, rank

LIMIT = 64_000
"""Characters in all, so that a link below still fits into a comment of GitHub (65,536)."""
HEADERS = ("cluster", "n", "base", "new", "delta (interval)", "won/lost/tied", "Holm p", "verdict")
FLIPS = 10
MOST = 12
"""Reasons and notes; the others are counted."""
LONGEST = 500
HEAD_ROWS = 2
ROOM_FOR_OTHERS = 0.4
"""The part of the page for the table of candidates, where there are several."""


class MarkdownRenderer:
    """``--format md``: verdict first, the table of clusters, at most ten changed cases each way."""

    name = "md"
    version = "1"
    suffix = ".md"

    def render(self, data: ReportData) -> str:
        """Begins with the hidden line by which a comment is found and replaced; at most ``LIMIT`` characters: rows are
        left out from the end, and counted."""
        head = marker(data.title)
        if data.others:
            return _many(head, [data.comparison, *data.others])
        comparison = data.comparison
        words = Words.of(comparison)
        weighted = [f"- {markdown(words.headline(comparison.headline), limit=LONGEST)}"] if comparison.headline else []
        top = [head, *_verdict(comparison, words), *weighted, *_listed(comparison.notes, "note: "), ""]
        flips = _details("cases that got worse", [flip for flip in comparison.flips if flip.change < 0], words)
        flips += _details("cases that got better", [flip for flip in comparison.flips[::-1] if flip.change > 0], words)
        room = LIMIT - _length([*top, *flips])
        rows = _fitting(_table([comparison.overall, *rank(comparison)], words), room, "clusters")
        return "\n".join([*top, *rows, *flips]).rstrip() + "\n"


def _many(head: str, comparisons: Sequence[Comparison]) -> str:
    lines = [head, f"## {len(comparisons)} candidates against {markdown(comparisons[0].baseline)}", ""]
    ends = [f"{LEGEND}; adjusted for all candidates together"]
    for rows, part, name in ((summary(comparisons, markdown), ROOM_FOR_OTHERS, "candidates"),
                             (matrix(comparisons, markdown), 1, "clusters")):
        room = int((LIMIT - _length([*lines, *ends])) * part)
        rule = "|---|" + "---:|" * (len(rows[0]) - 1)
        table = [f"| {' | '.join(rows[0])} |", rule, *(f"| {' | '.join(row)} |" for row in rows[1:])]
        lines += _fitting(table, room, name)
    return "\n".join([*lines, *ends]) + "\n"


def _fitting(table: Sequence[str], room: int, name: str) -> list[str]:
    """Header and as many rows as fit into so many characters, and how many were left out."""
    room -= 100  # for the line that says so
    kept, used = 0, 0
    for line in table:
        used += len(line) + 1
        if used > room:
            break
        kept += 1
    if kept == len(table):
        return [*table, ""]
    shown = list(table[:kept]) if kept > HEAD_ROWS else []
    left = len(table) - max(kept, HEAD_ROWS)
    return [*shown, "", f"{left:,} more {name} are left out here; the whole report has them.", ""]


def _length(lines: Sequence[str]) -> int:
    return sum(len(line) + 1 for line in lines)


def _listed(told: Sequence[str], before: str = "") -> list[str]:
    """The first lines of a list, and how many more there are."""
    more = [f"- and {len(told) - MOST} more"] if len(told) > MOST else []
    return [*(f"- {before}{markdown(each, limit=LONGEST)}" for each in told[:MOST]), *more]


def _verdict(comparison: Comparison, words: Words) -> list[str]:
    title = f"{markdown(comparison.candidate)} against {markdown(comparison.baseline)}"
    if comparison.gate is None:
        return [f"## {title}: {words.evidence(comparison.overall)}"]
    return [f"## {comparison.gate.verdict}: {title}", "", *_listed(comparison.gate.reasons)]


def _table(deltas: Sequence[Delta], words: Words) -> list[str]:
    lines = ["| " + " | ".join(HEADERS) + " |", "|---|---:|---:|---:|---:|---:|---:|---|"]
    for delta in deltas:
        name = "**overall**" if delta.cluster is None else markdown(delta.cluster)
        dropped = f" ({delta.dropped} dropped)" if delta.dropped else ""
        cells = (name, f"{delta.n}{dropped}", words.score(delta.base), words.score(delta.cand),
                 f"{words.delta(delta.delta, unit=False)} ({words.interval(delta)})", changes(delta),
                 p_value(delta.p if delta.cluster is None else delta.p_holm), markdown(verdict(delta)))
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def _details(title: str, flips: Sequence[Flip], words: Words) -> list[str]:
    if not flips:
        return []
    more = [f"- and {len(flips) - FLIPS} more"] if len(flips) > FLIPS else []
    return [f"<details><summary>{len(flips)} {title}</summary>", "", *(_flip(flip, words) for flip in flips[:FLIPS]),
            *more, "", "</details>", ""]


def _flip(flip: Flip, words: Words) -> str:
    cluster = f" ({markdown(flip.cluster)})" if flip.cluster else ""
    return f"- {markdown(flip.case)}{cluster}: {words.score(flip.base)} → {words.score(flip.cand)}"

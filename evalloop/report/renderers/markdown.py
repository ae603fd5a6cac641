"""The report as Markdown: for a pull request's one sticky comment, and for a step summary."""

from __future__ import annotations

from collections.abc import Sequence

from evalloop.contracts import ReportData
from evalloop.encode import markdown
from evalloop.records.report import Comparison, Delta, Flip
from evalloop.report.renderers.many import LEGEND, matrix, summary
from evalloop.report.renderers.text import verdict
from evalloop.report.wording import Words, changes, p_value, rank

MARKER = "<!-- evalloop: this comment is kept up to date -->"
HEADERS = ("cluster", "n", "base", "new", "delta (interval)", "won/lost/tied", "Holm p", "verdict")
FLIPS = 10


class MarkdownRenderer:
    """``--format md``: verdict first, the table of clusters, at most ten changed cases each way."""

    name = "md"
    version = "1"
    suffix = ".md"

    def render(self, data: ReportData) -> str:
        """Begins with the marker by which a comment is found and replaced."""
        if data.others:
            return _many([data.comparison, *data.others])
        comparison = data.comparison
        words = Words.of(comparison)
        notes = [f"- note: {markdown(note, limit=1000)}" for note in comparison.notes]
        weighted = [f"- {markdown(words.headline(comparison.headline), limit=1000)}"] if comparison.headline else []
        lines = [MARKER, *_verdict(comparison, words), *weighted, *notes, "",
                 *_table([comparison.overall, *rank(comparison)], words), ""]
        lines += _details("cases that got worse", [flip for flip in comparison.flips if flip.change < 0], words)
        lines += _details("cases that got better", [flip for flip in comparison.flips[::-1] if flip.change > 0], words)
        return "\n".join(lines).rstrip() + "\n"


def _many(comparisons: Sequence[Comparison]) -> str:
    lines = [MARKER, f"## {len(comparisons)} candidates against {markdown(comparisons[0].baseline)}", ""]
    for rows in (summary(comparisons, markdown), matrix(comparisons, markdown)):
        rule = "|---|" + "---:|" * (len(rows[0]) - 1)
        lines += [f"| {' | '.join(rows[0])} |", rule, *(f"| {' | '.join(row)} |" for row in rows[1:]), ""]
    return "\n".join([*lines, f"{LEGEND}; adjusted for all candidates together"]) + "\n"


def _verdict(comparison: Comparison, words: Words) -> list[str]:
    title = f"{markdown(comparison.candidate)} against {markdown(comparison.baseline)}"
    if comparison.gate is None:
        return [f"## {title}: {words.evidence(comparison.overall)}"]
    return [f"## {comparison.gate.verdict}: {title}", "",
            *(f"- {markdown(reason, limit=1000)}" for reason in comparison.gate.reasons)]


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

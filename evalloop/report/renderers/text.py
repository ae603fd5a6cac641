"""The report as a table for terminals."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from evalloop.contracts import ReportData
from evalloop.printable import many, one_line, printable
from evalloop.records.report import Comparison, Delta, Flip
from evalloop.report.renderers.many import LEGEND, matrix, summary
from evalloop.report.wording import NONE, Words, change, changes, p_value, rank
from evalloop.terminal import fold, table

HEADERS = ("cluster", "n", "base", "cand", "delta", "interval", "+/-/=", "p", "Holm p", "q", "MDE80", "verdict")
BELOW = ("+/-/=", "p", "Holm p", "q", "MDE80")
FLIPS = 5
WIDTH = 118
SHORT = {"no worse than the margin": "no worse", "not enough evidence": "unclear"}
"""The verdicts that are too long for a column."""


class TextRenderer:
    """``--format table``: what was left out, overall, clusters, the worst and best changes, and the gate."""

    name = "table"
    version = "1"
    suffix = ".txt"

    def render(self, data: ReportData) -> str:
        """One line for each cluster, 120 characters wide where names are short, or as wide as the terminal it is for;
        ends with a line break."""
        if data.others:
            return _many([data.comparison, *data.others], data.width)
        comparison, width = data.comparison, data.width
        words = Words.of(comparison)
        deltas = [comparison.overall, *rank(comparison)]
        title = f"{one_line(comparison.candidate)} against {one_line(comparison.baseline)}"
        blocks = [f"{fold(title, width)}\n{_before_reading(comparison, width)}".rstrip(),
                  _table(deltas, words, width),
                  _legend(comparison, words, width), _headline(comparison, words, width),
                  _beside(deltas, words, width), _remarks(deltas, width), *_flips(comparison, words, width),
                  _gate(comparison, width)]
        return "\n\n".join(block for block in blocks if block) + "\n"


def _many(comparisons: Sequence[Comparison], width: int | None) -> str:
    """The candidates one by one, then the matrix of clusters."""
    first = comparisons[0]
    tables = [_plain(rows, width) for rows in (summary(comparisons, one_line), matrix(comparisons, one_line))]
    told = [LEGEND, f"p-values and verdicts are adjusted for all {len(comparisons)} candidates together; one candidate "
            f"in full: evalloop compare {one_line(first.baseline)} {one_line(first.candidate)}"]
    notes = dict.fromkeys(f"note: {one_line(note, limit=1000)}" for each in comparisons for note in each.notes)
    title = f"{len(comparisons)} candidates against {one_line(first.baseline)}"
    blocks = [fold(title, width), _wrapped(notes, width), *tables, _wrapped(told, width)]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _headline(comparison: Comparison, words: Words, width: int | None) -> str:
    return _wrapped([words.headline(comparison.headline)], width) if comparison.headline else ""


def _beside(deltas: Sequence[Delta], words: Words, width: int | None) -> str:
    """Length, cost and latency, where they are known, for each row."""
    units = {"length": " characters", "cost": " $", "latency": " s"}
    known = [name for name in units if any(getattr(delta, name) for delta in deltas)]
    if not known:
        return ""
    adjusted = any(delta.at_equal_length for delta in deltas)
    rows = [["beside the score", *known, *(["delta at equal length"] if adjusted else [])]]
    for delta in deltas:
        same = delta.at_equal_length
        told = f"{words.delta(same.delta, unit=False)} (p {_p(same.p)})" if same else NONE
        rows.append([_name(delta), *(change(getattr(delta, name), units[name]) for name in known),
                     *([told] if adjusted else [])])
    return _plain(rows, width)


def _plain(rows: Sequence[Sequence[str]], width: int | None) -> str:
    """A table of names and figures; its first row is the header."""
    return table(rows[1:], rows[0], align="l" + "r" * (len(rows[0]) - 1), rule=False, below=("Holm p", "in production"),
                 width=width)


def _before_reading(comparison: Comparison, width: int | None) -> str:
    """What is missing, and what a reader must know before trusting the figures."""
    lines = [f"note: {one_line(note, limit=1000)}" for note in comparison.notes]
    dropped = comparison.overall.dropped
    if comparison.errors:
        counted = ", ".join(f"{count} {name}" for name, count in comparison.errors.items())
        lines.insert(0, f"{many(dropped, 'case')} dropped: {counted}")
    return _wrapped(lines, width)



def _table(deltas: Sequence[Delta], words: Words, width: int | None) -> str:
    rows = [[_name(delta), str(delta.n), _figure(words.score(delta.base)),
             _figure(words.score(delta.cand)), words.delta(delta.delta, unit=False),
             words.interval(delta).replace("+", ""), changes(delta), *map(_p, (delta.p, delta.p_holm, delta.q)),
             words.detectable(delta.mde80), SHORT.get(delta.verdict, delta.verdict)] for delta in deltas]
    return table(rows, HEADERS, align="l" + "r" * 10 + "l", rule=False, below=BELOW, width=width)


def _figure(score: str) -> str:
    return score.removesuffix(" %")


def _p(p: float | None) -> str:
    return p_value(p).replace("e-0", "e-")


def _legend(comparison: Comparison, words: Words, width: int | None) -> str:
    """The test behind the first row, with its exact p where there is one, and what the columns mean."""
    mdes = [delta.mde80 for delta in (comparison.overall, *comparison.clusters)]
    unit = "scores in %, delta and MDE80 in points" if words.points else "all on the scale of the scores"
    told = [f"overall: {tests(comparison.overall)}",
            f"{unit}; +/-/= are cases won, lost and tied; MDE80 is the smallest true delta seen with 80 % power"
            + (" (none: no delta is)" if any(map(words.undetectable, mdes)) else ""),
            f"no worse: not by {words.size(comparison.margin)} (the margin) or more; unclear: not enough evidence"]
    return _wrapped(told, width)


def tests(delta: Delta) -> str:
    """The method of a row, with the p-values that stand beside the one that decides."""
    found = {"exact p": delta.p_exact, "t-test p": delta.p_t, "sign-flip p": delta.p_signflip}
    told = ", ".join(f"{name} {p_value(p)}" for name, p in found.items() if p is not None)
    return f"{delta.method} ({told})" if told else delta.method


def _remarks(deltas: Sequence[Delta], width: int | None) -> str:
    """Which clusters cannot show anything, what is missing in them, and how many cases they would take."""
    dropped = ", ".join(f"{_name(delta)} {delta.dropped}" for delta in deltas if delta.dropped)
    never = [f"{_name(delta)}: {delta.note}" for delta in deltas if delta.note]
    needed = ", ".join(f"{_name(delta)} {_needed(delta)}" for delta in deltas if delta.needed)
    told = {"cases dropped": dropped, "for a verdict, about": needed}
    lines = [*never, *(f"{name}: {which}" for name, which in told.items() if which)]
    return _wrapped(lines, width)


def _needed(delta: Delta) -> str:
    """How many more cases, or how many repeats in their place."""
    more = (delta.needed or 0) - delta.n
    cases = many(more, "more case") if more > 0 else many(delta.needed or 0, "case")
    return f"{cases} (or {delta.needed_repeats} repeats of each)" if delta.needed_repeats else cases


def _wrapped(lines: Iterable[str], width: int | None) -> str:
    """Lines no wider than ``WIDTH`` and ``width``; encoded once more, for a break can put ``::`` at their start."""
    return printable(fold("\n".join(lines), min(WIDTH, width or WIDTH)))


def _name(delta: Delta) -> str:
    return "OVERALL" if delta.cluster is None else one_line(delta.cluster, limit=40)


def verdict(delta: Delta) -> str:
    """The verdict of one row with what it would take, or why it cannot be had."""
    more = reasons(delta)
    return f"{delta.verdict} ({'; '.join(more)})" if more else delta.verdict


def reasons(delta: Delta) -> list[str]:
    """What stands beside a verdict: why nothing can be shown, and how many cases it would take."""
    more = [delta.note] if delta.note else []
    return [*more, f"needs about {_needed(delta)}"] if delta.needed else more


def _flips(comparison: Comparison, words: Words, width: int | None) -> list[str]:
    worst = [flip for flip in comparison.flips if flip.change < 0][:FLIPS]
    best = [flip for flip in reversed(comparison.flips) if flip.change > 0][:FLIPS]
    blocks = []
    for title, flips in (("worst changes", worst), ("best changes", best)):
        if flips:
            blocks.append(fold("\n".join([f"{title}:", *(_flip(flip, words) for flip in flips)]), width))
    return blocks


def _flip(flip: Flip, words: Words) -> str:
    cluster = f" [{one_line(flip.cluster, limit=40)}]" if flip.cluster else ""
    return f"  {one_line(flip.case)}{cluster}: {words.score(flip.base)} -> {words.score(flip.cand)}"


def _gate(comparison: Comparison, width: int | None) -> str:
    if comparison.gate is None:
        return ""
    return f"gate: {comparison.gate.verdict}\n" + _wrapped(
        (f"  - {one_line(reason, limit=1000)}" for reason in comparison.gate.reasons), width)

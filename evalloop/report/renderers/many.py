"""Several candidates against one baseline as a matrix: a row for each cluster, a column for each candidate."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from evalloop.records.report import Comparison, Delta
from evalloop.report.wording import NONE, Words, p_value

MARKS = {"improved": "▲", "regressed": "▼", "no worse than the margin": "=", "not enough evidence": "?"}
LEGEND = "▲ improved, ▼ regressed, = no worse than the margin, ? not enough evidence; deltas to the baseline"
SUMMARY = ("candidate", "n", "score", "delta", "interval", "Holm p", "verdict", "in production", "gate")


def matrix(comparisons: Sequence[Comparison], encode: Callable[[str], str]) -> list[list[str]]:
    """Header and rows: the baseline's score, then delta and mark of each candidate; names pass ``encode``."""
    words = Words.of(comparisons[0])
    rows = [["cluster", f"{encode(comparisons[0].baseline)} (base)", *(encode(each.candidate) for each in comparisons)],
            _row("OVERALL", [each.overall for each in comparisons], words)]
    by_name = [{str(delta.cluster): delta for delta in each.clusters} for each in comparisons]
    for name in sorted({name for each in by_name for name in each}):
        rows.append(_row(encode(name), [each.get(name) for each in by_name], words))
    return rows


def _row(name: str, deltas: Sequence[Delta | None], words: Words) -> list[str]:
    base = next((delta.base for delta in deltas if delta and delta.base is not None), None)
    return [name, words.score(base), *(_cell(delta, words) for delta in deltas)]


def _cell(delta: Delta | None, words: Words) -> str:
    if delta is None or delta.delta is None:
        return NONE
    return f"{words.delta(delta.delta, unit=False)} {MARKS[delta.verdict]}"


def summary(comparisons: Sequence[Comparison], encode: Callable[[str], str]) -> list[list[str]]:
    """Header and one row for each candidate: the overall figures, adjusted for the number of candidates."""
    rows = [list(SUMMARY)]
    for each in comparisons:
        words, overall = Words.of(each), each.overall
        weighted = words.delta(each.headline.delta, unit=False) if each.headline else NONE
        rows.append([encode(each.candidate), str(overall.n), words.score(overall.cand),
                     words.delta(overall.delta, unit=False), words.interval(overall), p_value(overall.p_holm),
                     overall.verdict, weighted, each.gate.verdict if each.gate else NONE])
    return rows

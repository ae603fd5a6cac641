"""The figures at the top of the page, one tile each: the score, clusters, cases, and what an answer takes."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import NamedTuple

from evalloop.printable import many
from evalloop.records.report import Comparison, Headline
from evalloop.report.wording import Words, change, p_value


class Tile(NamedTuple):
    """``tone`` is good, bad or empty."""

    name: str
    value: str
    note: str
    tone: str = ""


def tiles(comparison: Comparison, words: Words) -> str:
    """A definition list; empty when nothing could be compared."""
    found = [*_tiles(comparison, words)] if comparison.overall.n else []
    items = "".join(f'<div class="tile {tile.tone}"><dt>{escape(tile.name)}</dt><dd><b>{escape(tile.value)}</b>'
                    f"<span>{escape(tile.note)}</span></dd></div>" for tile in found)
    return f'<dl class="tiles">{items}</dl>' if items else ""


def _tiles(comparison: Comparison, words: Words) -> Iterator[Tile]:
    overall = comparison.overall
    yield Tile("Score", f"{words.score(overall.base)} → {words.score(overall.cand)}",
               f"{many(overall.n, 'case')} under both variants")
    verdicts = [delta.verdict for delta in comparison.clusters]
    better, worse = verdicts.count("improved"), verdicts.count("regressed")
    if verdicts:
        yield Tile("Clusters", f"{better} better, {worse} worse",
                   f"{len(verdicts) - better - worse} not shown to differ", _tone(better, worse))
    if comparison.headline:
        yield _production(comparison.headline, words)
    yield Tile("Cases", f"{overall.wins:,} better, {overall.losses:,} worse", f"{overall.ties:,} the same")


    for name, field, unit in (("Length of an answer", overall.length, " characters"), ("Cost", overall.cost, " $"),
                              ("Time", overall.latency, " s")):
        if field is not None:
            yield Tile(name, change(field, unit).replace("->", "→"), f"mean of {many(field.n, 'case')}")


def _production(headline: Headline, words: Words) -> Tile:
    """What the change does to the feedback that users give."""
    low, high = headline.interval or (None, None)
    tone = _tone(bool(low is not None and low > 0), bool(high is not None and high < 0))
    limits = f"{words.delta(low, unit=False)} to {words.delta(high, unit=False)}"
    told = f"{words.confidence} interval {limits}, " if headline.interval else ""
    return Tile("As in production", words.delta(headline.delta),
                f"{told}p {p_value(headline.p)}; {headline.clusters} clusters, {headline.covered * 100:.0f} % of the "
                f"shares, from {headline.source}", tone)


def _tone(better: int, worse: int) -> str:
    return "bad" if worse else "good" if better else ""

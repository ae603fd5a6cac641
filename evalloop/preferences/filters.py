"""What is left out of training data, counted by reason, and how what is left is balanced.

The order: personal data, toxic answers, what an evalset holds, near duplicates, too many of one user. Nothing is
dropped without a count, and the card of the data set prints the counts.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, TypeVar

from evalloop.masking import REGEX, Masker
from evalloop.near import Near, likeness, normal, tokens
from evalloop.preferences.language import language_of
from evalloop.records.preference import Judged, Preference, TrainingRow

Row = TypeVar("Row", bound=TrainingRow)

GRAM = 13
"""Words in a row that two texts must share to be called the same material (Brown et al. 2020, appendix C)."""
SHORT = 1.5
"""Answers whose lengths differ by more than this factor, and whose words hardly differ, differ by length alone."""


@dataclass(frozen=True)
class Selection:
    """How rows are selected.

    ``least_confidence`` of a pair; ``per_user``: most rows of one user (0: no limit); ``least_alike``: word overlap
    from which two rows are duplicates; ``heldout``: share of users that is held out; ``balance`` in [0, 1] draws the
    totals of clusters and of segments together (0: as they are, 1: equal); ``toxic`` looks for swear words in answers
    that would be learnt; ``reject`` is a further test, a reason or nothing for each row. ``masker`` finds personal
    data.
    """

    least_confidence: float = 0.5
    per_user: int = 50
    least_alike: float = 0.85
    heldout: float = 0.1
    balance: float = 0.5
    toxic: bool = True
    reject: Callable[[TrainingRow], str] | None = None
    masker: Masker = REGEX


@dataclass(frozen=True)
class Selected:
    """The rows that are left, with their split, language, flags and balanced weights, and what was left out and why."""

    pairs: tuple[Preference, ...]
    judged: tuple[Judged, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)


def select(pairs: Sequence[Preference], judged: Sequence[Judged], held: Iterable[str],
           settings: Selection | None = None) -> Selected:
    """The rows that may leave the house; ``held`` are the texts of all evalset cases, prompts and answers."""
    settings = settings or Selection()
    counts: Counter[str] = Counter()
    known = Contamination(held, least=settings.least_alike)
    sure = [pair for pair in pairs if pair.confidence >= settings.least_confidence]
    counts["confidence too low"] = len(pairs) - len(sure)
    kept = _finished(sure, known, counts, settings), _finished(judged, known, counts, settings)
    return Selected(*kept, {name: n for name, n in counts.items() if n})


def _finished(rows: Sequence[Row], known: Contamination, counts: Counter[str], settings: Selection) -> tuple[Row, ...]:
    """The rows that stay, balanced and described."""
    kept = balanced(_kept(rows, known, counts, settings), settings.balance)
    return tuple(_described(row, settings) for row in kept)


def _kept(rows: Sequence[Row], known: Contamination, counts: Counter[str], settings: Selection) -> list[Row]:
    """The rows that pass every test, best first where a user has too many; in the order of ``rows``."""
    near, users, kept = Near(least=settings.least_alike), Counter[str](), set()
    for row in sorted(rows, key=_best_first):
        reason = _why_not(row, known, near, users, settings)
        if reason:
            counts[reason] += 1
            continue
        near.add(_whole(row))
        users[row.user] += 1
        kept.add(row.row_id)
    return [row for row in rows if row.row_id in kept]


def _why_not(row: TrainingRow, known: Contamination, near: Near, users: Mapping[str, int],
             settings: Selection) -> str:
    texts = [*(str(each["content"]) for each in row.prompt), *row.answers]
    if any(settings.masker.text(text)[1] for text in texts):
        return "personal data or a secret"
    if settings.toxic and toxic(row.learnt):
        return "toxic answer"
    if known.holds(texts, row.asked):
        return "in an evalset"
    if near.has(_whole(row)):
        return "near duplicate"
    if settings.per_user and users.get(row.user, 0) >= settings.per_user:
        return "too many of one user"
    return settings.reject(row) if settings.reject else ""


def _best_first(row: TrainingRow) -> tuple[float, str]:
    return -row.sureness, row.row_id


def _whole(row: TrainingRow) -> str:
    return "\n".join((row.asked, *row.answers))


class Contamination:
    """Finds rows that hold material of an evalset: the same or nearly the same prompt, or 13 words in a row."""

    def __init__(self, held: Iterable[str], *, least: float = 0.85) -> None:
        texts = [text for text in held if text.strip()]
        self._near = Near(texts, least=least)
        for text in texts:
            self._near.add(text)
        self._grams = {gram for text in texts for gram in grams(text)}

    def holds(self, texts: Iterable[str], prompt: str) -> bool:
        """True when the prompt is one of the evalset's, or any text shares 13 words in a row with one."""
        return self._near.has(prompt) or any(not self._grams.isdisjoint(grams(text)) for text in texts)


def grams(text: str, size: int = GRAM) -> set[int]:
    """Hashes of all runs of ``size`` words; none for a shorter text."""
    words = normal(text).split()
    return {hash(tuple(words[start:start + size])) for start in range(len(words) - size + 1)}


def toxic(text: str) -> bool:
    """True when a text holds a swear word or slur, also spelt with digits or signs (glin-profanity's English list)."""
    return bool(text) and bool(_swearing().is_profane(text))


@cache
def _swearing() -> Any:
    from glin_profanity import Filter

    # "how to kill" stands in the list and in half of all questions on processes
    return Filter({"languages": ["english"], "ignore_words": ["how to kill"]})


# ---- what is left ----------------------------------------------------------------------------------------------------


def _described(row: Row, settings: Selection) -> Row:
    flags = ("length only",) if isinstance(row, Preference) and length_only(row.chosen, row.rejected) else ()
    return replace(row, split=split_of(row.user, settings.heldout), flags=flags,
                   language=language_of(row.asked))


def split_of(user: str, heldout: float) -> str:
    """train or heldout, by user: no user stands on both sides, and a user stays on one side for ever."""
    place = int.from_bytes(hashlib.sha256(user.encode("utf-8", "replace")).digest()[:8]) / 2**64
    return "heldout" if place < heldout else "train"


def length_only(chosen: str, rejected: str) -> bool:
    """True when one answer is much longer, and says hardly anything else: all words of the shorter stand in it."""
    long, short = sorted((chosen, rejected), key=len, reverse=True)
    if len(long) <= SHORT * len(short):
        return False
    words, more = tokens(short), tokens(long)
    return likeness(words, words & more) >= 0.9


def balanced(rows: Sequence[Row], balance: float) -> list[Row]:
    """The rows with weights drawn towards equal totals of clusters, then of segments; the mean weight stays."""
    for key in (_cluster, _segment):
        rows = _drawn(rows, key, balance)
    return list(rows)


def _cluster(row: TrainingRow) -> str:
    return row.cluster_id or ""


def _segment(row: TrainingRow) -> str:
    return repr(sorted(row.segment.items()))


def _drawn(rows: Sequence[Row], key: Callable[[Row], str], balance: float) -> list[Row]:
    totals: defaultdict[str, float] = defaultdict(float)
    for row in rows:
        totals[key(row)] += row.weight
    if len(totals) < 2 or not balance:
        return list(rows)
    factors = {name: total**-balance for name, total in totals.items() if total > 0}
    scale = sum(totals.values()) / sum(total * factors.get(name, 0.0) for name, total in totals.items())
    return [replace(row, weight=row.weight * factors.get(key(row), 0.0) * scale) for row in rows]

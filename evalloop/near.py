"""Exact and near duplicates among texts."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from math import ceil

_WORD = re.compile(r"[぀-ヿ㐀-鿿가-힯]|\w+")


def normal(text: str) -> str:
    """The text in the form in which two texts are the same: compatibility forms, case and white space folded."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def tokens(text: str) -> frozenset[str]:
    """Words of a text (ideographs and syllables one by one), or the whole of it when it has no words."""
    folded = normal(text)
    return frozenset(_WORD.findall(folded)) or frozenset([folded] if folded else [])


def likeness(one: frozenset[str], other: frozenset[str]) -> float:
    """Jaccard index of two sets of words: shared over all; 0 when both are empty."""
    shared = len(one & other)
    return shared / (len(one) + len(other) - shared) if shared else 0.0


class Near:
    """Finds out whether a text is a duplicate of any that was added: the same when normal, or ``least`` alike.

    Exact, by prefix filtering (Chaudhuri et al. 2006): two sets can only be that alike when they share one of their
    few rarest words, so only those are indexed.
    """

    def __init__(self, texts: Iterable[str] = (), *, least: float = 0.85) -> None:
        self._least = least
        sets = [tokens(text) for text in texts]
        self._counts = Counter(word for each in sets for word in each)
        self._index: dict[str, list[frozenset[str]]] = {}
        for each in sets:
            self._add(each)

    def add(self, text: str) -> None:
        """Remembers a text."""
        self._add(tokens(text))

    def has(self, text: str) -> bool:
        """True when a text like this one was added."""
        words = tokens(text)
        return any(likeness(words, other) >= self._least
                   for word in self._rarest(words) for other in self._index.get(word, ()))

    def _add(self, words: frozenset[str]) -> None:
        for word in self._rarest(words):
            self._index.setdefault(word, []).append(words)

    def _rarest(self, words: frozenset[str]) -> Sequence[str]:
        ordered = sorted(words, key=lambda word: (self._counts.get(word, 0), word))
        return ordered[: len(words) - ceil(self._least * len(words)) + 1]

"""Groups of texts that are the same or nearly so, among many."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

PERMUTATIONS, LIKE, SHINGLE = 64, 0.7, 2
CANDIDATES = 0.5
"""The index proposes pairs from about this likeness on, so that hardly one above ``LIKE`` is missed."""
_WORD = re.compile(r"\w+")


def words_of(text: str) -> list[str]:
    """The words of a text, compatibility forms and case folded."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def groups_of_like_texts(texts: Iterable[str], least_words: int) -> dict[str, int]:
    """The group number of each text of at least ``least_words`` words.

    The same words in the same order are one group; so are texts whose pairs of neighbouring words overlap to
    ``LIKE`` (Jaccard index). Candidates come from MinHash with ``PERMUTATIONS`` permutations (Broder 1997) and
    locality-sensitive hashing (datasketch), and are checked exactly.
    """
    from evalloop import stats

    normal: dict[tuple[str, ...], int] = {}
    place = {text: normal.setdefault(tuple(found), len(normal))
             for text in dict.fromkeys(texts) if len(found := words_of(text)) >= least_words}
    labels = stats.connected(_near(list(normal)), len(normal))
    return {text: labels[number] for text, number in place.items()}


def _near(texts: Sequence[tuple[str, ...]]) -> list[tuple[int, int]]:
    """Pairs of texts that are alike, by their numbers."""
    if len(texts) < 2:
        return []
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=CANDIDATES, num_perm=PERMUTATIONS)
    pairs = []
    shingles = [{" ".join(words[at:at + SHINGLE]).encode() for at in range(max(1, len(words) - SHINGLE + 1))}
                for words in texts]
    for number, print_of in enumerate(MinHash.generator(shingles, num_perm=PERMUTATIONS, seed=1)):
        pairs += [(number, other) for other in index.query(print_of) if _like(shingles[number], shingles[other])]
        index.insert(number, print_of)
    return pairs


def _like(one: set[bytes], other: set[bytes]) -> bool:
    return len(one & other) >= LIKE * len(one | other)

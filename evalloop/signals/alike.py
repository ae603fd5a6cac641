"""Groups of texts that are the same or nearly so, among many."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence

PERMUTATIONS, THRESHOLD, SHINGLE = 64, 0.8, 2
_WORD = re.compile(r"\w+")


def words_of(text: str) -> list[str]:
    """The words of a text, compatibility forms and case folded."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).casefold())


def groups_of_like_texts(texts: Iterable[str], least_words: int) -> dict[str, int]:
    """The group number of each text of at least ``least_words`` words.

    The same words in the same order are one group; so are texts whose pairs of neighbouring words overlap to about
    ``THRESHOLD`` (Jaccard index estimated by MinHash with ``PERMUTATIONS`` permutations, Broder 1997, found by
    locality-sensitive hashing: datasketch). Finds about four in five texts of which one word in twenty was changed.
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

    index = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
    pairs = []
    shingles = [[" ".join(words[at:at + SHINGLE]).encode() for at in range(max(1, len(words) - SHINGLE + 1))]
                for words in texts]
    for number, print_of in enumerate(MinHash.generator(shingles, num_perm=PERMUTATIONS, seed=1)):
        pairs += [(number, int(other)) for other in index.query(print_of)]
        index.insert(number, print_of)
    return pairs

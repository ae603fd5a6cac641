"""How much of an accepted text survives later edits, as VS Code's Copilot Chat measures it.

Definitions of microsoft/vscode-copilot-chat (MIT), src/platform/editSurvivalTracking/common: ``editSurvivalTracker.ts``
(4-gram similarity, no-revert, how a range follows edits) and ``arcTracker.ts`` (accepted and retained characters).
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

GRAM = 4


def four_gram(one: str, other: str) -> float:
    """Share of 4-grams that two texts have in common, counted with repeats: 1 when equal, 0 when nothing is shared.

    A text of less than four characters has none: then it is 1 for equal texts, else 0.
    """
    if len(one) < GRAM or len(other) < GRAM:
        return float(one == other)
    total = len(one) + len(other) - 2 * (GRAM - 1)
    counts = Counter(one[at:at + GRAM] for at in range(len(one) - GRAM + 1))
    counts.subtract(other[at:at + GRAM] for at in range(len(other) - GRAM + 1))
    return (total - sum(map(abs, counts.values()))) / total


def no_revert(before: str, after: str, now: str) -> float:
    """1 when a text did not go back towards what was there before the suggestion, 0 when it is that again.

    ``before`` is what the suggestion replaced, ``after`` the suggestion, ``now`` what stands there now. A suggestion
    that replaced nothing cannot be reverted to anything: 1.
    """
    gone = four_gram(after, before)
    if not before or gone == 1:
        return 1.0
    return 1 - max(four_gram(now, before) - gone, 0.0) / (1 - gone)


@dataclass(frozen=True)
class Survival:
    """What is left of a suggestion: two similarities from 0 to 1, characters retained of those inserted, the text."""

    four_gram: float
    no_revert: float
    retained_chars: int
    original_chars: int
    text: str


class Tracked:
    """The place of one accepted suggestion in a document; it follows each later edit.

    ``document`` is the text before the suggestion, which replaced ``start`` to ``end`` by ``inserted``.
    """

    def __init__(self, document: str, start: int, end: int, inserted: str) -> None:
        if not 0 <= start <= end <= len(document):
            raise ValueError(f"no range {start}..{end} in a document of {len(document)} characters")
        self._before, self._inserted = document[start:end], inserted
        self.document = document[:start] + inserted + document[end:]
        self._start, self._end = start, start + len(inserted)
        head = _common(self._before, inserted)
        tail = _common(self._before[head:][::-1], inserted[head:][::-1])
        self._kept = [(start + head, self._end - tail)]
        self._original = len(inserted) - head - tail

    def edit(self, start: int, end: int, text: str) -> None:
        """A change of the document: ``start`` to ``end`` (offsets before it) became ``text``."""
        if not 0 <= start <= end <= len(self.document):
            raise ValueError(f"no range {start}..{end} in a document of {len(self.document)} characters")
        self.document = self.document[:start] + text + self.document[end:]
        self._kept = list(_cut(self._kept, start, end, len(text)))
        self._follow(start, end, len(text))

    def survival(self) -> Survival:
        """What is left now."""
        now = self.document[self._start:self._end]
        return Survival(four_gram(now, self._inserted), no_revert(self._before, self._inserted, now),
                        sum(end - start for start, end in self._kept), self._original, now)

    def _follow(self, start: int, end: int, length: int) -> None:
        """Text that touches the range becomes part of it; what is deleted of it leaves it."""
        if end < self._start:
            shift = length - (end - start)
            self._start, self._end = self._start + shift, self._end + shift
        elif start <= self._end:
            overlap = max(min(end, self._end) - max(start, self._start), 0)
            size = self._end - self._start - overlap + length
            self._start = min(self._start, start)
            self._end = self._start + size


def _common(one: str, other: str) -> int:
    """Length of the common beginning."""
    return next((at for at, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _cut(pieces: list[tuple[int, int]], start: int, end: int, length: int) -> list[tuple[int, int]]:
    """The pieces without what an edit replaced; those behind it move."""
    shift = length - (end - start)
    found = []
    for left, right in pieces:
        found.append((left, min(right, start)))
        found.append((max(left, end) + shift, right + shift))
    return [(left, right) for left, right in found if left < right]

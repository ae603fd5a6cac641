"""Packs the data of a page into at most so many characters: gzip, base64, and long answers of unchanged cases cut.

The index is packed apart from the answers, and the answers in pieces, so that a browser lists all cases at once and
unpacks only the answers that somebody looks at. A page of any number of cases can thus be opened, mailed and attached.
What was cut is counted in each answer, and stands whole in the run log.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalloop.report.renderers.payload import Payload

LIMIT = 2_900_000
"""Characters for the data; the rest of the page takes less than 100,000 more unless there are very many clusters."""
SAFETY = 0.97
LEAST = 160
"""Answers of unchanged cases keep so many characters as long as those of changed cases have as many."""
MOST_TRIES = 12
PIECE = 200
"""Cases in one piece of answers."""
Answers = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Packed:
    """base64 of the gzip of JSON: the index, each piece of the answers; ``cut`` questions and answers are not whole."""

    index: str
    pieces: tuple[str, ...]
    cut: int

    @property
    def size(self) -> int:
        """Characters in all."""
        return len(self.index) + sum(map(len, self.pieces))


def pack(data: Payload, limit: int = LIMIT) -> Packed:
    """``data`` in at most ``limit`` characters, unless the index alone takes more."""
    index = _packed({**data.index, "piece": PIECE})
    answers: Answers = data.answers
    packed = _with_answers(index, answers)
    for _ in range(MOST_TRIES):
        if packed.size <= limit:
            break
        whole, texts = len(_json(answers)), sum(map(sum, map(_lengths, answers)))
        share = max(limit - len(index), 0) / max(packed.size - len(index), 1)
        answers = _shortened(answers, data.changed, max(0, int(whole * share * SAFETY - (whole - texts))))
        packed = _with_answers(index, answers)
    return packed


def _with_answers(index: str, answers: Answers) -> Packed:
    pieces = tuple(_packed(answers[start:start + PIECE]) for start in range(0, len(answers), PIECE))
    return Packed(index, pieces, sum(text["more"] > 0 for case in answers for text in _whole_texts(case)))


def _shortened(answers: Answers, changed: Sequence[bool], room: int) -> Answers:
    """Texts of at most ``room`` characters in all: those of unchanged cases are cut first."""
    moved, same = ([length for case, moved in zip(answers, changed, strict=True) if moved is wanted
                    for length in _lengths(case)] for wanted in (True, False))
    small = _cap(same, max(room - sum(moved), len(same) * LEAST))
    large = _cap(moved, max(room - _kept(same, small), 0))
    if large < LEAST < max(moved, default=0):
        small = large = _cap([*moved, *same], room)
    return [_cut(case, large if moved else small) for case, moved in zip(answers, changed, strict=True)]


def _cap(lengths: Sequence[int], room: int) -> int:
    """The greatest length to which texts of these lengths can be cut so that they fit."""
    low, high = 0, max(lengths, default=0)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _kept(lengths, middle) <= room else (low, middle - 1)
    return low


def _kept(lengths: Iterable[int], cap: int) -> int:
    return sum(min(length, cap) for length in lengths)


def _cut(case: Mapping[str, Any], cap: int) -> dict[str, Any]:
    return {"question": _shorter(case["question"], cap),
            "sides": [[_with_grades(_shorter(trial, cap), cap) for trial in side] for side in case["sides"]]}


def _shorter(text: Mapping[str, Any], cap: int) -> dict[str, Any]:
    whole = text["text"]
    return {**text, "text": whole[:cap], "more": text["more"] + max(0, len(whole) - cap)}


def _with_grades(trial: dict[str, Any], cap: int) -> dict[str, Any]:
    return {**trial, "grades": [[*head, told if len(told) <= cap else told[:cap] + "…"]
                                for *head, told in trial["grades"]]}


def _whole_texts(case: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The question and the answers: what a cut is counted for."""
    yield case["question"]
    yield from (trial for side in case["sides"] for trial in side)


def _lengths(case: Mapping[str, Any]) -> Iterator[int]:
    """Lengths of the question, the answers and the explanations of their grades."""
    yield from (len(text["text"]) for text in _whole_texts(case))
    yield from (len(grade[-1]) for side in case["sides"] for trial in side for grade in trial["grades"])


def _json(data: Any) -> str:
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _packed(data: Any) -> str:
    raw = _json(data).encode("utf-8", "backslashreplace")
    return base64.b64encode(gzip.compress(raw, 9, mtime=0)).decode("ascii")

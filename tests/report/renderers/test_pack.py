"""Packing: a page has a size that can be sent, and what is cut for it is counted."""

from __future__ import annotations

import base64
import gzip
import json
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from evalloop.report.renderers.pack import PIECE, Packed, pack
from evalloop.report.renderers.payload import Payload


def data_of(lengths: list[tuple[int, bool]]) -> Payload:
    """One case for each (length of its question, answers and explanations, whether it changed): random letters."""
    draw = Random(0)
    text = lambda size: "".join(chr(draw.randrange(33, 127)) for _ in range(size))  # noqa: E731
    answers = [{"question": {"text": text(size), "more": 0},
                "sides": [[{"text": text(size), "more": 0, "grades": [["g", True, text(size)]]}] for _ in range(2)]}
               for size, _ in lengths]
    return Payload({"cases": [{"id": str(number)} for number in range(len(lengths))]}, answers,
                   [changed for _, changed in lengths])


def read(packed: Packed) -> tuple[Any, list[Any]]:
    """What the page's script reads: the index, and the cases of all pieces."""
    index, *pieces = (json.loads(gzip.decompress(base64.b64decode(each))) for each in (packed.index, *packed.pieces))
    return index, [case for piece in pieces for case in piece]


def test_small_data_stays_whole() -> None:
    """Nothing is cut below the limit, and the index says how many cases a piece has."""
    data = data_of([(500, True), (500, False)])
    packed = pack(data)
    assert read(packed) == ({**data.index, "piece": PIECE}, data.answers)
    assert packed.cut == 0


def test_answers_come_in_pieces() -> None:
    """Each piece holds as many cases as the index says, the last one the rest."""
    packed = pack(data_of([(1, False)] * (2 * PIECE + 3)))
    sizes = [len(json.loads(gzip.decompress(base64.b64decode(each)))) for each in packed.pieces]
    assert sizes == [PIECE, PIECE, 3]


def test_answers_of_unchanged_cases_are_cut_first() -> None:
    """Changed cases keep whole texts as long as the others can make room."""
    data = data_of([(2000, False)] * 20 + [(2000, True)] * 5)
    packed = pack(data, limit=110_000)
    _, cases = read(packed)
    assert packed.cut == 60
    assert {len(case["sides"][0][0]["text"]) for case in cases[20:]} == {2000}
    assert {case["sides"][0][0]["more"] + len(case["sides"][0][0]["text"]) for case in cases} == {2000}


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3000), st.booleans()), max_size=12), st.integers(3000, 20_000))
def test_any_data_fits_and_every_character_is_accounted_for(lengths: list[tuple[int, bool]], limit: int) -> None:
    """Long questions and explanations too: within the limit; what is shown and what is left out make up the whole."""
    packed = pack(data_of(lengths), limit=limit)
    assert packed.size <= limit
    for case, (size, _) in zip(read(packed)[1], lengths, strict=True):
        for text in (case["question"], case["sides"][1][0]):
            assert len(text["text"]) + text["more"] == size

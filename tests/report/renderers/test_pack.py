"""Packing: a page has a size that can be sent, and what is cut for it is counted."""

from __future__ import annotations

import base64
import gzip
import json
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from evalloop.report.renderers.pack import pack


def data_of(lengths: list[tuple[int, bool]]) -> dict[str, Any]:
    """One case for each (length of both answers, whether it changed); texts that hardly compress."""
    draw = Random(0)
    text = lambda size: "".join(chr(draw.randrange(33, 127)) for _ in range(size))  # noqa: E731
    return {"cases": [{"change": float(changed), **{side: [{"text": text(size), "more": 0}] for side in ("old", "new")}}
                      for size, changed in lengths]}


def unpacked(text: str) -> Any:
    """What the page's script reads."""
    return json.loads(gzip.decompress(base64.b64decode(text)))


def test_small_data_stays_whole() -> None:
    """Nothing is cut below the limit."""
    data = data_of([(500, True), (500, False)])
    packed, cut = pack(data)
    assert (unpacked(packed), cut) == (data, 0)


def test_answers_of_unchanged_cases_are_cut_first() -> None:
    """Changed cases keep whole answers as long as the others can make room."""
    packed, cut = pack(data_of([(2000, False)] * 20 + [(2000, True)] * 5), limit=40_000)
    cases = unpacked(packed)["cases"]
    assert cut == 40
    assert {len(case["old"][0]["text"]) for case in cases if case["change"]} == {2000}
    assert {case["old"][0]["more"] + len(case["old"][0]["text"]) for case in cases} == {2000}


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3000), st.booleans()), max_size=12), st.integers(3000, 20_000))
def test_any_data_fits_and_every_character_is_accounted_for(lengths: list[tuple[int, bool]], limit: int) -> None:
    """The result is within the limit; what is shown and what is left out make up the whole."""
    packed, _ = pack(data_of(lengths), limit=limit)
    assert len(packed) <= limit
    for case, (size, _) in zip(unpacked(packed)["cases"], lengths, strict=True):
        assert len(case["new"][0]["text"]) + case["new"][0]["more"] == size

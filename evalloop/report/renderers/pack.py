"""Packs the data of the page into at most so many characters: gzip, base64, and long answers of unchanged cases cut.

A page of any number of cases can thus be opened, mailed and attached. What was cut is counted in each answer, and
stands whole in the run log.
"""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

LIMIT = 2_900_000
"""Characters for the data; the rest of the page takes less than 100,000 more unless there are very many clusters."""
SAFETY = 0.97
LEAST = 160
"""Answers of unchanged cases keep so many characters as long as those of changed cases have as many."""
MOST_TRIES = 12
SIDES = ("old", "new")


def pack(data: Mapping[str, Any], limit: int = LIMIT) -> tuple[str, int]:
    """(base64 of the gzip of the JSON of ``data``, number of answers that are not whole)."""
    packed = _packed(data)
    for _ in range(MOST_TRIES):
        if len(packed) <= limit:
            break
        whole, texts = len(_json(data)), sum(_lengths(data))
        room = whole * limit / len(packed) * SAFETY - (whole - texts)
        data = _shortened(data, max(0, int(room)))
        packed = _packed(data)
    return packed, sum(trial["more"] > 0 for _, trial in _answers(data))


def _shortened(data: Mapping[str, Any], room: int) -> dict[str, Any]:
    """``data`` with answers of at most ``room`` characters in all: those of unchanged cases are cut first."""
    changed, same = _lengths(data, changed=True), _lengths(data, changed=False)
    small = _cap(same, max(room - sum(changed), len(same) * LEAST))
    large = _cap(changed, max(room - _kept(same, small), 0))
    if large < LEAST < max(changed, default=0):
        small = large = _cap([*changed, *same], room)
    return {**data, "cases": [_cut(item, large if _changed(item) else small) for item in data["cases"]]}


def _cap(lengths: Sequence[int], room: int) -> int:
    """The greatest length to which texts of these lengths can be cut so that they fit."""
    low, high = 0, max(lengths, default=0)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if _kept(lengths, middle) <= room else (low, middle - 1)
    return low


def _kept(lengths: Iterable[int], cap: int) -> int:
    return sum(min(length, cap) for length in lengths)


def _cut(item: Mapping[str, Any], cap: int) -> dict[str, Any]:
    return {**item, **{side: [_shorter(trial, cap) for trial in item[side]] for side in SIDES}}


def _shorter(trial: Mapping[str, Any], cap: int) -> dict[str, Any]:
    text = trial["text"]
    return {**trial, "text": text[:cap], "more": trial["more"] + max(0, len(text) - cap)}


def _lengths(data: Mapping[str, Any], *, changed: bool | None = None) -> list[int]:
    return [len(trial["text"]) for item, trial in _answers(data) if changed in (None, _changed(item))]


def _changed(item: Mapping[str, Any]) -> bool:
    return bool(item["change"] != 0)


def _answers(data: Mapping[str, Any]) -> Iterable[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    return ((item, trial) for item in data["cases"] for side in SIDES for trial in item[side])


def _json(data: Mapping[str, Any]) -> str:
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _packed(data: Mapping[str, Any]) -> str:
    raw = _json(data).encode("utf-8", "backslashreplace")
    return base64.b64encode(gzip.compress(raw, 9, mtime=0)).decode("ascii")

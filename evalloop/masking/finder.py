"""What looks for personal data beside the forms, laid over texts and values; a text that it cannot read is withheld."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any, NamedTuple

from evalloop.masking.forms import mask_text, mend, places

WITHHELD = "withheld"
"""The kind of a text that could not be read, and stands for the whole of it."""
PIECE, SHARED = 20_000, 500
"""Characters that are read at once, and how many of them are read again with the next piece: nothing is cut in two."""
SHORT = 64
"""Longest text whose result is kept: votes, reasons and labels come over and over."""
_MARK = re.compile(r"\[[a-z][a-z0-9_]{1,39}\]")
_NAMES = frozenset({"role", "type", "kind", "status", "state", "level", "basis", "purposes", "finish_reason", "schema"})
_NAME_ENDS = ("_id", "_ids", "_at", "_key", "_type")
_log = logging.getLogger("evalloop.masking")


class Find(NamedTuple):
    """Personal data in a text: from ``start`` to ``end`` (characters), how sure it is, its kind."""

    start: int
    end: int
    score: float
    kind: str


class Finder:
    """Masks what has a form and what ``find`` finds."""

    def __init__(self, find: Callable[[str], Iterable[Find]]) -> None:
        self._find = find
        self._kept = lru_cache(maxsize=4096)(self._read)

    def text(self, text: str) -> tuple[str, set[str]]:
        """The text with personal data replaced, and the kinds that were found."""
        masked, kinds = self._kept(text) if len(text) <= SHORT else self._read(text)
        return masked, set(kinds)

    def value(self, value: Any) -> tuple[Any, set[str]]:
        """The same for every text inside lists and mappings.

        Keys stay. One word under a key that names something (``role``, ``session_id``) is looked at by its form only: a
        schema or a join may rest on it.
        """
        found = set[str]()
        return self._all(value, "", found), found

    def _all(self, value: Any, key: str, found: set[str]) -> Any:
        if isinstance(value, str):
            masked, kinds = mask_text(mend(value)) if _is_name(key, value) else self.text(value)
            found |= kinds
            return masked
        if isinstance(value, Mapping):
            return {name: self._all(item, str(name), found) for name, item in value.items()}
        return [self._all(item, key, found) for item in value] if isinstance(value, list | tuple) else value

    def _read(self, text: str) -> tuple[str, frozenset[str]]:
        text = mend(text)
        if not any(map(str.isalnum, text)):
            return text, frozenset()
        forms = (Find(start, end, 1.0, kind) for start, end, kind in places(text))
        try:
            return replaced(text, chain(forms, *self._pieces(text)))
        except Exception as error:  # whatever it is: nothing unread goes to the disk, and no event is lost for it
            _log.warning("a text could not be read (%s), so the whole of it was masked", type(error).__name__)
            return f"[{WITHHELD}]", frozenset({WITHHELD})

    def _pieces(self, text: str) -> Iterator[list[Find]]:
        for start in range(0, max(len(text) - SHARED, 1), PIECE - SHARED):
            yield [each._replace(start=each.start + start, end=each.end + start)
                   for each in self._find(text[start:start + PIECE])]


def _is_name(key: str, text: str) -> bool:
    return (key in _NAMES or key.endswith(_NAME_ENDS)) and not any(map(str.isspace, text))


def replaced(text: str, finds: Iterable[Find]) -> tuple[str, frozenset[str]]:
    """The text with each find replaced by its kind in square brackets, and the kinds.

    Finds that share characters become one, of the surest kind. Marks of an earlier masking are not cut in two, and a
    find inside of one is none.
    """
    marks = (Find(*match.span(), -1.0, "") for match in _MARK.finditer(text))
    parts, kinds, at = list[str](), set[str](), 0
    for group in _groups(sorted([*finds, *marks])):
        start, end = group[0].start, max(each.end for each in group)
        if any(each.kind == "" and (each.start, each.end) == (start, end) for each in group):
            continue
        kind = max(group, key=lambda each: (each.score, each.end - each.start)).kind
        parts += [text[at:start], f"[{kind}]"]
        kinds.add(kind)
        at = end
    return "".join([*parts, text[at:]]), frozenset(kinds)


def _groups(finds: list[Find]) -> Iterator[list[Find]]:
    """Finds in their order, those together that share characters."""
    group, end = list[Find](), 0
    for find in finds:
        if group and find.start >= end:
            yield group
            group = []
        group.append(find)
        end = max(end, find.end) if len(group) > 1 else find.end
    if group:
        yield group

"""Which masker a project uses: a choice that travels between processes, and what it becomes in each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from typing import Any, NamedTuple

from evalloop.errors import ConfigError
from evalloop.masking.forms import MASKER, mask, mask_text

KINDS = ("regex", "presidio")
SCORE = 0.5


class Masker(NamedTuple):
    """``text`` masks one text, ``value`` every text inside lists and mappings (keys stay); both give the kinds that
    were found too. ``name`` stands in the events (``privacy.masker``)."""

    name: str
    text: Callable[[str], tuple[str, set[str]]]
    value: Callable[[Any], tuple[Any, set[str]]]

    def words(self, text: str) -> str:
        """The masked text alone."""
        return self.text(text)[0]


@dataclass(frozen=True)
class Masking:
    """A choice of masker. All but ``kind`` is for Presidio.

    ``models``: LANGUAGE=MODEL, spaCy models that are installed, by name or folder; without any nothing is found that
    needs one (names of people and places). ``entities``: kinds that are looked for, in Presidio's names (empty: a
    usual set). ``score`` in [0, 1]: from how sure a find is masked. ``patterns``: a YAML file of more recognizers.
    """

    kind: str = "regex"
    models: tuple[str, ...] = ()
    entities: tuple[str, ...] = ()
    score: float = SCORE
    patterns: str = ""


BY_FORMS = Masking()
REGEX = Masker(MASKER, mask_text, mask)


@cache
def open_masker(choice: Masking) -> Masker:
    """The masker of a choice, made once in a process; ConfigError or UsageError when it cannot be had."""
    if choice.kind == "regex":
        return REGEX
    if choice.kind != "presidio":
        close = get_close_matches(choice.kind, KINDS, n=1)
        raise ConfigError(f"no masker {choice.kind!r}", key="masker",
                          fix=f"did you mean {close[0]!r}?" if close else f"use one of: {', '.join(KINDS)}")
    from evalloop.masking.presidio import open_presidio

    return open_presidio(choice)

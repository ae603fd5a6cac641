"""Themes without one user: no member, quote, exemplar or name is left that only this user said."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import TypeVar

from evalloop.clusters.label import LONGEST_LABEL, LONGEST_QUOTE
from evalloop.clusters.text import comparable, prose, showable
from evalloop.masking import mask_text
from evalloop.records.cluster import Cluster, Move, Subtheme, Themes

PUT = "(erased)"
FEWEST = 4
"""A name of fewer characters is nobody's."""

Group = TypeVar("Group", Cluster, Subtheme)


def forms(text: str) -> set[str]:
    """Every form in which a theme keeps or shows a text."""
    masked = mask_text(text)[0]
    shown = {showable(each, LONGEST_QUOTE) for each in (mask_text(prose(text))[0], prose(masked))}
    return {text, masked, showable(text), showable(masked), *shown} - {""}


@dataclass(frozen=True)
class Words:
    """What one user said, what the others said, and the failures of the user that said nothing themselves.

    A model's line may stand for a failure of ``mute``. It cannot be told from other lines, so of a theme that held
    such a failure only what the others said is kept.
    """

    own: frozenset[str]
    others: frozenset[str]
    gone: frozenset[str]
    mute: frozenset[str]

    @classmethod
    def of(cls, said: Iterable[str], others: Iterable[str], gone: Collection[str], mute: Collection[str] = ()) -> Words:
        """From texts as they were said, and ids of failures."""
        return cls(_comparable(said), _comparable(others), frozenset(gone), frozenset(mute))

    def stays(self, text: str, *, strict: bool = False) -> bool:
        """True for a text that somebody else said, or that the user did not say."""
        form = comparable(text)
        return form in self.others or not (strict or form in self.own)

    def alone(self, name: str) -> bool:
        """True when a part of the name is the user's words, and nobody else's."""
        parts = [comparable(part).strip("\u2026 .") for part in (name, *name.split(", "))]
        return any(len(part) >= FEWEST and any(part in each for each in self.own)
                   and not any(part in each for each in self.others) for part in parts)


def _comparable(texts: Iterable[str]) -> frozenset[str]:
    return frozenset(comparable(form) for text in texts for form in forms(text)) - {""}


def without(themes: Themes, words: Words) -> Themes:
    """The themes of a week without the user; sizes, shares and counts stay what they were."""
    return replace(themes, clusters=tuple(_cluster(each, words) for each in themes.clusters))


def without_words(move: Move, words: Words) -> Move:
    """The step without a reason that repeats the user's words."""
    reason = comparable(move.reason)
    quoted = any(len(each) >= 3 * FEWEST and each in reason for each in words.own - words.others)
    return replace(move, reason=PUT) if quoted else move


def _cluster(cluster: Cluster, words: Words) -> Cluster:
    strict = not words.mute.isdisjoint(cluster.member_ids)
    parts = tuple(_group(each, each.subtheme_id, words, strict) for each in cluster.subthemes)
    return replace(_group(cluster, cluster.cluster_id, words, strict), subthemes=parts,
                   member_ids=tuple(each for each in cluster.member_ids if each not in words.gone))


def _group(group: Group, name: str, words: Words, strict: bool) -> Group:
    keywords = tuple(each for each in group.keywords if not words.alone(each))
    label = (", ".join(keywords[:3])[:LONGEST_LABEL] or name) if words.alone(group.label) else group.label
    return replace(group, label=label, keywords=keywords,
                   quotes=tuple(each for each in group.quotes if words.stays(each, strict=strict)),
                   exemplars=tuple(each for each in group.exemplars if words.stays(each, strict=strict)))

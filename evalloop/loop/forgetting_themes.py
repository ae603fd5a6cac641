"""Forgetting a user in themes: members, quotes, exemplars, names, and the vectors that were kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalloop.errors import EmptyError
from evalloop.loop.evidence import failures, store_address
from evalloop.loop.project import Project

if TYPE_CHECKING:
    from pathlib import Path

    from evalloop.clusters.erase import Words
    from evalloop.records.cluster import Cluster
    from evalloop.records.failure import Failure
    from evalloop.store.themes import ThemeStore
    from evalloop.store.traces import Traces

SHORTEST = 12
"""Characters that a name needs to be looked for in files."""


@dataclass(frozen=True)
class InThemes:
    """What is to go out of themes: the user's ``words``, ``shown`` in every form that themes give them; ``others`` are
    the texts of all others, whose vectors stay."""

    words: Words
    shown: frozenset[str]
    others: tuple[str, ...]


def read(project: Project, traces: Traces) -> InThemes | None:
    """What themes may hold of a user; to be read before the events are gone. None where there are no themes."""
    from evalloop.clusters.erase import Words, forms
    from evalloop.store.themes import ThemeStore

    with ThemeStore(store_address(project)) as store:
        if not store.weeks() and not _folders(project):
            return None
    try:
        found = failures(project)
    except EmptyError:
        found = []
    own = [each for each in found if _owns(traces, each)]
    ids = {each.failure_id for each in own}
    others = tuple({each.text: None for each in found if each.failure_id not in ids})
    said = {*traces.words, *(each.text for each in own)}
    summed = project.config.summaries and project.config.judge_model
    mute = [each.failure_id for each in own if summed and each.text_source != "user"]
    shown = frozenset(form for text in said for form in forms(text))
    return InThemes(Words.of(said, others, ids, mute), shown, others)


def erase(project: Project, found: InThemes) -> tuple[int, list[str]]:
    """Takes it out; how many weeks and steps changed, and the names that only the user had said."""
    from evalloop.clusters.erase import without, without_words
    from evalloop.store.themes import ThemeStore
    from evalloop.store.vectors import VectorStore, key_of

    with ThemeStore(store_address(project)) as store:
        names = [name for week, _ in store.weeks() for name in _names(store, week) if found.words.alone(name)]
        changed = store.rewrite(lambda themes: without(themes, found.words),
                                lambda move: without_words(move, found.words))
        last = store.at()
    kept = {key_of(text) for text in (*found.others, *(_exemplars(last.clusters) if last else ()))}
    for folder in _folders(project):
        VectorStore(folder).keep_only(kept)
    return changed, sorted(set(names))


def named_files(project: Project, names: Iterable[str]) -> list[str]:
    """Evalsets that are called by these names, or hold them; they are left to a person."""
    from evalloop.cases.grow import slug

    slugs = [each.encode() for each in map(slug, names) if len(each) >= SHORTEST]
    root = project.config.evalsets_dir
    paths = sorted(each for each in root.rglob("*") if each.is_file()) if slugs and root.is_dir() else []
    return [str(each.relative_to(project.config.root)) for each in paths
            if any(name in each.name.encode() or name in each.read_bytes() for name in slugs)]


def _owns(traces: Traces, failure: Failure) -> bool:
    return (failure.user_key in traces.keys or not traces.events.isdisjoint(failure.event_ids)
            or (failure.user_key is None and failure.response_id in traces.responses))


def _names(store: ThemeStore, week: str) -> Iterator[str]:
    themes = store.at(week)
    for each in themes.clusters if themes else ():
        yield from (each.label, *(part.label for part in each.subthemes))


def _exemplars(clusters: Iterable[Cluster]) -> Iterator[str]:
    for each in clusters:
        yield from each.exemplars
        for part in each.subthemes:
            yield from part.exemplars


def _folders(project: Project) -> list[Path]:
    """The folders of kept vectors, one for each embedder."""
    root = project.config.state_dir / "vectors"
    return sorted(each for each in root.iterdir() if each.is_dir()) if root.is_dir() else []

"""Clusters: failures become named themes that live from week to week."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evalloop.errors import EmptyError, UsageError
from evalloop.loop.asking import Asker
from evalloop.loop.evidence import failures, store_address
from evalloop.loop.project import Project
from evalloop.printable import many

if TYPE_CHECKING:
    from evalloop.clusters.arms import ArmCheck
    from evalloop.clusters.decided import Decided
    from evalloop.contracts import Embedder, Labeler
    from evalloop.records.case import Case
    from evalloop.records.cluster import Cluster, Move, Themes
    from evalloop.records.failure import Failure
    from evalloop.store.themes import ThemeStore


def find_clusters(project: Project, *, week: str | None = None) -> Themes:
    """Groups the failures that are not grouped yet into clusters, and keeps them; returns how they stand now.

    The first time all of history is one batch, which takes what is older, should it come later; every further week is
    one of its own, and only its failures are read for groups: known clusters keep ids, names and status. The last batch
    is grouped again where it has grown.
    ``week`` groups the whole batch again that this week is part of, and no other; UsageError when there is none. Raises
    EmptyError when there is no failure to group.
    """
    _check_week(week)
    found = [each for each in failures(project, history=False) if each.occurred_at]
    themes = None
    with _store(project) as store:
        batches = _batches(found, store.weeks(), week)
        if not batches:
            raise EmptyError("no failure to group" + (f" in the batch of {week}" if week else ""),
                             fix="import events with complaints first; evalloop signals shows what the events say")
        for since, last, batch in batches:
            project.progress(f"themes of {last}", 0, 0)
            themes = _group(project, store, batch, since, last)
    assert themes is not None
    return _told(project, themes)


def known_clusters(project: Project) -> tuple[Cluster, ...]:
    """The clusters as they stand; empty before the first time."""
    themes = read_themes(project)
    return themes.clusters if themes else ()


def read_themes(project: Project, week: str | None = None) -> Themes | None:
    """How the clusters stood in the batch that a week is part of (default: the last one), with names and statuses of
    today."""
    _check_week(week)
    if not project.config.store and not (project.config.state_dir / "events.sqlite").is_file():
        return None
    with _store(project) as store:
        known = store.weeks()
        themes = store.at(next((last for last, since in known if week is not None and since <= week <= last), week))
        if themes is None and week is not None and known:
            raise EmptyError(f"no themes of week {week}", fix=f"weeks: {_weeks(known)}")
    return _told(project, themes) if themes else None


def find_theme(project: Project, reference: str) -> Cluster:
    """The cluster with this id, name, or beginning of an id; UsageError when there is none or more than one."""
    clusters = known_clusters(project)
    exact = [each for each in clusters if reference in (each.cluster_id, each.label)]
    found = exact or [each for each in clusters if each.cluster_id.startswith(reference) and len(reference) >= 4]
    if len(found) != 1:
        raise UsageError(f"{'no' if not found else 'more than one'} theme is called {reference!r}",
                         fix="evalloop themes shows ids; give the id")
    return found[0]


def move_theme(project: Project, reference: str, status: str, *, reason: str, release: str | None = None,
               by: str = "") -> Move:
    """Moves a theme to another status, for a reason that is kept; UsageError when it cannot go there from where it
    stands. What releases do to themes goes through here too."""
    from evalloop.clusters.lifecycle import move

    step = move(find_theme(project, reference), status, reason=reason, release=release, by=by)
    with _store(project) as store:
        store.add_move(step)
    return step


def theme_history(project: Project, cluster_id: str | None = None) -> list[Move]:
    """Every step in the life of a theme (default: of all), oldest first."""
    with _store(project) as store:
        return store.moves(cluster_id)


def note_cases(project: Project, cases: Iterable[Case], *, by: str = "") -> list[Move]:
    """Moves open and regressed themes on to ``has-cases`` where one of these cases of theirs was accepted; only
    acceptances count that came after the theme's last step."""
    from evalloop.clusters.lifecycle import move
    from evalloop.records.times import moment_of

    merged, accepted = merged_into(project), Counter[str]()
    themes = {each.cluster_id: each for each in known_clusters(project) if each.status in ("open", "regressed")}
    last = {step.cluster_id: step.at for step in theme_history(project)} if themes else {}
    for case in cases:
        named = str(case.provenance.get("cluster_id", ""))
        theme, at = merged.get(named, named), str(case.provenance.get("reviewed_at", ""))
        if case.status == "accepted" and at and theme in themes and (
                theme not in last or moment_of(at) >= moment_of(last[theme])):
            accepted[theme] += 1
    steps = [move(themes[theme], "has-cases", reason=many(count, "accepted case"), by=by)
             for theme, count in sorted(accepted.items())]
    if steps:
        with _store(project) as store:
            for step in steps:
                store.add_move(step)
    return steps


def merged_into(project: Project) -> Mapping[str, str]:
    """The theme that each joined theme is part of, by id."""
    return _decided(project).merged


def theme_members(project: Project) -> dict[str, str]:
    """The cluster of every failure that was ever grouped; merged clusters count as the one that they became."""
    merged = merged_into(project)
    with _store(project) as store:
        weeks = [store.at(week) for week, _ in store.weeks()]
    found = {name: each.cluster_id for themes in weeks if themes for each in themes.clusters
             for name in each.member_ids}
    return {name: merged.get(cluster, cluster) for name, cluster in found.items()}


def late_failures(project: Project, found: Sequence[Failure], members: Mapping[str, str]) -> dict[str, int]:
    """How many failures came after the batch of their week was grouped, by its last week: those that only ``cluster
    --week`` takes in. ``members`` are the failures that were ever grouped."""
    from evalloop.clusters.measure import week_of

    with _store(project) as store:
        known = store.weeks()
    by_week = Counter(week_of(each.occurred_at) for each in found if each.occurred_at)
    late = Counter(week_of(each.occurred_at) for each in found
                   if each.occurred_at and each.weight > 0 and each.failure_id not in members)
    anyway = {last for last, _ in _wanted(by_week, known)}
    counted = {last: sum(late[name] for name in late if since <= name <= last)
               for last, since in known if last not in anyway}
    return {last: number for last, number in counted.items() if number}


def check_against_random(project: Project, found: Sequence[Failure]) -> list[ArmCheck]:
    """Each theme in what users told of themselves and in the random ask; none without themes or random asks."""
    from evalloop.clusters.arms import against_random

    if not any(each.random_weight > 0 for each in found):
        return []
    return against_random(known_clusters(project), found)


def rename_theme(project: Project, reference: str, name: str) -> tuple[Cluster, Path]:
    """Gives a theme a name that stays; returns the theme as it was, and the file of names."""
    from evalloop.clusters import decided

    cluster = find_theme(project, reference)
    return cluster, decided.rename(_folder(project), cluster.cluster_id, name)


def join_themes(project: Project, gone: str, into: str) -> tuple[Cluster, Cluster, Path]:
    """Makes one theme part of another from the next grouping on; returns both, and the file that says so."""
    from evalloop.clusters import decided

    one, other = find_theme(project, gone), find_theme(project, into)
    return one, other, decided.merge(_folder(project), one.cluster_id, other.cluster_id)


def _batches(found: Sequence[Failure], known: Sequence[tuple[str, str]], week: str | None
             ) -> list[tuple[str, str, list[Failure]]]:
    """(first week, last week, failures) of every batch to group, oldest first."""
    from evalloop.clusters.measure import week_of

    by_week: dict[str, list[Failure]] = {}
    for each in found:
        by_week.setdefault(week_of(each.occurred_at), []).append(each)
    wanted = [_batch_of(week, known)] if week is not None else _wanted(by_week, known)
    return [(since, last, batch) for last, since in wanted if (
        batch := [each for name in sorted(by_week) if since <= name <= last for each in by_week[name]])]


def _wanted(weeks: Collection[str], known: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """(last week, first week) of the batches to group: the first where older weeks came, weeks of none, the last."""
    if not weeks or not known:
        return [(max(weeks), min(weeks))] if weeks else []
    (first, since), *later = known
    held = [(first, min(since, *weeks)), *later]
    new = [(name, name) for name in weeks if not any(start <= name <= last for last, start in held)]
    return sorted({*(held[:1] if held[0] != known[0] else ()), *new, held[-1]})


def _batch_of(week: str, known: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """(last week, first week) of the grouped batch that a week is part of; UsageError when it is part of none."""
    for last, since in known:
        if since <= week <= last:
            return last, since
    raise UsageError(f"week {week} was not grouped yet",
                     fix="evalloop cluster groups all that is new" + (f"; grouped: {_weeks(known)}" if known else ""))


def _weeks(known: Sequence[tuple[str, str]]) -> str:
    """The last batches by their weeks."""
    from evalloop.records.times import weeks_text

    return ", ".join(weeks_text(*batch) for batch in known[-8:])


def _check_week(week: str | None) -> None:
    from evalloop.clusters.measure import is_week

    if week is not None and not is_week(week):
        raise UsageError(f"{week!r} is no ISO week", fix="write the year and the number of the week, such as 2026-W47")


def _group(project: Project, store: ThemeStore, batch: Sequence[Failure], since: str, week: str) -> Themes:
    """Groups one batch against what was known before it, and keeps the result."""
    from evalloop.clusters.redteam import is_red_team
    from evalloop.clusters.themes import ThemeOptions, build
    from evalloop.records.cluster import Themes

    config, people = project.config, _decided(project)
    before = store.at(before=week)
    options = ThemeOptions(week, config.min_cluster, alpha=config.alpha, seed=config.seed, since=since,
                           names=people.names, merged=people.merged)
    asker = Asker(project, config.theme_calls)
    told = _summarized(project, batch, asker)
    clusters = build(told, before.clusters if before else (), _embedder(project),
                     project.host.get("clusterers", config.clusterer), _labeler(project, asker, people), options)
    themes = Themes(week, len(batch), len({each.user_key or each.failure_id for each in batch}), tuple(clusters),
                    since, sum(map(is_red_team, batch)))
    store.save(themes)
    return store.at(week) or themes


def _summarized(project: Project, batch: Sequence[Failure], asker: Asker) -> list[Failure]:
    """The failures, with a model's line for those without words where a model is set (setting ``summaries``)."""
    from evalloop.clusters.summarize import summarize

    wanted = project.config.summaries and project.config.judge_model
    return summarize(batch, asker) if wanted else list(batch)


def _told(project: Project, themes: Themes) -> Themes:
    """The themes with the names that people gave."""
    people = _decided(project)
    clusters = tuple(replace(each, label=people.names.get(each.cluster_id, each.label)) for each in themes.clusters
                     if each.cluster_id not in people.merged or each.size)
    return replace(themes, clusters=clusters)


def _decided(project: Project) -> Decided:
    from evalloop.clusters import decided

    return decided.read(_folder(project))


def _folder(project: Project) -> Path:
    return project.config.root / str(project.config.themes)


def _store(project: Project) -> ThemeStore:
    from evalloop.store.themes import ThemeStore

    return ThemeStore(store_address(project))


def _embedder(project: Project) -> Embedder:
    """The embedder of the settings, with its model, on top of the vectors that are kept."""
    from evalloop.clusters.kept import KeptEmbedder
    from evalloop.store.vectors import VectorStore, key_of

    config = project.config
    inner = project.host.get("embedders", config.embedder)
    if config.embedding_model and hasattr(inner, "with_model"):
        inner = inner.with_model(config.embedding_model, config.embedding_base_url or None)
    place = key_of(f"{inner.name} {inner.version} {config.embedding_model}").hex()[:12]
    folder = config.state_dir / "vectors" / f"{inner.name}-{place}"
    return KeptEmbedder(inner, VectorStore(folder), lambda done, total: project.progress("vectors", done, total))


def _labeler(project: Project, asker: Asker, people: Decided) -> Labeler:
    """The labeler that the settings name; ``auto`` is the judge model where one is set, else key phrases."""
    from evalloop.clusters.label import LlmLabeler

    config = project.config
    wanted = config.labeler if config.labeler != "auto" else "llm" if config.judge_model else "phrases"
    if wanted == "llm":
        return LlmLabeler(asker, taxonomy=people.taxonomy)
    found: Labeler = project.host.get("labelers", wanted)
    return found


"""The stage: failures of a week become clusters with names, shares and ids that last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalloop.clusters.follow import Following, follow
from evalloop.clusters.measure import Sample, week_after, week_of
from evalloop.clusters.redteam import is_red_team
from evalloop.clusters.subthemes import Finder
from evalloop.clusters.text import prose, showable
from evalloop.clusters.trend import KEPT_WEEKS, with_trends
from evalloop.contracts import Clusterer, Embedder, Label, Labeler
from evalloop.masking import mask_text
from evalloop.records.cluster import OTHER, RED_TEAM, Cluster, WeekShare
from evalloop.records.failure import Failure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Rows = NDArray[np.int64]

UNSORTED = "unsorted"
NAMING = "eval"
LEFT_OVER = {"failure": OTHER, RED_TEAM: RED_TEAM}

__all__ = ["ThemeOptions", "build", "week_of"]


@dataclass(frozen=True)
class ThemeOptions:
    """How a week is clustered.

    ``since`` is the first week of the batch where it holds several. ``min_cluster``: fewest failures of a new cluster;
    ``exemplars``: texts kept for identity; ``quotes``: texts shown; ``names``: names that people gave, by cluster id;
    ``merged``: cluster ids that people joined to others.
    """

    week: str
    min_cluster: int = 5
    exemplars: int = 30
    quotes: int = 3
    alpha: float = 0.05
    seed: int = 0
    since: str = ""
    names: Mapping[str, str] | None = None
    merged: Mapping[str, str] | None = None


@dataclass(frozen=True)
class _Batch:
    """The failures of one material in canonical order, and where each went."""

    failures: Sequence[Failure]
    texts: Sequence[str]
    found: Following
    rows: Mapping[str, Rows]

    def members(self, cluster_id: str) -> Rows:
        """The rows of a cluster."""
        import numpy as np

        return self.rows.get(cluster_id, np.zeros(0, np.int64))


def build(
    failures: Sequence[Failure], known: Sequence[Cluster], embedder: Embedder, clusterer: Clusterer, labeler: Labeler,
    options: ThemeOptions, *, plain_labeler: Labeler | None = None,
) -> list[Cluster]:
    """The clusters of the week by falling share, "other" last; shares are of all failures with weight.

    A cluster of ``known`` keeps its id, its name and its status; one without failures this week comes back with size
    0, so that what is returned can be handed in as ``known`` next week. Failures of weight 0 are left out. Red-team
    material is grouped apart and named by ``plain_labeler`` (default: key phrases), never by a model.
    """
    from evalloop.clusters.label import PhraseLabeler

    counted = sorted((each for each in failures if each.weight > 0), key=lambda each: (each.text, each.failure_id))
    attacks = [is_red_team(each) for each in counted]
    merged = options.merged or {}
    before = [_joined(each, merged) for each in known]
    whole: list[Cluster] = []
    for material, chosen in (("failure", labeler), (RED_TEAM, plain_labeler or PhraseLabeler())):
        own = [each for each, attack in zip(counted, attacks, strict=True) if attack == (material == RED_TEAM)]
        theirs = [each for each in before if each.material == material]
        if own or theirs:
            whole += _grouped(own, theirs, embedder, clusterer, chosen, options, material)
    measured = _measured(whole, counted, options)
    trends = with_trends(measured, options.week, alpha=options.alpha, first=not known)
    return sorted(trends, key=lambda each: (each.cluster_id in LEFT_OVER.values(), -each.share, -each.size,
                                            each.cluster_id))


def _grouped(failures: Sequence[Failure], known: Sequence[Cluster], embedder: Embedder, clusterer: Clusterer,
             labeler: Labeler, options: ThemeOptions, material: str) -> list[Cluster]:
    """The clusters of one material with members, names, quotes and parts, not measured yet."""
    import numpy as np

    texts = [each.text for each in failures]
    other = LEFT_OVER[material]
    found = follow(texts, known, embedder, clusterer, seed=options.seed, min_size=options.min_cluster, other=other)
    names = np.array(found.ids, dtype=str)
    batch = _Batch(failures, texts, found, {str(each): np.flatnonzero(names == each) for each in np.unique(names)})
    finder = Finder(clusterer, found.exemplars, options.min_cluster, options.seed)
    labels = _labels(batch, labeler)
    old = {each.cluster_id: each for each in known}
    together = _neighbors(found.together)
    return [
        replace(_described(each, old.get(each) or _newborn(each, labels.get(each), material, found), batch, options,
                           finder, other),
                overlaps=together.get(each, ()))
        for each in sorted({*batch.rows, *old})
    ]


def _joined(cluster: Cluster, merged: Mapping[str, str]) -> Cluster:
    """The cluster under the id to which people joined it; its exemplars then draw texts there."""
    return replace(cluster, cluster_id=merged.get(cluster.cluster_id, cluster.cluster_id))


def _neighbors(together: frozenset[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, set[str]] = {}
    for one, two in together:
        found.setdefault(one, set()).add(two)
        found.setdefault(two, set()).add(one)
    return {each: tuple(sorted(others)) for each, others in found.items()}


def _labels(batch: _Batch, labeler: Labeler) -> Mapping[str, Label]:
    """Names for the clusters born now; the other texts stand behind as background, so no old name is paid twice.

    A name goes into files and notes: it is made of texts whose users allow the purpose eval, where there are any (where
    there are none, no case can come of the cluster either). Of one user's texts one stands for all.
    """
    import numpy as np

    born = sorted(batch.found.born)
    if not born:
        return {}
    number = {each: place for place, each in enumerate(born)}
    groups = np.array([number.get(each, -1) for each in batch.found.ids], np.int64)
    allowed = np.array([NAMING in each.consent_purposes for each in batch.failures])
    quotable = np.isin(groups, groups[allowed])
    groups[quotable & ~allowed] = -1
    masked = [mask_text(text)[0] for text in batch.texts]
    named = labeler.label(masked, _one_each(groups, batch.failures), batch.found.vectors)
    return {born[place]: label for place, label in named.items()}


def _one_each(groups: Rows, failures: Sequence[Failure]) -> Rows:
    """The groups with one text of each known user; the others become background. A group of one user stays whole."""
    users: dict[int, set[str]] = {}
    kept = groups.copy()
    for row, (group, failure) in enumerate(zip(groups.tolist(), failures, strict=True)):
        seen = users.setdefault(group, set())
        if group >= 0 and failure.user_key and failure.user_key in seen:
            kept[row] = -1
        seen.add(failure.user_key or "")
    return kept


def _newborn(cluster_id: str, label: Label | None, material: str, found: Following) -> Cluster:
    if label is None:
        kind = UNSORTED if cluster_id not in LEFT_OVER.values() else cluster_id
        return Cluster(cluster_id, cluster_id, kind=kind, material=material)
    kind = RED_TEAM if material == RED_TEAM else label.category or UNSORTED
    return Cluster(cluster_id, label.label, tuple(label.keywords), tuple(label.quotes), kind=kind, material=material,
                   came_from=found.came_from.get(cluster_id))


def _described(cluster_id: str, old: Cluster, batch: _Batch, options: ThemeOptions, finder: Finder,
               other: str) -> Cluster:
    """The cluster with this batch's members and words: name of old or of a person, quotes and exemplars refreshed."""
    from evalloop.clusters import central

    rows = batch.members(cluster_id)
    members = tuple(batch.failures[int(row)].failure_id for row in rows)
    named = replace(old, label=(options.names or {}).get(cluster_id, old.label), week=options.week,
                    since=options.since or options.week, size=len(members), member_ids=members)
    if not len(rows):
        return replace(named, subthemes=tuple(replace(each, size=0, share=0.0) for each in old.subthemes))
    texts, vectors = batch.texts, batch.found.vectors
    quotes = [showable(mask_text(prose(each))[0], 200) for each in central.quotes(texts, vectors, rows, options.quotes)]
    if cluster_id == other:
        return replace(named, quotes=tuple(quotes))
    fresh = central.exemplars(texts, vectors, rows, options.exemplars)
    return replace(named, quotes=tuple(quotes), exemplars=_carried(old.exemplars, fresh, options.exemplars),
                   subthemes=finder.parts(old.subthemes, [texts[int(row)] for row in rows], vectors[rows]))


def _carried(old: Sequence[str], fresh: Sequence[str], count: int) -> tuple[str, ...]:
    """Half the exemplars of before, spread over them, and this week's: a cluster may drift, but does not jump."""
    news = [each for each in fresh if each not in old]
    room = max(count - len(news), count // 2)
    step = max(1, -(-len(old) // room)) if room else 1
    kept = list(old) if len(old) <= room else list(old)[::step][:room]
    space = count - len(kept)
    stride = max(1, -(-len(news) // space)) if space else 1
    return tuple(kept + (news if len(news) <= space else news[::stride][:space]))


def _measured(clusters: Sequence[Cluster], failures: Sequence[Failure], options: ThemeOptions) -> list[Cluster]:
    """The clusters with the shares of the batch and of each of its weeks, severity, impact and times."""
    import numpy as np

    sample = Sample.of(failures)
    place = {each.failure_id: row for row, each in enumerate(failures)}
    weeks = _weeks(options)
    rows_of = {week: np.flatnonzero(sample.weeks == week) if len(weeks) > 1 else np.arange(len(failures))
               for week in weeks}
    whole = []
    for cluster in clusters:
        inside = np.zeros(len(failures), bool)
        inside[[place[each] for each in cluster.member_ids]] = True
        shares = [sample.share(week, rows, inside, options.alpha) for week, rows in rows_of.items()]
        total = shares[0] if len(weeks) == 1 else sample.share("", np.arange(len(failures)), inside, options.alpha)
        times = [failures[int(row)].occurred_at for row in np.flatnonzero(inside)]
        whole.append(replace(_with_shares(cluster, times, shares, total), severity=sample.severity(inside),
                             impact=sample.impact(inside, options.alpha)))
    return whole


def _weeks(options: ThemeOptions) -> list[str]:
    """The weeks of the batch, the last ``KEPT_WEEKS`` of them at most."""
    weeks = [options.week]
    while options.since and options.since < weeks[0] and len(weeks) < KEPT_WEEKS:
        weeks.insert(0, week_after(weeks[0], -1))
    return weeks


def _with_shares(cluster: Cluster, times: Sequence[str], shares: Sequence[WeekShare], total: WeekShare) -> Cluster:
    spoken = [each for each in times if each]
    first = [each for each in (cluster.first_seen, min(spoken, default="")) if each]
    last = [each for each in (cluster.last_seen, max(spoken, default="")) if each]
    earlier = [each for each in cluster.weeks if each.week < shares[0].week]
    return replace(
        cluster, share=total.share, share_low=total.low, share_high=total.high, n_effective=total.n_effective,
        users=total.users, weeks=(*earlier, *shares)[-KEPT_WEEKS:], first_seen=min(first, default=""),
        last_seen=max(last, default=""))

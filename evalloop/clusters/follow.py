"""Identity over time: texts go to the themes that are known, and new themes are found among the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import TYPE_CHECKING

from evalloop.clusters.text import comparable
from evalloop.contracts import Clusterer, Embedder
from evalloop.records.cluster import OTHER, Cluster

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    Labels = NDArray[np.int64]
    Names = NDArray[np.object_]
    Divide = Callable[[Vectors], Labels]

FEW = 0.2
"""A group with less than this part of the exemplars that a group of its size holds on average is born."""

MOST = 0.5
"""A group with this part of a known cluster's exemplars continues it in any case: big clusters keep few exemplars for
their size, and so do those whose texts repeat each other."""

NEAREST = 3
"""A text goes to the cluster whose nearest exemplars, so many of them, are closest on average."""

LOOKED_AT = 20_000
"""Different texts in which births close to known clusters are looked for; of more they are read evenly."""

STAND = 30
"""Texts that stand for a newborn when the texts around it are given out."""

ROUNDS = 4
"""Times that texts may join newborns through those that joined before: a birth is found by its densest texts."""

BLOCK = 4096


@dataclass(frozen=True)
class Following:
    """Where every text went.

    ``ids`` is the cluster id of every text, ``born`` the ids that were not known before, ``vectors`` those of the
    texts. ``came_from`` names for a newborn the known cluster whose exemplars it holds most of (a split), ``together``
    the pairs of known clusters of which one group holds the greater part (they may be one and the same). ``exemplars``
    are the vectors of the exemplars by text.
    """

    ids: tuple[str, ...]
    born: frozenset[str]
    vectors: Vectors
    came_from: Mapping[str, str] = field(default_factory=dict)
    together: frozenset[tuple[str, str]] = frozenset()
    exemplars: Mapping[str, Vectors] = field(default_factory=dict)


def follow(
    texts: Sequence[str], known: Sequence[Cluster], embedder: Embedder, clusterer: Clusterer, *,
    seed: int = 0, min_size: int = 1, other: str = OTHER,
) -> Following:
    """Gives texts to known clusters and finds new ones.

    The texts are grouped together with the exemplars of every known cluster. A group with hardly any exemplars is born,
    and so (with the vectors of a model) is what ``births`` finds close to known clusters; every other text goes to the
    known or newborn cluster whose exemplars are nearest, whatever group it fell into, so that the grouping of one week
    cannot tear a cluster apart. A birth under ``min_size`` texts is ``other``, as are texts far from every group.
    """
    import numpy as np

    carried = [(each.cluster_id, text) for each in known if each.cluster_id != other for text in _exemplars(each)]
    vectors = embedder.embed([*texts, *(text for _, text in carried)])
    owners = np.array([owner for owner, _ in carried], dtype=object)
    groups = clusterer.cluster(vectors, seed=seed)
    fitted = getattr(embedder, "fitted", False)  # vectors that a few texts taught are too rough to look closely
    found = place(texts, vectors, owners, groups, min_size=min_size, other=other,
                  divide=None if fitted else lambda rows: clusterer.cluster(rows, seed=seed), seed=seed)
    return replace(found, exemplars={text: vectors[len(texts) + row] for row, (_, text) in enumerate(carried)})


def _exemplars(cluster: Cluster) -> list[str]:
    """The exemplars of a cluster and of its parts, each once."""
    return list(dict.fromkeys([*cluster.exemplars, *(text for part in cluster.subthemes for text in part.exemplars)]))


def place(texts: Sequence[str], vectors: Vectors, owners: Names, groups: Labels, *, min_size: int = 1,
          other: str = OTHER, divide: Divide | None = None, seed: int = 0) -> Following:
    """What ``follow`` says, from vectors (first of the texts, then of the exemplars of ``owners``) and their groups.

    ``divide`` groups rows once more; without it births close to known clusters are not looked for.
    """
    import numpy as np

    count = len(texts)
    ids = np.full(count, other, dtype=object)
    came_from: dict[str, str] = {}
    together: set[tuple[str, str]] = set()
    stays = np.zeros(count, bool)
    born: dict[str, Labels] = {}

    def bear(rows: Labels, held: Labels) -> None:
        ids[rows] = new_id = birth_id([texts[int(row)] for row in rows])
        born[new_id] = rows
        if len(held):
            came_from[new_id] = _commonest(owners[held])

    if divide and len(owners):
        for rows, held in _close(texts, vectors, owners, np.flatnonzero(groups[:count] >= 0), divide, seed):
            if len(rows) >= min_size:
                bear(rows, held)
    fresh = ids == other
    for rows, held in _members(groups, count):
        if _continued(owners, held, FEW * len(owners) * len(rows) / max(count, 1)):
            together |= _pairs(owners, held)
        elif fresh[rows].all():
            if len(rows) >= min_size:
                bear(rows, held)
            continue
        stays[rows] = fresh[rows]
    _give_out(ids, np.flatnonzero(stays), texts, vectors, owners, born, rounds=ROUNDS if divide else 1)
    return Following(tuple(ids), frozenset(born), vectors[:count], came_from, frozenset(together))


def _give_out(ids: Names, rows: Labels, texts: Sequence[str], vectors: Vectors, owners: Names,
              born: dict[str, Labels], *, rounds: int) -> None:
    """Writes into ``ids`` the nearest cluster of each of ``rows``, again while some of them join a newborn."""
    import numpy as np

    for _ in range(rounds):
        if not len(rows):
            return
        standing, names = _standing(texts, vectors, owners, born)
        ids[rows] = nearest_owner(vectors[rows], standing, names)
        rows = rows[~np.isin(ids[rows].astype(str), list(born))]
        for new_id in born:
            born[new_id] = np.flatnonzero(ids == new_id)


def _close(texts: Sequence[str], vectors: Vectors, owners: Names, inside: Labels, divide: Divide, seed: int
           ) -> Iterator[tuple[Labels, Labels]]:
    """Births among the texts at ``inside``, and the exemplars in each. Like texts count as one, since exemplars all
    differ."""
    import numpy as np

    from evalloop.clusters.births import births

    like: dict[str, list[int]] = {}
    for row in inside.tolist():
        like.setdefault(comparable(texts[row]), []).append(row)
    every = list(like.values())
    copies = [every[place] for place in _evenly(len(every), LOOKED_AT)]
    read = np.array([rows[0] for rows in copies], np.int64)
    both = np.concatenate([vectors[read], vectors[len(texts) :]])
    names = np.concatenate([nearest_owner(vectors[read], vectors[len(texts) :], owners), owners])
    for birth in births(both, names, len(read), divide, seed=seed):
        yield np.sort(np.concatenate([copies[int(row)] for row in birth.texts])), birth.exemplars


def _standing(texts: Sequence[str], vectors: Vectors, owners: Names, born: Mapping[str, Labels]
              ) -> tuple[Vectors, Names]:
    """The vectors that stand for clusters, known and newborn, and whose they are."""
    import numpy as np

    from evalloop.clusters import central

    rows, names = [vectors[len(texts) :]], [owners]
    for new_id, inside in born.items():
        order = np.array(central.by_centrality(texts, vectors, inside), np.int64)
        chosen = order[_evenly(len(order), STAND)]
        rows.append(vectors[chosen])
        names.append(np.full(len(chosen), new_id, dtype=object))
    return np.concatenate(rows), np.concatenate(names)


def nearest_owner(rows: Vectors, exemplars: Vectors, owners: Names) -> Names:
    """For each row the owner whose nearest exemplars are closest on average."""
    import numpy as np

    order = np.argsort(owners.astype(str), kind="stable")
    names, starts = np.unique(owners[order].astype(str), return_index=True)
    ends = [*starts[1:], len(owners)]
    ordered = exemplars[order].T
    chosen = np.empty(len(rows), np.int64)
    for first in range(0, len(rows), BLOCK):
        cosines = rows[first : first + BLOCK] @ ordered
        means = [_top_mean(cosines[:, start:end]) for start, end in zip(starts, ends, strict=True)]
        chosen[first : first + BLOCK] = np.stack(means, axis=1).argmax(axis=1)
    return np.asarray(names.astype(object)[chosen])


def birth_id(exemplars: Sequence[str]) -> str:
    """The stable id of a cluster that is born with these texts, whatever their order: ``c-`` and 10 hex digits."""
    content = "\n".join(sorted({comparable(text) for text in exemplars}))
    return "c-" + blake2b(content.encode("utf-8", "replace"), digest_size=5).hexdigest()


def _members(groups: Labels, count: int) -> list[tuple[Labels, Labels]]:
    """For each group but "other": its texts, and its exemplars (counted from the first exemplar)."""
    import numpy as np

    order = np.argsort(groups, kind="stable")
    numbers, starts = np.unique(groups[order], return_index=True)
    parts = [np.sort(part) for part in np.split(order, starts[1:])]
    return [(part[part < count], part[part >= count] - count)
            for number, part in zip(numbers, parts, strict=True) if number >= 0]


def _continued(owners: Names, held: Labels, fewest: float) -> bool:
    """True when the group does not hold too few exemplars, or holds the greater part of a known cluster's."""
    return len(held) > 0 and (len(held) >= fewest or bool(_held(owners, held, MOST)))


def _held(owners: Names, held: Labels, part: float) -> list[str]:
    """The known clusters of whose exemplars the group holds at least ``part``, sorted."""
    import numpy as np

    names, counts = np.unique(owners[held].astype(str), return_counts=True)
    return [str(name) for name, count in zip(names, counts, strict=True) if count >= part * (owners == name).sum()]


def _pairs(owners: Names, held: Labels) -> set[tuple[str, str]]:
    names = _held(owners, held, MOST)
    return {(one, two) for place, one in enumerate(names) for two in names[place + 1 :]}


def _evenly(count: int, most: int) -> list[int]:
    """At most so many places in a row of ``count``, from the first to the last."""
    import numpy as np

    return [int(place) for place in np.linspace(0, count - 1, min(most, count))]


def _commonest(owners: Names) -> str:
    import numpy as np

    names, counts = np.unique(owners.astype(str), return_counts=True)
    return str(names[int(counts.argmax())])


def _top_mean(cosines: Vectors) -> Vectors:
    import numpy as np

    count = min(NEAREST, cosines.shape[1])
    top: Vectors = np.partition(cosines, cosines.shape[1] - count, axis=1)[:, -count:].mean(axis=1)
    return top

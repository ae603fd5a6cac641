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

HOLD = 0.1
"""The part of a known cluster's exemplars that a group must hold to count as its continuation."""

LIFT = 0.35
"""A group with less than this part of the exemplars that a group of its size holds on average is born."""

MOST = 0.5
"""A group with this part of a known cluster's exemplars continues it in any case: big clusters keep few exemplars for
their size, and so do those whose texts repeat each other."""

NEAREST = 3
"""A text goes to the cluster whose nearest exemplars, so many of them, are closest on average."""

RARE = 0.01
"""So unlikely it must be that a part of a continued group holds so few exemplars by chance, to be a birth: a new matter
that is close to a known one falls into the same group at first."""

FEWEST_HIDDEN = 8
"""Fewest different texts of such a part."""

LOOKED_AT = 2_000
"""Texts of a group that are read for such parts; a larger group is read evenly."""

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
    and so (with the vectors of a model) is a part of a group that holds fewer of the group's exemplars than chance
    would give it; every other text goes to the known cluster whose exemplars are nearest, whatever group it fell into,
    so that the grouping of one week cannot tear a cluster apart. A birth under ``min_size`` texts is ``other``, as are
    texts far from every group.
    """
    import numpy as np

    carried = [(each.cluster_id, text) for each in known if each.cluster_id != other for text in _exemplars(each)]
    vectors = embedder.embed([*texts, *(text for _, text in carried)])
    owners = np.array([owner for owner, _ in carried], dtype=object)
    groups = clusterer.cluster(vectors, seed=seed)
    fitted = getattr(embedder, "fitted", False)  # vectors that a few texts taught are too rough for parts of groups
    found = place(texts, vectors, owners, groups, min_size=min_size, other=other,
                  divide=None if fitted else lambda rows: clusterer.cluster(rows, seed=seed))
    return replace(found, exemplars={text: vectors[len(texts) + row] for row, (_, text) in enumerate(carried)})


def _exemplars(cluster: Cluster) -> list[str]:
    """The exemplars of a cluster and of its parts, each once."""
    return list(dict.fromkeys([*cluster.exemplars, *(text for part in cluster.subthemes for text in part.exemplars)]))


def place(texts: Sequence[str], vectors: Vectors, owners: Names, groups: Labels, *, min_size: int = 1,
          other: str = OTHER, divide: Divide | None = None) -> Following:
    """What ``follow`` says, from vectors (first of the texts, then of the exemplars of ``owners``) and their groups.

    ``divide`` groups the rows of one group once more; without it births inside a continued group are not looked for.
    """
    import numpy as np

    count = len(texts)
    ids = np.full(count, other, dtype=object)
    came_from: dict[str, str] = {}
    together: set[tuple[str, str]] = set()
    born: set[str] = set()
    stays = np.zeros(count, bool)

    def bear(rows: Labels, held: Labels) -> None:
        ids[rows] = new_id = birth_id([texts[int(row)] for row in rows])
        stays[rows] = False
        born.add(new_id)
        if len(held):
            came_from[new_id] = _commonest(owners[held])

    for rows, held in _members(groups, count):
        if _continued(owners, held, LIFT * len(owners) * len(rows) / max(count, 1)):
            stays[rows] = True
            together |= _pairs(owners, held)
            for part, inside in _hidden(texts, vectors, rows, held, divide) if divide else ():
                bear(part, inside)
        elif len(rows) >= min_size:
            bear(rows, held)
    kept = np.flatnonzero(stays)
    if len(kept):
        ids[kept] = nearest_owner(vectors[kept], vectors[count:], owners)
    return Following(tuple(ids), frozenset(born), vectors[:count], came_from, frozenset(together))


def _hidden(texts: Sequence[str], vectors: Vectors, rows: Labels, held: Labels, divide: Divide
            ) -> Iterator[tuple[Labels, Labels]]:
    """The parts of a group (texts, exemplars) with too few of its exemplars for chance. Like texts count as one, since
    exemplars all differ."""
    import numpy as np

    from evalloop import stats

    place = {comparable(texts[int(row)]): number for number, row in enumerate(rows)}
    different = np.array(sorted(place.values()), np.int64)
    if len(different) < 2 * FEWEST_HIDDEN:
        return
    parts = _parts(vectors, rows, different, held + len(texts), divide)
    rate = len(held) / (len(different) + len(held))
    for number in range(int(parts.max(initial=-1)) + 1):
        inside = held[parts[len(rows):] == number]
        size = int((parts[different] == number).sum())
        few = len(inside) < rate * (size + len(inside))
        if size >= FEWEST_HIDDEN and few and stats.binomial_p(len(inside), size + len(inside), rate) < 2 * RARE:
            yield rows[parts[: len(rows)] == number], inside


def _parts(vectors: Vectors, rows: Labels, different: Labels, exemplars: Labels, divide: Divide) -> Labels:
    """The part of each of ``rows``, then of each exemplar; -1 for all where the group is of one piece."""
    import numpy as np

    from evalloop.clusters import graph

    read = different[np.unique(np.linspace(0, len(different) - 1, min(LOOKED_AT, len(different))).astype(int))]
    every, some = np.concatenate([rows, exemplars]), np.concatenate([rows[read], exemplars])
    found = divide(vectors[some])
    if found.max(initial=-1) < 1:
        return np.full(len(every), -1, np.int64)
    centers = graph.centroids(vectors[some][found >= 0], found[found >= 0])
    parts: Labels = graph.assign(vectors[every], centers)[0]
    parts[np.concatenate([read, np.arange(len(rows), len(every))])] = found
    return parts


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


def _continued(owners: Names, held: Labels, expected: float) -> bool:
    """True when the group holds a good part of a known cluster's exemplars, or the greater part if it holds few."""
    part = MOST if len(held) < expected else HOLD
    return bool(_held(owners, held, part))


def _held(owners: Names, held: Labels, part: float) -> list[str]:
    """The known clusters of whose exemplars the group holds at least ``part``, sorted."""
    import numpy as np

    names, counts = np.unique(owners[held].astype(str), return_counts=True)
    return [str(name) for name, count in zip(names, counts, strict=True) if count >= part * (owners == name).sum()]


def _pairs(owners: Names, held: Labels) -> set[tuple[str, str]]:
    names = _held(owners, held, MOST)
    return {(one, two) for place, one in enumerate(names) for two in names[place + 1 :]}


def _commonest(owners: Names) -> str:
    import numpy as np

    names, counts = np.unique(owners.astype(str), return_counts=True)
    return str(names[int(counts.argmax())])


def _top_mean(cosines: Vectors) -> Vectors:
    import numpy as np

    count = min(NEAREST, cosines.shape[1])
    top: Vectors = np.partition(cosines, cosines.shape[1] - count, axis=1)[:, -count:].mean(axis=1)
    return top

"""The default clusterer: Leiden communities of the nearest-neighbour graph, the number of clusters found by itself."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evalloop.clusters.graph import Graph

    Vectors = NDArray[np.float32]
    Labels = NDArray[np.int64]

NEIGHBORS = 15
RESOLUTIONS = (1.0, 2.0, 3.0, 4.0)
TRIES = 2
TIE = 0.015
SAMPLE = 20_000
FAR = 0.5
THIN = 8
OTHER = -1


class LeidenClusterer:
    """Exact cosine neighbours -> Leiden at a few resolutions -> the finest of good silhouette -> consensus of starts.

    Rows are brought into a canonical order by their content first, equal rows count as one with a weight, so the result
    does not depend on the order of the input. Zero rows and rows far from every cluster are ``-1`` ("other").
    """

    name = "leiden"
    version = "3"

    def __init__(
        self, *, min_size: int = 5, neighbors: int = NEIGHBORS, resolutions: Sequence[float] = RESOLUTIONS,
        sample: int = SAMPLE,
    ) -> None:
        self.min_size = min_size
        self.neighbors = neighbors
        self.resolutions = tuple(resolutions)
        self.sample = sample

    def cluster(self, vectors: Vectors, *, seed: int = 0) -> Labels:
        """Group numbers of rows of unit length (n x d): 0 is the largest group, -1 is "other"."""
        import numpy as np

        labels = np.full(len(vectors), OTHER, np.int64)
        filled = np.flatnonzero(np.any(vectors, axis=1)) if len(vectors) else np.zeros(0, np.int64)
        if len(filled) < 2:
            return labels
        rows = np.ascontiguousarray(vectors if len(filled) == len(vectors) else vectors[filled], dtype=np.float32)
        _, first, back, counts = np.unique(_keys(rows), return_index=True, return_inverse=True, return_counts=True)
        labels[filled] = canonical(self._distinct(rows[first], counts, seed), counts)[back]
        return labels

    def _distinct(self, rows: Vectors, counts: Labels, seed: int) -> Labels:
        """Groups of distinct rows in canonical order, of which row i stands for ``counts[i]`` equal ones."""
        import numpy as np

        from evalloop.clusters import graph

        if len(rows) <= self.sample:
            chosen = np.arange(len(rows))
        else:
            chosen = np.sort(np.random.default_rng(seed).choice(len(rows), self.sample, replace=False))
        part, weights = rows[chosen], counts[chosen]
        min_size = self._min_size(int(weights.sum()))
        groups = self._partition(part, weights, min_size, seed)
        if groups.max() < 0:
            return np.full(len(rows), OTHER, np.int64)
        centers = graph.centroids(part[groups >= 0], groups[groups >= 0])
        nearest, cosines = graph.assign(rows, centers)
        nearest[chosen], own = groups, cosines.copy()
        own[chosen] = (part * centers[groups]).sum(axis=1)
        far = np.minimum(own, cosines) < _fence(own[chosen])
        return self._with_repeated(rows, counts, np.where(far, OTHER, nearest), seed)

    def _with_repeated(self, rows: Vectors, counts: Labels, labels: Labels, seed: int) -> Labels:
        """Rows that came many times are no outliers, however few they are beside thousands that came once: those that
        were left over are grouped among themselves."""
        import numpy as np

        again = np.flatnonzero((labels == OTHER) & (counts >= self.min_size))
        if len(again):
            groups = self._partition(rows[again], counts[again], self.min_size, seed)
            labels[again] = np.where(groups == OTHER, OTHER, groups + labels.max() + 1)
        return labels

    def _partition(self, rows: Vectors, counts: Labels, min_size: int, seed: int) -> Labels:
        import numpy as np

        from evalloop.clusters import graph

        if len(rows) < 3:
            return graph.dissolve(rows, np.arange(len(rows)), counts, min_size)
        net = graph.neighbor_graph(rows, min(self.neighbors, max(2, len(rows) // THIN), len(rows) - 1))
        resolution, known = self._resolution(rows, net, seed)
        return graph.dissolve(rows, graph.consensus(net, resolution, seed, known), counts, min_size)

    def _resolution(self, rows: Vectors, net: Graph, seed: int) -> tuple[float, list[Labels]]:
        """The finest resolution whose silhouette is as good as the best but for ``TIE``, and its partitions."""
        import numpy as np

        from evalloop.clusters import graph

        starts = [seed * graph.STARTS + start for start in range(TRIES)]
        runs = graph.partitions(net, [(resolution, each) for resolution in self.resolutions for each in starts])
        tries = [runs[first : first + TRIES] for first in range(0, len(runs), TRIES)]
        scores = [float(np.mean([graph.silhouette(rows, each) for each in found])) for found in tries]
        best = finest_of_the_best(self.resolutions, scores)
        return best, tries[self.resolutions.index(best)]

    def _min_size(self, total: int) -> int:
        """Fewest members of a group: below 100 texts a twentieth of them, at least 2."""
        return self.min_size if total >= 20 * self.min_size else max(2, min(self.min_size, total // 20))


def finest_of_the_best(resolutions: Sequence[float], scores: Sequence[float]) -> float:
    """The highest resolution whose score is below the best by no more than ``TIE``: scores that differ by little more
    than those of two starts do must not decide, or the seed would."""
    enough = max(scores) - TIE
    return max(each for each, score in zip(resolutions, scores, strict=True) if score >= enough)


def canonical(groups: Labels, counts: Labels) -> Labels:
    """The same groups numbered by falling size (sum of ``counts``), ties by first appearance; -1 stays."""
    import numpy as np

    kept = groups >= 0
    if not kept.any():
        return groups
    present, first, back = np.unique(groups[kept], return_index=True, return_inverse=True)
    number = np.empty(len(present), np.int64)
    number[np.lexsort((first, -np.bincount(back, weights=counts[kept])))] = np.arange(len(present))
    result = np.full(len(groups), OTHER, np.int64)
    result[kept] = number[back]
    return result


def _keys(rows: Vectors) -> NDArray[np.uint64]:
    """A 64-bit hash of every row's content."""
    import numpy as np

    return np.frombuffer(b"".join(blake2b(row.tobytes(), digest_size=8).digest() for row in rows), np.uint64)


def _fence(cosines: NDArray[np.float64]) -> float:
    """The cosine to the own center below which a row is far from everything: Tukey's fence, at most ``FAR``."""
    import numpy as np

    low, high = np.quantile(cosines, (0.25, 0.75))
    return min(FAR, float(low - 1.5 * (high - low)))

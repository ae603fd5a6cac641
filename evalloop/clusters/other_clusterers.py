"""Other clusterers, by scikit-learn: HDBSCAN, which leaves much out, and k-means, which leaves nothing out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalloop.clusters.group import OTHER, canonical

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    Labels = NDArray[np.int64]

SAMPLE = 20_000
TRIED = (0.5, 1.0, 2.0, 4.0)
"""k-means tries so many times the square root of half the number of rows, and keeps the best silhouette."""


class HdbscanClusterer:
    """HDBSCAN (Campello, Moulavi and Sander 2013) on the leading ``dimensions`` of the vectors; noise is "other".

    Above ``sample`` rows a seeded sample is clustered and the rest go to the nearest center that is near enough.
    """

    name = "hdbscan"
    version = "1"

    def __init__(self, *, min_size: int = 5, dimensions: int = 15, sample: int = SAMPLE) -> None:
        self.min_size, self.dimensions, self.sample = min_size, dimensions, sample

    def cluster(self, vectors: Vectors, *, seed: int = 0) -> Labels:
        """Group numbers of rows of unit length (n x d): 0 is the largest group, -1 is "other"."""
        return _sampled(vectors, self.sample, seed, lambda rows: self._groups(rows, seed))

    def _groups(self, rows: Vectors, seed: int) -> Labels:
        import numpy as np
        from sklearn.cluster import HDBSCAN
        from sklearn.decomposition import PCA

        if len(rows) <= self.min_size:
            return np.full(len(rows), OTHER, np.int64)
        width = min(self.dimensions, *rows.shape)
        reduced = PCA(width, random_state=seed, svd_solver="randomized").fit_transform(rows)
        found = HDBSCAN(min_cluster_size=self.min_size, min_samples=min(3, self.min_size), copy=True)
        return np.asarray(found.fit_predict(reduced), np.int64)


class KMeansClusterer:
    """k-means; ``k`` is the number of groups, or 0 to choose it by silhouette among a few."""

    name = "kmeans"
    version = "1"

    def __init__(self, *, k: int = 0, sample: int = SAMPLE) -> None:
        self.k, self.sample = k, sample

    def cluster(self, vectors: Vectors, *, seed: int = 0) -> Labels:
        """Group numbers of rows of unit length (n x d): 0 is the largest group, -1 a row of zeros."""
        return _sampled(vectors, self.sample, seed, lambda rows: self._groups(rows, seed))

    def _groups(self, rows: Vectors, seed: int) -> Labels:
        import numpy as np
        from sklearn.cluster import KMeans

        from evalloop.clusters import graph

        typical = (len(rows) / 2) ** 0.5
        tried = {self.k} if self.k else {round(typical * each) for each in TRIED}
        tried = {min(max(each, 2), len(rows)) for each in tried} if len(rows) > 2 else {1}
        found = [np.asarray(KMeans(each, random_state=seed, n_init=3).fit_predict(rows), np.int64)
                 for each in sorted(tried)]
        return max(found, key=lambda groups: graph.silhouette(rows, groups))


def _sampled(vectors: Vectors, sample: int, seed: int, groups_of: Callable[[Vectors], Labels]) -> Labels:
    """Groups of a sample of the rows that are not zero, extended to all of them."""
    import numpy as np

    from evalloop.clusters import graph

    labels = np.full(len(vectors), OTHER, np.int64)
    filled = np.flatnonzero(np.any(vectors, axis=1)) if len(vectors) else np.zeros(0, np.int64)
    if not len(filled):
        return labels
    chosen = filled
    if len(filled) > sample:
        chosen = np.sort(np.random.default_rng(seed).choice(filled, sample, replace=False))
    groups = groups_of(np.ascontiguousarray(vectors[chosen], np.float32))
    if len(chosen) < len(filled) and (groups >= 0).any():
        centers = graph.centroids(vectors[chosen][groups >= 0], groups[groups >= 0])
        nearest, cosines = graph.assign(vectors[filled], centers)
        own = graph.assign(vectors[chosen][groups >= 0], centers)[1]
        labels[filled] = np.where(cosines < np.quantile(own, 0.05), OTHER, nearest)
    labels[chosen] = groups
    return canonical(labels, np.ones(len(labels), np.int64))

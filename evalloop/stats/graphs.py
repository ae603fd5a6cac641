"""Connected groups."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np


def connected(edges: Iterable[tuple[int, int]], count: int) -> list[int]:
    """The number of the connected group of each of ``count`` nodes (0, 1, ... by first node)."""
    from scipy.sparse import coo_matrix
    from scipy.sparse.csgraph import connected_components

    pairs = np.array(list(edges), dtype=np.int64).reshape(-1, 2)
    graph = coo_matrix((np.ones(len(pairs)), (pairs[:, 0], pairs[:, 1])), shape=(count, count))
    labels: list[int] = connected_components(graph, directed=False)[1].tolist() if count else []
    return labels

"""New matters close to known clusters: places where texts lie without the exemplars that are due there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]
    Labels = NDArray[np.int64]
    Reals = NDArray[np.float64]
    Names = NDArray[np.object_]
    Divide = Callable[[Vectors], Labels]

NEIGHBORS = 8
"""Nearest rows that make the neighbourhood of a row, with the neighbours of those."""

SPARSE = 0.6
"""A text is a candidate when its neighbourhood has less than this part of the exemplars that are due to it."""

HALF = 0.5
"""An exemplar lies among the texts of a birth when this part of its nearest rows does."""

FEWEST = 8
"""Fewest texts of a birth."""

SHUFFLES = 20
CHANCE = 0.05
"""The part of the births of a week that may be chance."""


@dataclass(frozen=True)
class Birth:
    """The texts of a birth, and the exemplars that lie among them: row numbers, both from 0."""

    texts: Labels
    exemplars: Labels


def births(vectors: Vectors, owners: Names, count: int, divide: Divide, *, seed: int = 0) -> list[Birth]:
    """Births among ``count`` different texts; the rows after them are exemplars. The surest birth comes first.

    ``owners`` names for each row the known cluster that it belongs to, for a text the one that would take it in.
    A two-sample test by nearest neighbours (Schilling 1986), made local: a text whose
    neighbourhood lacks exemplars, against the part that its clusters' rows have this week, is a candidate, so that a
    cluster that only grew has none. Candidates next to each other form a place; a place counts by the exemplars that it
    lacks, and is new when so much is rare among places that shuffling texts and exemplars of each cluster gives (at
    most ``CHANCE`` of the places are false, as with the clusters of Chumbley and Friston 2009). ``divide`` then tells
    the matters in it apart.
    """
    import numpy as np

    from evalloop.clusters import graph

    if count < FEWEST or len(vectors) <= count:
        return []
    near = graph.nearest(vectors, min(NEIGHBORS, len(vectors) - 1))[0]
    exemplar = np.arange(len(vectors)) >= count
    look = _Look(np.unique(owners.astype(str), return_inverse=True)[1], near)
    draw = np.random.default_rng(seed)
    null = [lack for _ in range(SHUFFLES) for _, lack in look.sparse(_shuffled(exemplar, look.codes, draw))]
    chance = np.array(null)
    found = sorted(look.sparse(exemplar), key=lambda each: -each[1])
    rates = [(1 + int((chance >= lack).sum())) / (SHUFFLES + 1) / rank for rank, (_, lack) in enumerate(found, 1)]
    sure = max((rank for rank, rate in enumerate(rates, 1) if rate <= CHANCE), default=0)
    matters = [rows[inside] for rows, _ in found[:sure] for inside in _matters(divide(vectors[rows]))]
    return [Birth(rows, np.flatnonzero(np.isin(near[count:], rows).mean(axis=1) >= HALF)) for rows in matters]


def _matters(groups: Labels) -> list[Labels]:
    """The places of each large group of a division; all of them where there is none."""
    import numpy as np

    large = [np.flatnonzero(groups == number) for number in range(int(groups.max(initial=-1)) + 1)]
    return [each for each in large if len(each) >= FEWEST] or [np.arange(len(groups))]


@dataclass(frozen=True)
class _Look:
    """The rows with the number of their clusters and their neighbours."""

    codes: Labels
    near: Labels

    def sparse(self, exemplar: NDArray[np.bool_]) -> list[tuple[Labels, float]]:
        """Places of texts without their exemplars, and what each lacks in units of chance (the root of what is due: so
        clusters with few exemplars for their size compare with others), were ``exemplar`` right."""
        import numpy as np

        part = np.bincount(self.codes, weights=exemplar) / np.bincount(self.codes)
        there, due = self._around(exemplar.astype(float)), self._around(part[self.codes])
        wide = there + self._around(there), due + self._around(due)
        rows = np.flatnonzero((wide[0] < SPARSE * wide[1]) & ~exemplar)
        names = _joined(rows, self.near)
        members = [rows[names == name] for name in np.unique(names)]
        return [(each, float((due - there)[each].sum() / max(due[each].sum(), 1e-9) ** 0.5))
                for each in members if len(each) >= FEWEST]

    def _around(self, values: Reals) -> Reals:
        """The sum of the values of each row's neighbours."""
        total: Reals = values[self.near].sum(axis=1)
        return total


def _joined(rows: Labels, near: Labels) -> Labels:
    """For each of ``rows`` the first row that it is joined with through neighbours among them."""
    import numpy as np

    first = np.full(len(near), len(near), np.int64)
    first[rows] = rows
    one, other = np.repeat(rows, near.shape[1]), near[rows].ravel()
    one, other = one[first[other] < len(near)], other[first[other] < len(near)]
    while True:
        before = first.copy()
        np.minimum.at(first, one, before[other])
        np.minimum.at(first, other, before[one])
        first[rows] = first[first[rows]]
        if np.array_equal(first, before):
            return first[rows]


def _shuffled(exemplar: NDArray[np.bool_], codes: Labels, draw: np.random.Generator) -> NDArray[np.bool_]:
    """Which rows would be exemplars, had chance chosen them within each cluster."""
    import numpy as np

    made = np.empty_like(exemplar)
    made[np.argsort(codes, kind="stable")] = exemplar[np.lexsort((draw.random(len(codes)), codes))]
    return made

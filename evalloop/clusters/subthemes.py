"""The second level: what the parts of a large cluster are about, with ids that last as those of clusters do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evalloop.clusters.follow import place
from evalloop.clusters.text import prose, showable
from evalloop.contracts import Clusterer, Label
from evalloop.masking import mask_text
from evalloop.records.cluster import OTHER, Subtheme

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]

WORTH = 8
"""A cluster is looked into when it holds at least so many times the fewest failures of a cluster."""

CARRIED = 8
"""Exemplars of a part."""

MOST = 5_000
"""Texts of a cluster that are read for its parts; a larger cluster is sampled evenly."""

APART = 0.15
"""Least mean silhouette of a first division: below it the cluster is of one piece."""


@dataclass(frozen=True)
class Finder:
    """Finds the parts of clusters; ``exemplars`` are the vectors of known parts' exemplars, by text."""

    clusterer: Clusterer
    exemplars: Mapping[str, Vectors]
    min_size: int
    seed: int = 0

    def parts(self, known: Sequence[Subtheme], texts: Sequence[str], vectors: Vectors) -> tuple[Subtheme, ...]:
        """The parts of a cluster with these texts, the largest first; none where it is small or of one piece."""
        import numpy as np

        if len(texts) < WORTH * self.min_size:
            return tuple(replace(each, size=0, share=0.0) for each in known)
        rows = np.unique(np.linspace(0, len(texts) - 1, min(MOST, len(texts))).astype(int))
        texts, vectors = [mask_text(texts[int(row)])[0] for row in rows], vectors[rows]
        ids = self._ids(known, texts, vectors)
        names = sorted({*(each.subtheme_id for each in known), *ids} - {OTHER})
        if len(names) < 2:
            return ()
        groups = np.array([names.index(each) if each in names else -1 for each in ids], np.int64)
        old = {each.subtheme_id: each for each in known}
        labels = _labels(names, old, texts, groups, vectors)
        whole = [_part(name, old.get(name), labels.get(row), texts, vectors, np.flatnonzero(groups == row))
                 for row, name in enumerate(names)]
        return tuple(sorted(whole, key=lambda each: (-each.size, each.subtheme_id)))

    def _ids(self, known: Sequence[Subtheme], texts: Sequence[str], vectors: Vectors) -> tuple[str, ...]:
        import numpy as np

        from evalloop.clusters import graph

        carried = [(each.subtheme_id, self.exemplars[text]) for each in known for text in each.exemplars
                   if text in self.exemplars]
        owners = np.array([owner for owner, _ in carried], dtype=object)
        both = np.vstack([vectors, *(row[None] for _, row in carried)])
        groups = self.clusterer.cluster(both, seed=self.seed)
        inside = groups >= 0
        if not carried and (groups.max() < 1 or graph.silhouette(both[inside], groups[inside]) < APART):
            return (OTHER,) * len(texts)
        return place(texts, both, owners, groups, min_size=self.min_size).ids


def _labels(names: Sequence[str], old: Mapping[str, Subtheme], texts: Sequence[str], groups: NDArray[np.int64],
            vectors: Vectors) -> Mapping[int, Label]:
    """Names by key phrases for the parts that are new, against all others."""
    import numpy as np

    from evalloop.clusters.label import PhraseLabeler

    fresh = [row for row, name in enumerate(names) if name not in old]
    return PhraseLabeler().label(texts, np.where(np.isin(groups, fresh), groups, -1), vectors) if fresh else {}


def _part(name: str, old: Subtheme | None, label: Label | None, texts: Sequence[str], vectors: Vectors,
          rows: NDArray[np.int64]) -> Subtheme:
    from evalloop.clusters import central

    made = old or Subtheme(name, label.label if label else name, tuple(label.keywords) if label else ())
    if not len(rows):
        return replace(made, size=0, share=0.0)
    quotes = tuple(showable(prose(each), 200) for each in central.quotes(texts, vectors, rows, 2))
    fresh = central.exemplars(texts, vectors, rows, CARRIED)
    kept = [*made.exemplars[::2], *(each for each in fresh if each not in made.exemplars)][:CARRIED]
    return replace(made, quotes=quotes, size=len(rows), share=len(rows) / len(texts), exemplars=tuple(kept))

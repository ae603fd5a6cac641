"""The production-weighted headline: what the change does to the feedback that users give, not to the mean case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from evalloop import stats
from evalloop.records.report import Headline

if TYPE_CHECKING:
    from evalloop.report.pairs import Pairs

FEWEST = 2
"""Pairs that a cluster must have to count."""


def headline(clusters: Sequence[Pairs], shares: Mapping[str, float], source: str,
             alpha: float) -> Headline | None:
    """Cluster deltas weighted by ``shares`` (by cluster, on any scale); None when no cluster with pairs has one.

    A case that is in several clusters counts in each of them, and its unit (or itself) is what varies independently.
    """
    import numpy as np

    pairs = [each for each in clusters if shares.get(str(each.cluster), 0) > 0 and each.complete.sum() >= FEWEST]
    if not pairs:
        return None
    weight = np.array([shares[str(each.cluster)] for each in pairs])
    kept = [(each.base[each.complete], each.cand[each.complete]) for each in pairs]
    units = [(each.cases if each.units is None else each.units)[each.complete] for each in pairs]
    result = stats.weighted_over_clusters([new - old for old, new in kept], weight, units, alpha=alpha)
    levels = [float(weight @ [side.mean() for side in sides] / weight.sum()) for sides in zip(*kept, strict=True)]
    lower = None
    if result.se:
        lower = stats.weighted_over_clusters([new - old for old, new in kept], weight, units, alpha=2 * alpha)
    return Headline(result.delta, result.se, result.interval and (result.interval.low, result.interval.high),
                    lower.interval.low if lower and lower.interval else None, result.p, levels[0], levels[1],
                    len(pairs), float(weight.sum() / sum(each for each in shares.values() if each > 0)), source)

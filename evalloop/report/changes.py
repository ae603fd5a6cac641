"""What changed beside the score: length, cost and latency of the answers, and the delta at equal length."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalloop import stats
from evalloop.records.report import Change, Estimate

if TYPE_CHECKING:
    from evalloop.report.columns import Codes, Floats
    from evalloop.report.pairs import Pairs
    from evalloop.stats import MeanEstimate

FEWEST_FOR_LENGTH = 20
"""Cases from which a delta at equal length is worked out."""


def changes_of(pairs: Pairs, alpha: float) -> dict[str, Any]:
    """The fields ``length``, ``cost``, ``latency`` and ``at_equal_length`` of a Delta, where they are known."""
    found: dict[str, Any] = {}
    for name, (base, cand) in pairs.measures.items():
        change = _change(base, cand, pairs.units, alpha)
        if change is not None:
            found[name] = change
    if "length" in found:
        found["at_equal_length"] = _at_equal_length(pairs, alpha)
    return found


def _change(base: Floats, cand: Floats, units: Codes | None, alpha: float) -> Change | None:
    """None when no case knows it under both variants, and when nobody measured it (a recording says 0 everywhere)."""
    import numpy as np

    keep = np.isfinite(base) & np.isfinite(cand)
    old, new = base[keep], cand[keep]
    if not keep.any() or not (old.any() or new.any()):
        return None
    kept = None if units is None else units[keep]
    interval = _mean_interval(new - old, kept, alpha)
    low, high = _mean_interval(new, kept, alpha) or (None, None)
    return Change(int(keep.sum()), float(old.mean()), float(new.mean()), float((new - old).mean()), interval, low, high)


def _mean_interval(values: Floats, units: Codes | None, alpha: float) -> tuple[float, float] | None:
    """t interval of a mean, over units where cases share one; None where it is refused."""
    import numpy as np

    if values.size < 2:
        return None
    if units is None:
        return _limits(stats.paired_t(values), alpha)
    if len(np.unique(units)) < stats.MIN_UNITS:
        return None
    return _limits(stats.cluster_robust(values, units), alpha)


def _limits(estimate: MeanEstimate, alpha: float) -> tuple[float, float]:
    low, high = stats.t_interval(estimate, alpha)
    return low, high


def _at_equal_length(pairs: Pairs, alpha: float) -> Estimate | None:
    import numpy as np

    old, new = pairs.measures["length"]
    keep = pairs.complete & np.isfinite(old) & np.isfinite(new)
    if keep.sum() < FEWEST_FOR_LENGTH:
        return None
    result = stats.length_adjusted_delta(pairs.cand[keep] - pairs.base[keep], new[keep] - old[keep], alpha)
    if result.interval is None:
        return None
    interval = result.interval.low, result.interval.high
    return Estimate(result.delta, result.se, interval, result.p, int(keep.sum()), result.method)

"""Planning: which effects a set of cases can show, which clusters can never decide, how many cases it would take."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING

from evalloop import stats
from evalloop.printable import many
from evalloop.records.power import PowerPlan, PowerRow
from evalloop.report.pairs import Pairs, pair
from evalloop.report.policy import Policy

if TYPE_CHECKING:
    from evalloop.report.columns import Columns

EFFECTS = (0.02, 0.05, 0.1, 0.2)
DISCORDANCE = 0.2
REPEATS = (1, 2, 4, 8)
PSEUDO_CASES = 4
"""Cases that change as often as the whole lent to each cluster, so that a quiet one is not taken for a certain one."""


@dataclass(frozen=True)
class _Sample:
    """How many cases there are and how they vary: ``changing`` share, ``variance`` of one case's difference; ``rate``
    says that scores lie in [0, 1], ``binary`` that they are its ends."""

    cluster: str | None
    n: int
    changing: float
    variance: float
    binary: bool
    rate: bool = True


def plan_from_counts(counts: Mapping[str, int], policy: Policy, *, total: int | None = None,
                     discordance: float = DISCORDANCE, effects: Sequence[float] = EFFECTS) -> PowerPlan:
    """The plan for so many cases by cluster that are passed or failed, of which ``discordance`` would change."""
    whole = sum(counts.values()) if total is None else total
    samples = [_Sample(cluster, n, discordance, discordance, True)
               for cluster, n in [(None, whole), *sorted(counts.items())]]
    basis = f"assumed: {discordance * 100:g} % of the cases change between two variants, passed or failed"
    return _plan(samples, policy, effects, basis, {})


def plan_from_pairs(columns: Columns, baseline: Hashable, candidate: Hashable, policy: Policy, *,
                    effects: Sequence[float] = EFFECTS) -> PowerPlan:
    """The plan for cases that vary as those of two variants did. Raises UsageError for an unknown variant."""
    paired = pair(columns, baseline, candidate)
    whole = _sample(paired.overall)
    samples = [whole, *(_smoothed(_sample(each), whole) for each in paired.clusters)]
    basis = (f"cases vary as between {baseline} and {candidate}; each cluster as if {PSEUDO_CASES} more cases varied "
             "as the whole does")
    return _plan(samples, policy, effects, basis, _by_repeats(paired.overall, whole, policy.alpha))


def _sample(pairs: Pairs) -> _Sample:
    import numpy as np

    keep = pairs.complete
    base, cand = pairs.base[keep], pairs.cand[keep]
    diff = cand - base
    n, both = int(keep.sum()), np.concatenate([base, cand])
    return _Sample(pairs.cluster, n, float((np.abs(diff) > 1e-12).mean()) if n else 0.0,
                   float(diff.var(ddof=1)) if n > 1 else 0.0, bool(np.isin(both, (0.0, 1.0)).all()),
                   bool(((both >= 0) & (both <= 1)).all()))


def _smoothed(sample: _Sample, whole: _Sample) -> _Sample:
    def mixed(own: float, all_: float) -> float:
        return (own * sample.n + all_ * PSEUDO_CASES) / (sample.n + PSEUDO_CASES)

    return _Sample(sample.cluster, sample.n, mixed(sample.changing, whole.changing),
                   mixed(sample.variance, whole.variance), sample.binary and whole.binary, whole.rate)


def _plan(samples: Sequence[_Sample], policy: Policy, effects: Sequence[float], basis: str,
          repeats: Mapping[str, float]) -> PowerPlan:
    sharing = sum(sample.cluster not in (None, policy.target) for sample in samples)
    rows = tuple(_row(sample, policy.alpha / (1 if sample.cluster in (None, policy.target) else sharing), policy,
                      effects) for sample in samples)
    return PowerPlan(rows, tuple(effects), policy.alpha, policy.margin, basis, repeats)


def _row(sample: _Sample, level: float, policy: Policy, effects: Sequence[float]) -> PowerRow:
    needed = {f"{effect:g}": _needed(sample, effect, level) for effect in effects}
    mde80 = stats.mde80(sqrt(sample.variance / sample.n), level) if sample.n and sample.variance > 0 else None
    beyond = mde80 is not None and not _possible(sample, mde80)
    return PowerRow(sample.cluster, sample.n, level, sample.changing, None if beyond else mde80, needed,
                    _no_worse(sample, policy), _never(sample, level, beyond=beyond))


def _possible(sample: _Sample, delta: float) -> bool:
    """No rate changes by more than 1."""
    return not sample.rate or delta <= 1


def _needed(sample: _Sample, effect: float, level: float) -> int:
    """Pairs for a true delta; an effect of e on passed or failed cases makes at least that share of them change."""
    if not sample.binary:
        return stats.required_n(sample.variance, effect, alpha=level)
    return stats.required_n_superiority(min(max(sample.changing, effect), 1.0), effect, alpha=level)


def _no_worse(sample: _Sample, policy: Policy) -> int | None:
    if not 0 < policy.margin < 1:
        return None
    if sample.binary:
        return stats.required_n_noninferiority(min(sample.changing, 1.0), policy.margin, alpha=policy.alpha)
    return stats.required_n(sample.variance, policy.margin, alpha=2 * policy.alpha) if sample.variance > 0 else None


def _never(sample: _Sample, level: float, *, beyond: bool) -> str | None:
    """Why no outcome, or hardly any, can reach the level. ``beyond``: no delta is large enough for it."""
    least = stats.min_discordant(level, exact=not sample.binary)
    if sample.n < least:
        there = f"there {'is' if sample.n == 1 else 'are'} {many(sample.n, 'case')}"
        return f"can never decide: {least} changed cases are needed, {there}"
    expected = sample.n * sample.changing
    if expected < least:
        return f"will hardly ever decide: {least} changed cases are needed, about {expected:.1f} of {sample.n} change"
    return f"will hardly ever decide: {sample.n} cases that vary so find no delta with 80 % power" if beyond else None


def _by_repeats(pairs: Pairs, whole: _Sample, alpha: float) -> dict[str, float]:
    """The smallest detectable effect with so many repeats of each case, where repeats tell what chance does."""
    import numpy as np

    if pairs.spread is None or pairs.units is not None or whole.n < 2:
        return {}
    known = pairs.complete & np.isfinite(pairs.spread[0])
    if not known.any():
        return {}
    left, once = (float(part[known].mean()) for part in pairs.spread)
    between = max(whole.variance - left, 0.0)
    found = {str(repeats): stats.mde80(sqrt((between + once / repeats) / whole.n), alpha) for repeats in REPEATS}
    return {repeats: delta for repeats, delta in found.items() if _possible(whole, delta)}

"""Choosing among many variants: quality as in production, cost and latency, corrected for having looked at many."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalloop import stats
from evalloop.errors import EmptyError
from evalloop.records.selection import Choice, Selection
from evalloop.report.pairs import Pairs, pair
from evalloop.report.policy import Policy

if TYPE_CHECKING:
    from evalloop.report.columns import Columns, Floats, Mask

FEWEST = 2


@dataclass(frozen=True)
class _Table:
    """Scores (cases, variants) of the cases that all variants have, their weights and units, and the measures."""

    variants: list[str]
    scores: Floats
    weights: Floats
    units: Floats | None
    measures: Mapping[str, list[Floats]]
    dropped: int
    weighting: str


def select(columns: Columns, variants: Sequence[Hashable], policy: Policy, *,
           shares: Mapping[str, float] | None = None, source: str = "", notes: Sequence[str] = (),
           seed: int = 0) -> Selection:
    """All ``variants`` side by side and the one to take.

    ``shares`` are those of the clusters in production, where the policy gives none. Raises UsageError for an unknown
    variant, EmptyError when fewer than two cases have a score under all of them.
    """
    table = _table(columns, variants, policy.weights or shares or {}, "the policy" if policy.weights else source)
    result = stats.winners(table.scores, weights=table.weights, units=_listed(table.units), seed=seed)
    best = max(range(len(table.variants)), key=lambda each: (result.corrected[each], result.means[each]))
    versus = [None if each == best else _versus(table, each, best, policy.alpha) for each in range(len(table.variants))]
    p_values = iter(stats.holm([row[0] for row in versus if row is not None]))
    costs = {name: [_mean(column, policy.alpha) for column in columns_] for name, columns_ in table.measures.items()}
    points = [(result.corrected[each], *(-(costs[name][each] or (0.0,))[0] for name in costs))
              for each in range(len(table.variants))]
    quantile = stats.t_quantile(1 - policy.alpha / 2, result.df)
    choices = []
    for each, name in enumerate(table.variants):
        row = versus[each]
        cost, latency = (costs[part][each] if part in costs else None for part in ("cost", "latency"))
        choices.append(Choice(
            name, result.means[each], _around(result.means[each], quantile * result.ses[each]),
            result.corrected[each], _around(result.corrected[each], quantile * result.corrected_ses[each]),
            result.p_best[each], None if row is None else next(p_values),
            row is None or (row[1] is not None and row[1] > -policy.margin),
            not any(_dominates(other, points[each]) for other in points),
            cost[0] if cost else None, cost[1] if cost else None,
            latency[0] if latency else None, latency[1] if latency else None))
    choices.sort(key=lambda choice: (-choice.corrected, -choice.quality, choice.variant))
    chosen, reason = _choose(choices, policy.margin)
    return Selection(tuple(choices), chosen, reason, len(table.scores), table.dropped, table.weighting, policy.alpha,
                     policy.margin, tuple(notes))


def _table(columns: Columns, variants: Sequence[Hashable], shares: Mapping[str, float], source: str) -> _Table:
    import numpy as np

    sides = [pair(columns, variants[0], variant) for variant in variants]
    count = len(sides[0].cases)
    scores = np.column_stack([_spread(side.overall, side.overall.cand, count) for side in sides])
    keep: Mask = np.asarray(np.isfinite(scores).all(axis=1))
    if keep.sum() < FEWEST:
        raise EmptyError("fewer than two cases have a score under all variants", fix="run all variants on one evalset")
    weights, weighting = _weights(sides[0].clusters, keep, shares, source)
    units = None
    if sides[0].overall.units is not None:
        units = _spread(sides[0].overall, sides[0].overall.units.astype(float), count)[keep]
        if np.unique(units).size < stats.MIN_UNITS:
            units = None
    measures = {name: [_spread(side.overall, side.overall.measures[name][1], count)[keep] for side in sides]
                for name in ("cost", "latency") if name in sides[0].overall.measures}
    known = {name: parts for name, parts in measures.items()
             if all(np.isfinite(part).any() for part in parts) and any(np.nansum(part) for part in parts)}
    return _Table([str(each) for each in variants], scores[keep], weights[keep], units, known,
                  int((~keep).sum()), weighting)


def _spread(pairs: Pairs, values: Floats, count: int) -> Floats:
    """One entry for each case of the whole table, NaN where these pairs do not have it."""
    import numpy as np

    whole = np.full(count, np.nan)
    whole[pairs.cases] = values
    return whole


def _weights(clusters: Sequence[Pairs], keep: Mask, shares: Mapping[str, float], source: str) -> tuple[Floats, str]:
    """A case's weight: the sum over its clusters of share / cases; all alike where no cluster has a share."""
    import numpy as np

    weights = np.zeros(keep.size)
    used = 0
    for each in clusters:
        mine = each.cases[keep[each.cases]]
        if mine.size and shares.get(str(each.cluster), 0) > 0:
            weights[mine] += shares[str(each.cluster)] / mine.size
            used += 1
    if not used:
        return np.ones(keep.size), "all cases alike: no shares of the clusters in production are known"
    return weights, f"{used} clusters by their share in production, from {source}"


def _versus(table: _Table, each: int, best: int, alpha: float) -> tuple[float, float | None]:
    """Two-sided p and one-sided lower limit of a variant's weighted difference to the best one."""
    diff = table.scores[:, each] - table.scores[:, best]
    kept = table.weights > 0
    scaled = diff[kept] * table.weights[kept] / table.weights[kept].mean()
    units = _listed(None if table.units is None else table.units[kept])
    if scaled.size < FEWEST:
        return 1.0, None
    plain = bool((table.weights[kept] == table.weights[kept][0]).all())
    if plain:
        result = stats.paired(table.scores[kept][:, best], table.scores[kept][:, each], units=units, alpha=alpha)
        return 1.0 if result.p is None else result.p, result.lower
    estimate = stats.paired_t(scaled) if units is None else stats.cluster_robust(scaled, units)
    p = stats.t_p(estimate)
    lower = stats.t_interval(estimate, 2 * alpha).low if estimate.se > 0 else None
    return 1.0 if p is None else p, lower


def _mean(values: Floats, alpha: float) -> tuple[float, tuple[float, float] | None] | None:
    import numpy as np

    known = values[np.isfinite(values)]
    if not known.size:
        return None
    if known.size < FEWEST:
        return float(known.mean()), None
    low, high = stats.t_interval(stats.paired_t(known), alpha)
    return float(known.mean()), (low, high)


def _listed(units: Floats | None) -> list[float] | None:
    return None if units is None else units.tolist()


def _around(value: float, half: float) -> tuple[float, float] | None:
    return (value - half, value + half) if half > 0 else None


def _dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    return all(a >= b for a, b in zip(one, other, strict=True)) and tuple(one) != tuple(other)


def _choose(choices: Sequence[Choice], margin: float) -> tuple[str, str]:
    """The cheapest good enough; without costs the fastest; without either the best."""
    good = [choice for choice in choices if choice.enough]
    for name in ("cost", "latency"):
        if all(getattr(choice, name) is not None for choice in choices):
            first = min(good, key=lambda choice: (getattr(choice, name), -choice.corrected))
            least = "cheapest" if name == "cost" else "fastest"
            best = choices[0].variant
            more = "the best itself" if first.variant == best else f"shown no worse than {best} by {margin:g}"
            return first.variant, f"the {least} of {len(good)} that are good enough: {more}"
    return choices[0].variant, "the best corrected quality; no variant tells cost or latency"

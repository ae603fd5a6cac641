"""Compares two variants on the same cases: per cluster and overall, always paired.

The unit is the case (the mean of its repeats). The target declared beforehand is tested at full alpha, the other
clusters share Holm's adjustment; a case without a score under one variant is dropped, counted and shown.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import ceil, isfinite
from typing import TYPE_CHECKING, Any

from evalloop import stats
from evalloop.records.report import Comparison, Delta, Flip, Score
from evalloop.report.columns import Columns
from evalloop.report.gate import decide
from evalloop.report.pairs import Paired, Pairs, pair
from evalloop.report.policy import Policy

if TYPE_CHECKING:
    from evalloop.stats import PairedResult

IMPROVED, REGRESSED, NO_WORSE, UNDECIDED = "improved", "regressed", "no worse than the margin", "not enough evidence"
MOST_FLIPS = 5_000


def compare(scores: Iterable[Score] | Columns, baseline: Hashable, candidate: Hashable, *,
            policy: Policy | Mapping[str, Any] | None = None, alpha: float | None = None, margin: float | None = None,
            notes: Sequence[str] = (), confirmation: Comparison | None = None, seed: int = 0,
            correct: Callable[[Delta], Delta] | None = None) -> Comparison:
    """``candidate`` minus ``baseline``, with the gate's verdict under ``policy``.

    ``alpha`` and ``margin`` stand over the policy's own. ``confirmation`` is the same comparison on fresh runs with
    doubled repeats: it confirms or lifts the alarm of a protected cluster. ``correct`` puts a delta right before it is
    judged (``judged.Correction``). Raises UsageError for an unknown variant
    and RecordError for a value that is no number.
    """
    rules = policy if isinstance(policy, Policy) else Policy.of(policy)
    rules = replace(rules, alpha=rules.alpha if alpha is None else alpha,
                    margin=rules.margin if margin is None else margin)
    columns = scores if isinstance(scores, Columns) else Columns.of(scores)
    paired = pair(columns, baseline, candidate)
    correct = correct or _unchanged
    overall = correct(_delta(paired.overall, rules, seed))
    clusters = _adjusted([correct(_delta(pairs, rules, seed)) for pairs in paired.clusters], rules)
    comparison = Comparison(
        baseline=str(baseline), candidate=str(candidate), overall=_judge(overall, overall.p, rules),
        clusters=clusters, flips=_flips(paired), errors=paired.missing,
        notes=(*notes, *_flip_note(overall)), alpha=rules.alpha, margin=rules.margin,
        bounds=_bounds(paired.overall, rules, seed), must_pass=_must_pass(columns, candidate, rules.must_pass),
        shrunken=_shrunken(clusters))
    return replace(comparison, gate=decide(comparison, rules, confirmation=confirmation))


def _unchanged(delta: Delta) -> Delta:
    return delta


def _delta(pairs: Pairs, rules: Policy, seed: int) -> Delta:
    """The figures of one cluster, before the other clusters are looked at."""
    keep = pairs.complete
    base, cand = pairs.base[keep], pairs.cand[keep]
    units = None if pairs.units is None else pairs.units[keep]
    result = stats.paired(base, cand, units=units, alpha=rules.alpha, seed=seed)
    n = result.n
    return Delta(
        cluster=pairs.cluster, n=n, dropped=pairs.dropped,
        base=float(base.mean()) if n else None, cand=float(cand.mean()) if n else None,
        delta=result.delta if n else None,
        interval=(result.interval.low, result.interval.high) if result.interval else None,
        p=result.p, p_exact=result.p_exact, p_holm=None, q=None, wins=result.wins, losses=result.losses,
        ties=result.ties, mde80=result.mde80, method=result.method, verdict=UNDECIDED, se=result.se,
        lower=result.lower, note=_note(result, rules), p_t=result.p_t, p_signflip=result.p_signflip,
        units=result.units)


def _note(result: PairedResult, rules: Policy) -> str | None:
    if result.n == 0:
        return "no paired cases"
    if result.can_reach_5pct:
        return None
    level = f"{rules.alpha * 100:g} %"
    return f"can never reach {level}: only {result.changed} of {result.units or result.n} changed"


def _adjusted(deltas: list[Delta], rules: Policy) -> tuple[Delta, ...]:
    """Holm over the clusters that are not the target, BH q over all, then the verdicts."""
    tested = {str(delta.cluster): delta.p for delta in deltas if delta.p is not None}
    holm = stats.holm_with_target(tested, rules.target)
    q_values = dict(zip(tested, stats.benjamini_hochberg(list(tested.values())), strict=True))
    return tuple(_judge(replace(delta, p_holm=holm.get(str(delta.cluster)), q=q_values.get(str(delta.cluster))),
                        holm.get(str(delta.cluster)), rules) for delta in deltas)


def _judge(delta: Delta, p: float | None, rules: Policy) -> Delta:
    """The verdict of one row from its p-value (adjusted, for a cluster) and its one-sided limit."""
    if p is not None and p < rules.alpha and delta.delta:
        return replace(delta, verdict=IMPROVED if delta.delta > 0 else REGRESSED)
    if delta.lower is not None and delta.lower > -rules.margin:
        return replace(delta, verdict=NO_WORSE)
    return replace(delta, verdict=UNDECIDED, needed=cases_needed(delta, rules))


def cases_needed(delta: Delta, rules: Policy) -> int | None:
    """How many pairs a decision would take at 80 % power, if cases go on changing as these did.

    "No worse than the margin" for a candidate that truly equals the baseline or, when the observed delta lies inside
    the margin and the cases are already that many, for one that is truly that much worse; "regressed" when the observed
    delta lies beyond the margin. None when these cases do not tell how much cases vary.
    """
    if delta.se is None or delta.delta is None or delta.n < 2:
        return None
    variance = delta.se**2 * delta.n
    psi = min((delta.wins + delta.losses) / delta.n, 1.0)
    if delta.delta <= -rules.margin:
        return stats.required_n(variance, delta.delta, alpha=rules.alpha) if variance > 0 else None
    if delta.p_exact is not None and 0 < rules.margin < 1:
        needed = stats.required_n_noninferiority(psi, rules.margin, alpha=rules.alpha)
    elif variance > 0 and rules.margin > 0:
        needed = stats.required_n(variance, rules.margin, alpha=2 * rules.alpha)
    else:
        return None
    if needed <= delta.n and delta.delta < 0 and variance > 0:
        needed = stats.required_n(variance, rules.margin + delta.delta, alpha=2 * rules.alpha)
    return ceil(needed) if needed > delta.n else None


def _flips(paired: Paired) -> tuple[Flip, ...]:
    """The cases whose score changed, worst first; the middle is left out beyond ``MOST_FLIPS``."""
    import numpy as np

    pairs = paired.overall
    change = np.where(pairs.complete, pairs.cand - pairs.base, 0.0)
    change[np.abs(change) < 1e-12] = 0.0
    changed = np.flatnonzero(change)
    if changed.size > MOST_FLIPS:
        half = MOST_FLIPS // 2
        changed = changed[np.argsort(change[changed], kind="stable")][np.r_[:half, -half:0]]
    flips = (_flip(paired, row, float(change[row])) for row in changed.tolist())
    return tuple(sorted(flips, key=lambda flip: (flip.change, flip.case)))


def _flip(paired: Paired, row: int, change: float) -> Flip:
    pairs = paired.overall
    case = int(pairs.cases[row])
    return Flip(str(paired.cases[case]), paired.home(case), float(pairs.base[row]), float(pairs.cand[row]), change)


def _flip_note(overall: Delta) -> tuple[str, ...]:
    changed = overall.wins + overall.losses
    return (f"{changed} cases changed; the {MOST_FLIPS} largest changes are listed",) if changed > MOST_FLIPS else ()


def _bounds(pairs: Pairs, rules: Policy, seed: int) -> dict[str, float]:
    """The overall delta if every missing score had spoken against the candidate, or for it."""
    import numpy as np

    if not pairs.dropped or not pairs.complete.any():
        return {}
    seen = np.concatenate([pairs.base[np.isfinite(pairs.base)], pairs.cand[np.isfinite(pairs.cand)]])
    low, high = min(0.0, float(seen.min())), max(1.0, float(seen.max()))
    bounds: dict[str, float] = {}
    for name, base, cand in (("worst", high, low), ("best", low, high)):
        result = stats.paired(np.where(np.isnan(pairs.base), base, pairs.base),
                              np.where(np.isnan(pairs.cand), cand, pairs.cand),
                              units=pairs.units, alpha=rules.alpha, seed=seed)
        bounds[name] = result.delta
        if result.lower is not None:
            bounds[f"{name}_lower"] = result.lower
    return bounds


def _must_pass(columns: Columns, candidate: Hashable, wanted: Sequence[str]) -> dict[str, dict[str, int]]:
    """Failed and counted runs of each must-pass case; a case without a run counts 0 of 0."""
    counts = {case: {"failed": 0, "runs": 0} for case in wanted}
    if not counts:
        return counts
    overall = columns.overall_rows().tolist()
    for row, case in enumerate(columns.case):
        count = counts.get(str(case))
        if count is None or not overall[row] or columns.variant[row] != candidate:
            continue
        value = columns.value[row]
        if value is None or not isfinite(value):
            continue
        passed = columns.passed[row] if columns.passed is not None else None
        count["runs"] += 1
        count["failed"] += not (value >= 0.5 if passed is None else passed)
    return counts


def _shrunken(deltas: Sequence[Delta]) -> dict[str, dict[str, float]]:
    """Empirical-Bayes deltas of the clusters, for wording and ranking only; empty where they cannot be had."""
    usable = [delta for delta in deltas if delta.se is not None and delta.delta is not None]
    if len(usable) < 2 or not any(delta.se for delta in usable):
        return {}
    result = stats.empirical_bayes([delta.delta or 0.0 for delta in usable], [delta.se or 0.0 for delta in usable],
                                   [delta.n for delta in usable])
    return {str(delta.cluster): {"delta": shrunken, "se": se}
            for delta, shrunken, se in zip(usable, result.deltas, result.ses, strict=True)}

"""Compares two variants on the same cases: per cluster and overall, always paired.

The unit is the case (the mean of its repeats). The target declared beforehand is tested at full alpha, the other
clusters share Holm's adjustment; a case without a score under one variant is dropped, counted and shown.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import replace
from math import isfinite
from typing import TYPE_CHECKING, Any

from evalloop import stats
from evalloop.records.report import Comparison, Delta, Flip, Score
from evalloop.report.changes import changes_of
from evalloop.report.columns import Columns
from evalloop.report.gate import decide
from evalloop.report.headline import headline
from evalloop.report.needed import cases_needed, repeats_needed
from evalloop.report.pairs import Paired, Pairs, pair
from evalloop.report.policy import Policy

if TYPE_CHECKING:
    from evalloop.stats import PairedResult

IMPROVED, REGRESSED, NO_WORSE, UNDECIDED = "improved", "regressed", "no worse than the margin", "not enough evidence"
MOST_FLIPS = 5_000
Correct = Callable[[str, Delta], Delta]
"""(candidate, delta) -> the delta as it should be."""


def compare(scores: Iterable[Score] | Columns, baseline: Hashable, candidate: Hashable, *,
            policy: Policy | Mapping[str, Any] | None = None, alpha: float | None = None, margin: float | None = None,
            notes: Sequence[str] = (), confirmation: Comparison | None = None, seed: int = 0,
            shares: Mapping[str, float] | None = None, shares_source: str = "") -> Comparison:
    """``candidate`` minus ``baseline``, with the gate's verdict under ``policy``.

    ``alpha`` and ``margin`` stand over the policy's own. ``confirmation`` is the same comparison on fresh runs with
    doubled repeats: it confirms or lifts the alarm of a protected cluster. ``shares`` are those of the clusters in
    production, where the policy gives none. Raises UsageError for an unknown variant and RecordError for a value that
    is no number.
    """
    rules = policy if isinstance(policy, Policy) else Policy.of(policy)
    rules = replace(rules, alpha=rules.alpha if alpha is None else alpha,
                    margin=rules.margin if margin is None else margin)
    return compare_all(scores, baseline, [candidate], policy=rules, notes=notes, confirmation=confirmation, seed=seed,
                       shares=shares, shares_source=shares_source)[0]


def compare_all(scores: Iterable[Score] | Columns, baseline: Hashable, candidates: Sequence[Hashable], *,
                policy: Policy, notes: Sequence[str] = (), confirmation: Comparison | None = None, seed: int = 0,
                shares: Mapping[str, float] | None = None, shares_source: str = "",
                correct: Correct | None = None, right: Sequence[Score] = ()) -> tuple[Comparison, ...]:
    """Each candidate minus the one baseline. The adjustments for many looks run over the clusters of all candidates.

    ``correct`` puts the deltas of a candidate right before they are judged (``judged.Correction``).
    ``right`` are the scores without what measures approval (``approval.Approval``), compared beside the others.
    With several candidates the overall verdicts, and those on the target, share Holm's adjustment too.
    """
    columns = scores if isinstance(scores, Columns) else Columns.of(scores)
    sides = [pair(columns, baseline, candidate) for candidate in candidates]
    weights = (policy.weights, "the policy") if policy.weights else (shares or {}, shares_source)
    put_right = correct or (lambda candidate, delta: delta)
    both = list(zip(map(str, candidates), sides, strict=True))
    wholes = _adjusted([[put_right(name, _delta(side.overall, policy, seed))] for name, side in both], policy)
    parts = _adjusted([[put_right(name, _delta(pairs, policy, seed, weights[0])) for pairs in side.clusters]
                       for name, side in both], policy)
    found = []
    for candidate, side, (whole,), clusters in zip(candidates, sides, wholes, parts, strict=True):
        overall = _finished(whole if len(sides) > 1 else replace(whole, p_holm=None, q=None), side.overall, policy)
        done = tuple(_finished(delta, pairs, policy) for delta, pairs in zip(clusters, side.clusters, strict=True))
        comparison = Comparison(
            baseline=str(baseline), candidate=str(candidate), overall=overall, clusters=done, flips=_flips(side),
            errors=side.missing, notes=(*notes, *_flip_note(overall)), alpha=policy.alpha, margin=policy.margin,
            bounds=overall.bounds, must_pass=_must_pass(columns, candidate, policy.must_pass),
            shrunken=_shrunken(done), headline=headline(side.clusters, *weights, policy.alpha),
            right=_right(right, baseline, str(candidate), policy, seed))
        found.append(replace(comparison, gate=decide(comparison, policy, confirmation=confirmation)))
    return tuple(found)


def _right(rows: Sequence[Score], baseline: Hashable, candidate: str, policy: Policy, seed: int) -> Delta | None:
    """The overall delta of the scores without approval; None when one of the variants has none."""
    if not {str(baseline), candidate} <= {row.variant for row in rows}:
        return None
    pairs = pair(Columns.of(rows), str(baseline), candidate).overall
    return _finished(_delta(pairs, policy, seed), pairs, policy)


def _delta(pairs: Pairs, rules: Policy, seed: int, shares: Mapping[str, float] | None = None) -> Delta:
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
        units=result.units, p_better=result.p_better, share=(shares or {}).get(str(pairs.cluster)),
        bounds=_bounds(pairs, rules, seed), **changes_of(pairs, rules.alpha))


def _note(result: PairedResult, rules: Policy) -> str | None:
    if result.n == 0:
        return "no paired cases"
    if result.can_reach_5pct:
        return None
    level = f"{rules.alpha * 100:g} %"
    return f"can never reach {level}: only {result.changed} of {result.units or result.n} changed"


def _adjusted(families: list[list[Delta]], rules: Policy) -> list[list[Delta]]:
    """Holm and BH over the rows of all candidates: each target with the targets, the other rows together."""
    rows = [delta for family in families for delta in family if delta.p is not None]
    targets = [delta for delta in rows if delta.cluster is not None and delta.cluster == rules.target]
    others = [delta for delta in rows if delta.cluster is None or delta.cluster != rules.target]
    adjusted = {id(delta): p for group in (targets, others)
                for delta, p in zip(group, stats.holm([each.p or 0.0 for each in group]), strict=True)}
    browsed = stats.benjamini_hochberg([delta.p or 0.0 for delta in rows])
    q_values = {id(delta): q for delta, q in zip(rows, browsed, strict=True)}
    return [[replace(delta, p_holm=adjusted.get(id(delta)), q=q_values.get(id(delta))) for delta in family]
            for family in families]


def _finished(delta: Delta, pairs: Pairs, rules: Policy) -> Delta:
    """A row with its verdict, what a verdict would take, and whether what is missing could turn it."""
    p = delta.p if delta.p_holm is None else delta.p_holm
    judged = replace(delta, verdict=_verdict(p, delta.delta, delta.lower, rules))
    if judged.verdict == UNDECIDED:
        judged = replace(judged, needed=cases_needed(judged, rules))
        judged = replace(judged, needed_repeats=repeats_needed(judged, pairs))
    if not _could_turn(judged, rules):
        return judged
    told = f"{delta.dropped} dropped {'case' if delta.dropped == 1 else 'cases'} could turn this verdict"
    return replace(judged, note=f"{judged.note}; {told}" if judged.note else told)


def _verdict(p: float | None, delta: float | None, lower: float | None, rules: Policy) -> str:
    """From a p-value (adjusted, for a cluster) and the one-sided limit."""
    if p is not None and p < rules.alpha and delta:
        return IMPROVED if delta > 0 else REGRESSED
    return NO_WORSE if lower is not None and lower > -rules.margin else UNDECIDED


def _could_turn(delta: Delta, rules: Policy) -> bool:
    """Whether the verdict would be another one if every missing score had spoken for or against the candidate."""
    bounds = delta.bounds
    return any(_verdict(bounds.get(f"{name}_p"), bounds[name], bounds.get(f"{name}_lower"), rules) != delta.verdict
               for name in ("worst", "best") if name in bounds)


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
    """The delta if every missing score had spoken against the candidate, or for it: with its limit and p-value."""
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
        for key, value in (("lower", result.lower), ("p", result.p)):
            if value is not None:
                bounds[f"{name}_{key}"] = value
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

"""The paired comparison: picks the interval and the test that fit the scores.

scores                    interval                                p (to decide on)
0 and 1                   Tango score                             McNemar mid-p (``p_exact`` beside it)
graded                    paired t                                paired t (``p_signflip`` beside it)
cases that share a unit   t on the CR1 standard error, C - 1 df   the same t (``p_signflip`` flips whole units)

The t test decides for graded scores because it agrees with the printed interval and is what the published comparisons
report. It cannot see rare changes, however: with fewer changes than ``min_discordant(exact=True)`` it rests on an
assumption that nobody can check. Then the sign-flip test decides, and for scores between 0 and 1 the interval is
widened to what the counts alone allow (``rare_change_interval``), so that eight identical cases never prove "no worse".
(Eight graded cases, a true delta of -6 pp: the t bound alone clears a margin of 5 pp in 61 % of samples.)
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evalloop.stats.arrays import (
    differences,
    equal_length,
    finite,
    in_unit_interval,
    is_binary,
    totals,
    unit_codes,
)
from evalloop.stats.binary import mcnemar_exact, mcnemar_midp, probability_better, tango_interval, wilson_interval
from evalloop.stats.means import clustered_mean, kish_size, paired_t, t_better, t_interval, t_p, why_refused
from evalloop.stats.power import mde80, min_discordant
from evalloop.stats.results import Interval, MeanEstimate, PairedResult
from evalloop.stats.signflip import sign_flip

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from evalloop.stats.arrays import Codes, Floats


def paired(
    base: ArrayLike,
    cand: ArrayLike,
    *,
    units: Iterable[Hashable] | None = None,
    alpha: float = 0.05,
    seed: int = 0,
) -> PairedResult:
    """Compare two variants on the same n cases, one score per case (the mean of its repeats), in the same order.

    ``units`` names what cases share (user, conversation, document); None inside it means "shared with nobody".
    Without cases the delta is 0 and nothing else is known; with one case there is no interval and no test.
    ValueError on missing or infinite scores and on unequal lengths.
    """
    pairs = _Pairs.of(base, cand)
    if units is not None:
        codes, count = unit_codes(units, pairs.n)
        if count < pairs.n:
            return _clustered(pairs, codes, count, alpha, seed)
    if pairs.n < 2:
        return pairs.result(method="no paired cases" if pairs.n == 0 else "one case: no interval, no test")
    return _binary(pairs, alpha) if pairs.binary else _graded(pairs, alpha, seed)


def lower_bound(
    base: ArrayLike, cand: ArrayLike, *, units: Iterable[Hashable] | None = None, level: float = 0.95
) -> float | None:
    """One-sided lower limit of the delta, for "no worse than the margin": lower_bound(...) > -margin."""
    return paired(base, cand, units=units, alpha=1 - level).lower


def rare_change_interval(wins: float, losses: float, n: float, alpha: float = 0.05) -> Interval:
    """Limits of a mean difference of scores in [0, 1] that use nothing but how often anything changed.

    The mean lies between -P(loss) and P(win), each of which is at most its Wilson upper limit.
    """
    return Interval(-wilson_interval(losses, n, alpha).high, wilson_interval(wins, n, alpha).high)


@dataclass(frozen=True, slots=True)
class _Pairs:
    diff: Floats
    binary: bool
    bounded: bool
    wins: int
    losses: int

    @classmethod
    def of(cls, base: ArrayLike, cand: ArrayLike) -> _Pairs:
        before, after = finite(base, "base"), finite(cand, "cand")
        equal_length(before, after, "base and cand")
        diff = differences(before, after)
        return cls(
            diff=diff,
            binary=is_binary(before) and is_binary(after),
            bounded=in_unit_interval(before) and in_unit_interval(after),
            wins=int((diff > 0).sum()),
            losses=int((diff < 0).sum()),
        )

    @property
    def n(self) -> int:
        return int(self.diff.size)

    def result(
        self,
        *,
        method: str,
        estimate: MeanEstimate | None = None,
        interval: Interval | None = None,
        lower: float | None = None,
        p: float | None = None,
        p_exact: float | None = None,
        p_t: float | None = None,
        p_signflip: float | None = None,
        changed: int | None = None,
        units: int | None = None,
        can_reach_5pct: bool = False,
        p_better: float | None = None,
    ) -> PairedResult:
        return PairedResult(
            n=self.n,
            delta=float(self.diff.mean()) if self.n else 0.0,
            se=estimate.se if estimate else None,
            interval=interval,
            lower=lower,
            p=p,
            p_exact=p_exact,
            p_t=p_t,
            p_signflip=p_signflip,
            wins=self.wins,
            losses=self.losses,
            ties=self.n - self.wins - self.losses,
            changed=self.wins + self.losses if changed is None else changed,
            units=units,
            mde80=mde80(estimate.se) if estimate and estimate.se > 0 else None,
            method=method,
            can_reach_5pct=can_reach_5pct,
            p_better=p_better,
        )


def _binary(pairs: _Pairs, alpha: float) -> PairedResult:
    estimate = paired_t(pairs.diff)
    exact = mcnemar_exact(pairs.losses, pairs.wins)
    return pairs.result(
        method="Tango interval, McNemar mid-p",
        estimate=estimate,
        interval=tango_interval(pairs.losses, pairs.wins, pairs.n, alpha),
        lower=tango_interval(pairs.losses, pairs.wins, pairs.n, 2 * alpha).low,
        p=mcnemar_midp(pairs.losses, pairs.wins),
        p_exact=exact,
        p_t=t_p(estimate),
        p_signflip=exact,
        can_reach_5pct=pairs.wins + pairs.losses >= min_discordant(alpha),
        p_better=probability_better(pairs.losses, pairs.wins),
    )


def _graded(pairs: _Pairs, alpha: float, seed: int) -> PairedResult:
    evidence = _Evidence(paired_t(pairs.diff), pairs.wins, pairs.losses, float(pairs.n), pairs.bounded)
    p_signflip, how = sign_flip(pairs.diff, seed=seed)
    return _by_t(pairs, evidence, alpha, p_signflip, f"paired t; sign-flip {how}", units=None)


def _clustered(pairs: _Pairs, codes: Codes, count: int, alpha: float, seed: int) -> PairedResult:
    """Cases share units: whole units are the independent pieces, for the t test and for the sign flips."""
    sums = totals(pairs.diff, codes, count)
    sums[np.abs(sums) <= 1e-12 * totals(np.abs(pairs.diff), codes, count)] = 0.0
    wins, losses = int((sums > 0).sum()), int((sums < 0).sum())
    sizes = totals(np.ones(pairs.n), codes, count)
    refusal = why_refused(sizes)
    if refusal:
        return pairs.result(method=refusal, changed=wins + losses, units=count)
    n_effective = max(kish_size(sizes), wins, losses)
    evidence = _Evidence(clustered_mean(pairs.diff, codes, count), wins, losses, n_effective, pairs.bounded)
    p_signflip, how = sign_flip(sums, seed=seed)
    method = f"cluster-robust t over {count} units; sign-flip of units {how}"
    return _by_t(pairs, evidence, alpha, p_signflip, method, units=count)


@dataclass(frozen=True, slots=True)
class _Evidence:
    """A mean estimate with the number of independent pieces that speak for, against, and at all."""

    estimate: MeanEstimate
    wins: int
    losses: int
    n: float
    bounded: bool

    def interval(self, alpha: float, *, rare: bool) -> Interval | None:
        """The t interval; widened when changes are rare, None when neither t nor the counts can say anything."""
        by_t = t_interval(self.estimate, alpha) if self.estimate.se > 0 else None
        if not (rare and self.bounded):
            return by_t
        by_counts = rare_change_interval(self.wins, self.losses, self.n, alpha)
        if by_t is None:
            return by_counts
        return Interval(min(by_t.low, by_counts.low), max(by_t.high, by_counts.high))


def _by_t(
    pairs: _Pairs, evidence: _Evidence, alpha: float, p_signflip: float, method: str, *, units: int | None
) -> PairedResult:
    changed = evidence.wins + evidence.losses
    enough = changed >= min_discordant(alpha, exact=True)
    rare = not enough or evidence.estimate.se == 0
    lower = evidence.interval(2 * alpha, rare=rare)
    p_t = t_p(evidence.estimate)
    return pairs.result(
        method=f"{method}; few changes: sign-flip decides" if rare else method,
        estimate=evidence.estimate,
        interval=evidence.interval(alpha, rare=rare),
        lower=lower.low if lower else None,
        p=p_signflip if rare or p_t is None else p_t,
        p_t=p_t,
        p_signflip=p_signflip,
        changed=changed,
        units=units,
        can_reach_5pct=enough,
        p_better=probability_better(evidence.losses, evidence.wins) if rare else t_better(evidence.estimate),
    )

"""Did it really get better? The same themes, in new feedback, with a test that may be looked at every day."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import numpy as np

from evalloop import stats
from evalloop.notes.exposure import Exposure, days_between
from evalloop.records.release import Check, Expectation, Release
from evalloop.records.times import moment_of
from evalloop.stats.results import WatchResult

FEW = 20
"""Users before, under which a stratum is counted with the rest."""
MISMATCH = 0.001
"""p under which the split of an experiment is not the one that was asked for (Fabijan et al., KDD 2019)."""
LEAST_CHANGE = 0.1
"""A fall by less than this share of the old rate is no change worth the name."""
FULL_WEEK = 7.0
Hit = Callable[[Mapping[str, float]], float]
"""How much of a hit the clusters are that let a user down."""


@dataclass(frozen=True)
class Watch:
    """How a release is watched.

    ``days``: after so many the answer is final; ``split``: share of users that the experiment gives the candidate;
    ``alpha``: false verdicts, over all clusters of the release that are claimed to be better (e-BH).
    """

    alpha: float = 0.05
    days: int = 60
    split: float = 0.5


def verify(release: Release, before: Sequence[Exposure], after: Sequence[Exposure], now: str,
           watch: Watch | None = None) -> tuple[Check, ...]:
    """One check for each expectation that has a theme: confirmed, not yet, no change, or worse.

    ``before`` and ``after`` are users of the time before and after the release; in an experiment, users under its two
    variants at the same time. The control is everything else that lets users down: when it moved the same way, the
    season or the button changed, not the theme.
    """
    watch = watch or Watch()
    start = release.shipped_at or release.created_at
    watched = [each for each in release.expectations if each.cluster_id]
    targets = frozenset(str(each.cluster_id) for each in watched if each.direction == "better")
    looks = list(days_between(start, now))
    strata = _strata(before)
    control = _watched(before, after, looks, strata, partial(_otherwise, targets), watch.alpha)
    general = tuple(_guards(release, before, after, start, now, watch))
    found = [(each, _watched(before, after, looks, strata, partial(_holds, str(each.cluster_id)), watch.alpha))
             for each in watched]
    needed = _needed(found, watch.alpha)
    return tuple(_check(each, result, control, general, looks, now, start, needed[each.cluster], watch)
                 for each, result in found)


def _holds(cluster: str, hits: Mapping[str, float]) -> float:
    return hits.get(cluster, 0.0)


def _otherwise(targets: frozenset[str], hits: Mapping[str, float]) -> float:
    """What lets a user down besides the targets."""
    return max((weight for cluster, weight in hits.items() if cluster not in targets), default=0.0)


def _strata(before: Iterable[Exposure]) -> dict[tuple[str, ...], int]:
    """Numbers of the strata with enough users before; 0 is all the rest."""
    counts = Counter(each.stratum for each in before)
    return {name: number for number, name in enumerate(
        sorted(name for name, count in counts.items() if count >= FEW), 1)}


def _watched(before: Sequence[Exposure], after: Sequence[Exposure], looks: Sequence[str],
             strata: dict[tuple[str, ...], int], hit: Hit, alpha: float) -> WatchResult:
    old = _counts(before, strata, hit)
    steps, waiting = [], list(after)
    for look in looks:
        entered = [each for each in waiting if each.at <= look]
        waiting = waiting[len(entered):]
        steps.append(_counts(entered, strata, hit))
    cumulative = np.cumsum(np.array(steps, dtype=float), axis=0) if steps else np.zeros((0, len(strata) + 1, 2))
    return stats.watch_rate(old, cumulative, alpha)


def _counts(users: Iterable[Exposure], strata: dict[tuple[str, ...], int],
            hit: Hit) -> list[list[float]]:
    """(hits, users) of each stratum."""
    counts = [[0.0, 0.0] for _ in range(len(strata) + 1)]
    for each in users:
        cell = counts[strata.get(each.stratum, 0)]
        cell[0] += hit(each.hits)
        cell[1] += 1
    return counts


def _needed(found: Sequence[tuple[Expectation, WatchResult]], alpha: float) -> dict[str, float]:
    """The e-value that each cluster needs: by e-BH where it is claimed to be better (Wang and Ramdas 2022)."""
    claimed = sorted((each for each in found if each[0].direction == "better"), key=lambda each: -each[1].e)
    passed = max((rank for rank, (_, result) in enumerate(claimed, 1) if result.e >= len(claimed) / (alpha * rank)),
                 default=0)
    least = len(claimed) / (alpha * max(passed, 1)) if claimed else 1 / alpha
    return {each.cluster: least if each.direction == "better" else 1 / alpha for each, _ in found}


def _guards(release: Release, before: Sequence[Exposure], after: Sequence[Exposure], start: str, now: str,
            watch: Watch) -> Iterator[str]:
    """What speaks against any verdict on this release."""
    if release.variants:
        n, total = len(after), len(before) + len(after)
        p = stats.binomial_p(n, total, watch.split) if total else 1.0
        if p < MISMATCH:
            yield (f"sample-ratio mismatch: {n:,} of {total:,} users met {release.variants[1]}, "
                   f"{watch.split:.0%} were to (p {p:.1g}); mend the assignment first")
    elif (moment_of(now) - moment_of(start)) < timedelta(days=FULL_WEEK):
        yield "less than a full week since the release: weekdays and weekends differ"


def _check(expected: Expectation, result: WatchResult, control: WatchResult, general: Sequence[str],
           looks: Sequence[str], now: str, start: str, needed: float, watch: Watch) -> Check:
    guards = list(general)
    if _together(result, control):
        guards.append("everything else that lets users down moved the same way, and not clearly less: the season or "
                      "the way to complain may have changed")
    verdict, reason = _verdict(result, guards, needed, _over(start, now, watch.days))
    finite_high = result.interval.high if result.interval.high != float("inf") else None
    return Check(expected.cluster, str(expected.cluster_id), verdict, now, result.before, result.after, result.ratio,
                 result.interval.low, finite_high, result.e, result.p, result.n_before, result.n_after,
                 looks[result.first] if result.first is not None and verdict in ("confirmed", "worse") else None,
                 tuple(guards), reason)


def _together(result: WatchResult, control: WatchResult) -> bool:
    """True when the control moved the same way and the theme not clearly further: their intervals overlap."""
    if result.first is None or control.first is None or control.side != result.side:
        return False
    return result.interval.low <= control.interval.high and control.interval.low <= result.interval.high


def _over(start: str, now: str, days: int) -> bool:
    return moment_of(now) - moment_of(start) >= timedelta(days=days)


def _verdict(result: WatchResult, guards: Sequence[str], needed: float, over: bool) -> tuple[str, str]:
    if not result.n_after:
        return "not yet", "no user of the time after the release is known: is its feedback captured?"
    decided = result.e >= needed and result.first is not None
    if decided and result.side > 0:
        return "worse", "the theme lets more users down than before"
    if decided and not guards:
        return "confirmed", "the theme lets fewer users down than before"
    if guards:
        return "not yet", guards[0]
    if result.interval.low > 1 - LEAST_CHANGE:
        return "no change", f"a fall by {LEAST_CHANGE:.0%} or more is ruled out"
    if over:
        return "no change", "no change was shown in the time of the watch"
    return "not yet", "too little evidence so far"


def with_checks(release: Release, checks: Sequence[Check]) -> Release:
    """The release with the latest words of production; a cluster that is no longer watched keeps its last one."""
    fresh = {each.cluster for each in checks}
    before = {each.cluster: each.reopened for each in release.checks}
    return replace(release, checks=(
        *(each for each in release.checks if each.cluster not in fresh),
        *(replace(each, reopened=before.get(each.cluster, ())) for each in checks)))

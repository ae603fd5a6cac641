"""How a cluster moves from week to week: what changed, how surely, and the word for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from evalloop.records.cluster import Cluster, WeekShare

KEPT_WEEKS = 26
"""Weeks of shares that a cluster carries along."""

GONE = 2
"""A cluster that returns after at least so many weeks without a failure is back."""


def with_trends(clusters: Sequence[Cluster], week: str, *, alpha: float = 0.05, first: bool = False) -> list[Cluster]:
    """The clusters with change, p, q and trend of this week against the one before.

    ``first`` says that nothing was known before this batch: then no cluster that was there all the time is called new.
    """
    from evalloop import stats

    changed = [_changed(each, week, alpha) for each in clusters]
    tested = [each for each in changed if each.p is not None]
    found = stats.benjamini_hochberg([each.p for each in tested if each.p is not None]) if tested else ()
    q = {each.cluster_id: float(value) for each, value in zip(tested, found, strict=True)}
    whole = [replace(each, q=q.get(each.cluster_id)) for each in changed]
    return [replace(each, trend=_trend(each, week, alpha, first)) for each in whole]


def _changed(cluster: Cluster, week: str, alpha: float) -> Cluster:
    """The cluster with the difference to the week before; two weeks of one user are taken as independent, which errs on
    the side of no change."""
    from evalloop import stats

    now, before = _at(cluster, week), _before(cluster, week)
    blank = replace(cluster, change=None, change_low=None, change_high=None, p=None, q=None)
    if now is None or before is None or now.se is None or before.se is None:
        return blank
    found = stats.share_change((before.share, before.se, before.units), (now.share, now.se, now.units), alpha=alpha)
    ends = found.interval
    return replace(blank, change=found.delta, p=found.p, change_low=ends.low if ends else None,
                   change_high=ends.high if ends else None)


def _trend(cluster: Cluster, week: str, alpha: float, first: bool) -> str:
    now = _at(cluster, week)
    earlier = [each for each in cluster.weeks if each.week < week]
    if now is None or not now.n:
        return "quiet"
    if not any(each.n for each in earlier):
        return "" if first and not earlier else "new"
    if len(earlier) >= GONE and not any(each.n for each in earlier[-GONE:]):
        return "back"
    if cluster.q is None or cluster.q > alpha or not cluster.change:
        return "steady"
    return "growing" if cluster.change > 0 else "shrinking"


def _at(cluster: Cluster, week: str) -> WeekShare | None:
    return next((each for each in cluster.weeks if each.week == week), None)


def _before(cluster: Cluster, week: str) -> WeekShare | None:
    """The last week before this one that has a share at all."""
    earlier = [each for each in cluster.weeks if each.week < week and each.units]
    return earlier[-1] if earlier else None

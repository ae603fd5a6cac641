"""The life of a cluster: open -> has cases -> fixed in a release -> verifying -> resolved, regressed or won't fix."""

from __future__ import annotations

from collections.abc import Mapping

from evalloop.errors import UsageError
from evalloop.records.cluster import STATUSES, Cluster, Move
from evalloop.records.times import now_text

NEXT: Mapping[str, tuple[str, ...]] = {
    "open": ("has-cases", "fixed", "wont-fix"),
    "has-cases": ("fixed", "open", "wont-fix"),
    "fixed": ("verifying", "resolved", "regressed", "has-cases", "wont-fix"),
    "verifying": ("resolved", "regressed", "fixed"),
    "resolved": ("regressed", "open"),
    "regressed": ("fixed", "has-cases", "open", "wont-fix"),
    "wont-fix": ("open", "has-cases"),
}
"""Where a cluster may go from each status."""

RELEASED = frozenset({"fixed", "verifying", "resolved", "regressed"})
"""Statuses that speak of a release; it stays with the cluster from "fixed" on."""


def move(cluster: Cluster, status: str, *, reason: str, release: str | None = None, by: str = "", at: str = "") -> Move:
    """The step from where a cluster stands to ``status``, to be kept by the store.

    ``release`` is needed for "fixed". Raises UsageError for a status that is unknown or cannot be reached from here.
    """
    if status not in STATUSES:
        raise UsageError(f"{status!r} is no status of a theme", fix=f"statuses: {', '.join(STATUSES)}")
    if status not in NEXT[cluster.status]:
        raise UsageError(f"{cluster.cluster_id} is {cluster.status} and cannot become {status}",
                         fix=f"from {cluster.status} it can become {', '.join(NEXT[cluster.status])}")
    kept = release or cluster.release
    if status == "fixed" and not kept:
        raise UsageError("a theme is fixed in a release", fix="name it: --release NAME")
    if not reason.strip():
        raise UsageError("a step needs a reason", fix='say why: --reason "..."')
    return Move(cluster.cluster_id, cluster.status, status, at or now_text(), reason.strip(),
                kept if status in RELEASED else None, by)

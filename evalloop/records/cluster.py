"""Cluster: a named group of failures with a stable id, as it stood in one week."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from evalloop.records.base import Record

OTHER = "other"
"""The id of the failures that are far from every cluster."""

RED_TEAM = "red-team"
"""The kind of material that attacks the model or reports unsafe output; also the id of what is left over of it."""

STATUSES = ("open", "has-cases", "fixed", "verifying", "resolved", "regressed", "wont-fix")
"""The life of a cluster in its usual order."""


@dataclass(frozen=True)
class WeekShare(Record):
    """The weighted share of a cluster in the failures of one ISO week.

    ``low`` to ``high`` is its interval clustered by user (0 to 1 where there are too few users for one), ``se`` its
    standard error, ``units`` the users it rests on, ``n`` and ``users`` the failures and users inside the cluster.
    """

    week: str
    share: float
    low: float = 0.0
    high: float = 1.0
    se: float | None = None
    units: int = 0
    n: int = 0
    n_effective: float = 0.0
    users: int = 0


@dataclass(frozen=True)
class Subtheme(Record):
    """A part of a cluster: ``size`` failures of the week, ``share`` of the cluster's failures (by count)."""

    subtheme_id: str
    label: str
    keywords: tuple[str, ...] = ()
    quotes: tuple[str, ...] = ()
    size: int = 0
    share: float = 0.0
    exemplars: tuple[str, ...] = ()


@dataclass(frozen=True)
class Impact(Record):
    """What became of the matter: share of bad outcomes (ticket reopened, task failed) inside the cluster and outside.

    ``inside`` of ``n_inside`` failures with a known outcome; ``low`` to ``high`` is the interval of the difference.
    """

    inside: float
    outside: float
    n_inside: int
    n_outside: int
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class Cluster(Record):
    """A group of failures; people see its ``label`` as a theme.

    ``share`` is the weighted share of all failures of the batch, ``share_low`` to ``share_high`` its interval clustered
    by user, ``n_effective`` the size of the sample it rests on, ``users`` how many users are in it. ``member_ids`` are
    failure ids of the batch, ``exemplars`` texts that carry the identity into the next week. ``kind`` is one of the
    failure taxonomy or "unsorted"; ``material`` is "failure" or "red-team". ``first_seen`` and ``last_seen`` are times
    of failures (ISO 8601). ``status`` is one of STATUSES, ``release`` the one that is said to mend it.

    ``since`` is the first week of the batch, ``week`` its last. ``weeks`` are the shares of the last weeks, oldest
    first. ``trend`` is new, growing, shrinking, steady, quiet (no failure this week) or back; ``change`` is the last
    week's share minus that of the week before, with its interval, p and q (Benjamini-Hochberg over the clusters).
    ``severity`` is the mean probability that a member is a failure.
    ``came_from`` is the cluster that it split off, ``overlaps`` are clusters that lay in one group with it.
    """

    NESTED: ClassVar[Mapping[str, type[Record]]] = {"weeks": WeekShare, "subthemes": Subtheme, "impact": Impact}

    cluster_id: str
    label: str
    keywords: tuple[str, ...] = ()
    quotes: tuple[str, ...] = ()
    size: int = 0
    share: float = 0.0
    share_low: float = 0.0
    share_high: float = 1.0
    n_effective: float = 0.0
    users: int = 0
    week: str = ""
    member_ids: tuple[str, ...] = ()
    exemplars: tuple[str, ...] = ()
    kind: str = "unsorted"
    status: str = "open"
    first_seen: str = ""
    last_seen: str = ""
    material: str = "failure"
    release: str | None = None
    weeks: tuple[WeekShare, ...] = ()
    trend: str = ""
    change: float | None = None
    change_low: float | None = None
    change_high: float | None = None
    p: float | None = None
    q: float | None = None
    severity: float | None = None
    impact: Impact | None = None
    subthemes: tuple[Subtheme, ...] = ()
    came_from: str | None = None
    overlaps: tuple[str, ...] = ()
    since: str = ""

    @property
    def named(self) -> bool:
        """False for what was left over, near no theme."""
        return self.cluster_id not in (OTHER, RED_TEAM)


@dataclass(frozen=True)
class Move(Record):
    """One step in the life of a cluster: its status changed ``at`` a time, ``by`` somebody or a stage, for a reason."""

    cluster_id: str
    before: str
    status: str
    at: str
    reason: str = ""
    release: str | None = None
    by: str = ""


@dataclass(frozen=True)
class Themes(Record):
    """All clusters as they stood in one week, out of ``failures`` failures of ``users`` users.

    ``since`` is the first week of the batch that was grouped: the same week but where history is grouped at once.
    ``red_team`` counts the failures that are red-team material.
    """

    NESTED: ClassVar[Mapping[str, type[Record]]] = {"clusters": Cluster}

    week: str
    failures: int
    users: int
    clusters: tuple[Cluster, ...] = ()
    since: str = ""
    red_team: int = 0

    @property
    def count(self) -> int:
        """How many themes have a failure in this batch; what was left over is none."""
        return sum(each.named and each.size > 0 for each in self.clusters)

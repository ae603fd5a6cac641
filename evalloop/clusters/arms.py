"""Themes by what users tell of themselves, beside the same themes by the random ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from evalloop.clusters.measure import Sample
from evalloop.records.base import Record
from evalloop.records.cluster import Cluster, WeekShare
from evalloop.records.failure import Failure

ALPHA, SURE = 0.05, 2.0


@dataclass(frozen=True)
class ArmCheck(Record):
    """The weighted share of a theme in what users told of themselves, and in the random ask, with their intervals.

    ``z`` is the difference in standard errors, None where one side has too few users for an interval.
    """

    cluster_id: str
    label: str
    share: float
    interval: tuple[float, float]
    random: float
    random_interval: tuple[float, float]
    answers: int
    z: float | None

    @property
    def differs(self) -> bool:
        """Whether the random ask is to be believed instead."""
        return self.z is not None and abs(self.z) > SURE


def against_random(clusters: Sequence[Cluster], failures: Sequence[Failure]) -> list[ArmCheck]:
    """Each theme in both arms, over the failures that are in any theme; none without a failure in the random ask.

    The arms share no failure but may share users, so that z is a little too small where users answer both.
    """
    known = {name for cluster in clusters for name in cluster.member_ids}
    counted = [each for each in failures if each.failure_id in known and each.weight > 0]
    told = [each for each in counted if not each.asked_only]
    asked = [replace(each, weight=each.random_weight) for each in counted if each.random_weight > 0]
    return [_check(cluster, told, asked) for cluster in clusters if cluster.member_ids] if told and asked else []


def _check(cluster: Cluster, told: Sequence[Failure], asked: Sequence[Failure]) -> ArmCheck:
    members = set(cluster.member_ids)
    one, other = _share(told, members), _share(asked, members)
    z = None
    if one.se is not None and other.se is not None and one.se + other.se > 0:
        z = (one.share - other.share) / (one.se**2 + other.se**2) ** 0.5
    return ArmCheck(cluster.cluster_id, cluster.label, one.share, (one.low, one.high), other.share,
                    (other.low, other.high), len(asked), z)


def _share(failures: Sequence[Failure], members: set[str]) -> WeekShare:
    import numpy as np

    inside = np.array([each.failure_id in members for each in failures])
    return Sample.of(failures).share("", np.arange(len(failures)), inside, ALPHA)

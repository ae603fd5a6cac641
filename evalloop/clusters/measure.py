"""What a week says of each cluster: weighted shares with intervals, severity, and what became of the matter."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalloop.records.cluster import Impact, WeekShare
from evalloop.records.failure import Failure

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Mask = NDArray[np.bool_]

BAD = {"bad": 1.0, "good": 0.0}


@dataclass(frozen=True)
class Sample:
    """Failures with weight as arrays, one entry each: user numbers, weights, weeks; outcomes and probabilities may be
    missing (nan)."""

    users: NDArray[np.int64]
    weights: NDArray[np.float64]
    weeks: NDArray[np.object_]
    outcomes: NDArray[np.float64]
    probabilities: NDArray[np.float64]

    @classmethod
    def of(cls, failures: Sequence[Failure]) -> Sample:
        """The arrays of failures; a failure without a user is a user of its own."""
        import numpy as np

        numbers: dict[str, int] = {}
        users = [numbers.setdefault(user, len(numbers)) for user in map(_user, failures)]
        known = [each.probability for each in failures]
        return cls(
            np.array(users, np.int64), np.array([each.weight for each in failures], float),
            np.array([week_of(each.occurred_at) for each in failures], dtype=object),
            np.array([BAD.get(each.outcome or "", np.nan) for each in failures], float),
            np.array([np.nan if each is None else each for each in known], float))

    def share(self, week: str, rows: NDArray[np.int64], inside: Mask, alpha: float) -> WeekShare:
        """The share of the failures at ``rows`` that are ``inside``; the estimand is the share of failures, not of
        votes."""
        import numpy as np

        from evalloop import stats

        if not len(rows):
            return WeekShare(week, 0.0)
        within, users = inside[rows], self.users[rows]
        found = stats.share_interval_clustered(within.astype(float), users=users, weights=self.weights[rows],
                                               alpha=alpha)
        low, high = (found.interval.low, found.interval.high) if found.interval else (0.0, 1.0)
        return WeekShare(week, found.share, low, high, found.se, found.units, int(within.sum()), found.n_effective,
                         len(np.unique(users[within])))

    def severity(self, inside: Mask) -> float | None:
        """The weighted mean probability that a member is a failure; None where no member has one."""
        import numpy as np

        rows = inside & ~np.isnan(self.probabilities)
        return float(np.average(self.probabilities[rows], weights=self.weights[rows])) if rows.any() else None

    def impact(self, inside: Mask, alpha: float) -> Impact | None:
        """Bad outcomes inside against outside, clustered by user; None where one side has no known outcome."""
        import numpy as np

        from evalloop import stats

        known = ~np.isnan(self.outcomes)
        within, without = known & inside, known & ~inside
        if not within.any() or not without.any():
            return None
        found = stats.share_difference(self.outcomes[without], self.outcomes[within], alpha=alpha,
                                       first_users=self.users[without].tolist(),
                                       second_users=self.users[within].tolist())
        ends = (found.interval.low, found.interval.high) if found.interval else (None, None)
        return Impact(float(self.outcomes[within].mean()), float(self.outcomes[without].mean()), int(within.sum()),
                      int(without.sum()), *ends)


def _user(failure: Failure) -> str:
    """The independent unit: the user, or the failure itself where no user is known."""
    return f"user {failure.user_key}" if failure.user_key else f"failure {failure.failure_id}"


def week_of(moment: str) -> str:
    """The ISO week of an ISO 8601 time, such as ``2026-W47``; empty for an empty time."""
    from datetime import datetime

    if not moment:
        return ""
    year, week, _ = datetime.fromisoformat(moment).isocalendar()
    return f"{year}-W{week:02}"


def is_week(text: str) -> bool:
    """True for an ISO week that there is, such as ``2026-W53``."""
    from datetime import date

    if not re.fullmatch(r"[0-9]{4}-W[0-9]{2}", text):
        return False
    try:
        date.fromisocalendar(int(text[:4]), int(text[6:]), 1)
    except ValueError:
        return False
    return True


def week_after(week: str, steps: int = 1) -> str:
    """The ISO week ``steps`` weeks later (earlier, if negative)."""
    from datetime import date, timedelta

    year, number = week.split("-W")
    later = date.fromisocalendar(int(year), int(number), 1) + timedelta(weeks=steps)
    return week_of(later.isoformat())

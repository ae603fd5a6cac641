"""What a verdict would take that these data do not give: more cases, or more repeats of the same cases."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

from evalloop import stats
from evalloop.records.report import Delta
from evalloop.report.policy import Policy

if TYPE_CHECKING:
    from evalloop.report.pairs import Pairs

MOST_REPEATS = 200
"""More repeats than this are no advice."""


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


def repeats_needed(delta: Delta, pairs: Pairs) -> int | None:
    """How many repeats of these cases would do what ``delta.needed`` cases do; None when no number of them would.

    The variance of a case's difference is omega^2 + (one repeat's variance) / K (Miller 2024, section 5); the second
    part is measured from the repeats that there are, so two are needed. Cases that share a unit count as they are.
    """
    import numpy as np

    if delta.needed is None or delta.se is None or pairs.spread is None:
        return None
    known = pairs.complete & np.isfinite(pairs.spread[0])
    if not known.any():
        return None
    left, once = (float(part[known].mean()) for part in pairs.spread)
    variance = delta.se**2 * delta.n
    room = variance * delta.n / delta.needed - max(variance - left, 0.0)
    if room <= 0 or once == 0:
        return None
    repeats = ceil(once / room)
    return repeats if repeats <= MOST_REPEATS else None

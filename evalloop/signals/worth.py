"""What each detector is worth: coverage of what was shown and asked, likelihood ratios, drift by week, a better cut."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from evalloop.records.base import Record
from evalloop.records.signal import Signal
from evalloop.records.times import moment_of
from evalloop.records.turn import Turn
from evalloop.signals.fused import LABELS
from evalloop.signals.report import Share, share_of, unit_of

CHANCES: Mapping[str, str] = {
    "accept": "signal.shown", "edit": "signal.accepted", "thumbs": "feedback.prompted", "rating": "feedback.prompted",
    "comment": "feedback.prompted", "copy": "response.viewed", "dwell": "response.viewed"}
"""Events that give a user the chance to send what a detector reads: the right denominators of its coverage."""
LEAST, LEVEL, LEVELS, TINY = 30, 0.001, 3, 1e-9


@dataclass(frozen=True)
class Side(Record):
    """How much more often a detector speaks ``against`` (or for) an answer when it was bad than when it was good."""

    against: bool
    turns: int
    ratio: float
    interval: tuple[float, float] | None


@dataclass(frozen=True)
class Week(Record):
    """The share of the week's turns on which the detector spoke; ``drifted`` when it left the earlier weeks' range."""

    week: str
    turns: int
    rate: float
    drifted: bool


@dataclass(frozen=True)
class Worth(Record):
    """One detector, which spoke on ``turns`` turns.

    ``coverage`` is the share on which it spoke, of the turns that gave users the chance (``of``: shown, prompted,
    viewed or accepted) or, where none was recorded, of all answers. ``auc`` tells how well it separates bad from good
    on ``labels`` turns judged by votes, corrections, outcomes or reviewers; ``sides`` how much it says for and against.
    ``cut`` is the value of polarity x weight at or below which a turn is best called bad (Youden's index ``gain``, on
    the same labels, so rather too good), None where labels or values are few.
    """

    NESTED: ClassVar[Mapping[str, type[Record]]] = {"coverage": Share, "sides": Side, "weeks": Week}

    detector: str
    turns: int
    of: str
    coverage: Share
    labels: int
    auc: float | None = None
    auc_interval: tuple[float, float] | None = None
    sides: tuple[Side, ...] = ()
    weeks: tuple[Week, ...] = ()
    cut: float | None = None
    gain: float | None = None


def worth(turns: Sequence[Turn], signals: Mapping[str, Sequence[Signal]],
          labels: Mapping[str, int]) -> tuple[Worth, ...]:
    """The worth of each detector that spoke; ``labels`` (1 bad, 0 good) do not judge those that they come from."""
    units = {turn.response_id: unit_of(turn) for turn in turns}
    answered = [turn for turn in turns if turn.generation is not None]
    found = []
    for name, given in signals.items():
        sums: defaultdict[str, float] = defaultdict(float)
        for each in given:
            if each.response_id is not None and each.weight > 0:
                sums[each.response_id] += each.polarity * each.weight
        if sums:
            known = {} if name.partition("@")[0] in LABELS else labels
            found.append(_worth(name, answered, sums, known, units))
    return tuple(found)


def _worth(name: str, turns: Sequence[Turn], sums: Mapping[str, float], labels: Mapping[str, int],
           units: Mapping[str, str]) -> Worth:
    from evalloop import stats

    kind = CHANCES.get(name.partition("@")[0], "")
    chances = [turn for turn in turns if kind and any(each.event_type == kind for each in turn.events)]
    of = kind.partition(".")[2] if chances else "answers"
    coverage = share_of([float(turn.response_id in sums) for turn in chances or turns],
                        [units[turn.response_id] for turn in chances or turns])
    judged = sorted(response for response in labels if response in units)
    bad = [labels[response] for response in judged]
    weeks = _weeks(turns, sums, units)
    if min(sum(bad), len(bad) - sum(bad)) < LEAST or not sums.keys() & set(judged):
        return Worth(name, len(sums), of, coverage, len(judged), weeks=weeks)
    values = [sums.get(response, 0.0) for response in judged]
    area = stats.auc([-value for value in values], bad, units=[units[response] for response in judged])
    cut, gain = _cut(values, bad)
    return Worth(name, len(sums), of, coverage, len(judged), area.auc,
                 (area.interval.low, area.interval.high) if area.interval else None,
                 _sides(judged, bad, sums, units), weeks, cut, gain)


def _sides(judged: Sequence[str], bad: Sequence[int], sums: Mapping[str, float],
           units: Mapping[str, str]) -> tuple[Side, ...]:
    from evalloop import stats

    found = []
    for against in (True, False):
        spoke = [float(sums.get(each, 0.0) < 0 if against else sums.get(each, 0.0) > 0) for each in judged]
        if any(spoke):
            ratio = stats.likelihood_ratio(spoke, bad, units=[units[each] for each in judged])
            found.append(Side(against, int(sum(spoke)), ratio.ratio,
                              (ratio.interval.low, ratio.interval.high) if ratio.interval else None))
    return tuple(found)


def _cut(values: Sequence[float], bad: Sequence[int]) -> tuple[float | None, float | None]:
    """The cut with the largest sensitivity + specificity - 1; None when none gains anything or there is no choice."""
    import numpy as np

    levels, place = np.unique(np.array(values), return_inverse=True)
    if len(levels) < LEVELS:
        return None, None
    worse = np.array(bad, np.float64)
    hits = np.cumsum(np.bincount(place, worse, len(levels))) / worse.sum()
    alarms = np.cumsum(np.bincount(place, 1 - worse, len(levels))) / (1 - worse).sum()
    best = int(np.argmax(hits - alarms))
    gain = float(hits[best] - alarms[best])
    return (float(levels[best]), gain) if gain > TINY else (None, None)


def _weeks(turns: Sequence[Turn], sums: Mapping[str, float], units: Mapping[str, str]) -> tuple[Week, ...]:
    """Rates by ISO week; a week has drifted when it differs from all before it, clustered by user (p < 0.001)."""
    weeks: defaultdict[str, list[tuple[float, str]]] = defaultdict(list)
    for turn in turns:
        year, number, _ = moment_of(turn.occurred_at).isocalendar()
        weeks[f"{year}-W{number:02}"].append((float(turn.response_id in sums), units[turn.response_id]))
    found: list[Week] = []
    before: list[tuple[float, str]] = []
    for week, rows in sorted(weeks.items()):
        found.append(Week(week, len(rows), sum(spoke for spoke, _ in rows) / len(rows), _drifted(before, rows)))
        before += rows
    return tuple(found)


def _drifted(before: Sequence[tuple[float, str]], rows: Sequence[tuple[float, str]]) -> bool:
    from evalloop import stats

    if min(len(before), len(rows)) < LEAST:
        return False
    found = stats.share_difference([spoke for spoke, _ in before], [spoke for spoke, _ in rows],
                                   first_users=[user for _, user in before], second_users=[user for _, user in rows])
    return found.p is not None and found.p < LEVEL

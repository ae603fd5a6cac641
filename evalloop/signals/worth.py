"""What each detector is worth: coverage of what was shown and asked, likelihood ratios, drift by week, a better cut."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

from evalloop import engine as door
from evalloop.records.base import Record
from evalloop.signals.heard import DIGITS, Heard, TurnRows, by_row, heard, reviewers
from evalloop.signals.labels import LABELS
from evalloop.signals.report import Share, share_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evalloop.contracts import Evidence
    from evalloop.records.account import Account
    from evalloop.signals.heard import Floats, Rows

Table = Any

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
    viewed or accepted) or, where none was recorded, of all answers. Answers of accounts in quarantine, and chances that
    only such an account had, are in no figure but ``turns``, as what it did is in none. ``auc`` tells how well it
    separates bad from good on ``labels`` turns judged by votes, corrections, outcomes or reviewers; ``sides`` how much
    it says for and against. ``cut`` is the value of polarity x weight at or below which a turn is best called bad
    (Youden's index ``gain``, on the same labels, so rather too good), None where labels or values are few.
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


def worth(evidence: Evidence, signals: Mapping[str, Table], accounts: Iterable[Account] = ()) -> tuple[Worth, ...]:
    """The worth of each detector that spoke; votes, corrections, outcomes and reviewers do not judge themselves.

    ``signals`` are tables by ``name@version``, those of suspicious ``accounts`` down-weighted (``scored.set_apart``).
    The engine counts: of each turn only numbers are in memory.
    """
    turns = TurnRows.of(evidence)
    found = {name: heard(evidence, turns, table.filter(table.weight > 0)) for name, table in signals.items()}
    apart = _quarantined(evidence, accounts)
    ground = _Ground(evidence, turns, _labels(evidence, turns, found), apart)
    return tuple(_worth(name, each, ground) for name, each in found.items() if len(each.rows))


def _labels(evidence: Evidence, turns: TurnRows, found: Mapping[str, Heard]) -> Floats:
    """(n,): above 0 for a turn that was good by all labels together, below for a bad one, 0 where they say nothing."""
    import numpy as np

    labels = reviewers(evidence, turns).values(len(turns.answered))
    for name, each in found.items():
        if name.partition("@")[0] in LABELS:
            labels[each.rows] += each.sums
    return np.round(labels, DIGITS)


def _quarantined(evidence: Evidence, accounts: Iterable[Account]) -> Table | None:
    """(suspect): the accounts whose signals have no weight; None where there is none."""
    import pyarrow as pa

    names = [each.user_key for each in accounts if each.factor == 0]
    schema = pa.schema([("suspect", pa.string())])
    return evidence.engine.rows([pa.table([names], schema=schema)], schema) if names else None


@dataclass(frozen=True)
class _Ground:
    """What all detectors are held against; nothing of the accounts ``apart`` (suspect) is part of it."""

    evidence: Evidence
    turns: TurnRows
    labels: Floats
    apart: Table | None

    @cached_property
    def counts(self) -> NDArray[np.bool_]:
        """(n,): the turns of nobody who is set apart."""
        import numpy as np

        found = np.ones(len(self.turns.answered), bool)
        if self.apart is not None:
            own = self.evidence.turns
            theirs = own.semi_join(self.apart, own.user_key == self.apart.suspect)
            rows, _ = by_row(self.evidence, self.turns, theirs.select("response_id", value=door.ibis.literal(1)))
            found[rows] = False
        return found

    @cached_property
    def answers(self) -> Rows:
        """The turns with an answer."""
        import numpy as np

        return np.flatnonzero(self.turns.answered & self.counts)

    @cached_property
    def judged(self) -> Rows:
        """The turns that have a label."""
        import numpy as np

        return np.flatnonzero((self.labels != 0) & self.counts)

    @cached_property
    def weeks(self) -> Sequence[tuple[str, Rows]]:
        """The answers of each ISO week, by week."""
        import numpy as np

        own = self.evidence.turns
        rows, days = by_row(self.evidence, self.turns, own.select("response_id", value=own.day))
        number = np.zeros(len(self.turns.answered), np.int64)
        number[rows] = (days.astype(np.int64) + 3) // 7  # 1970 began on a Thursday
        own_weeks = number[self.answers]
        return [(_week(each), self.answers[own_weeks == each]) for each in np.unique(own_weeks).tolist()]

    def chances(self, detector: str) -> tuple[str, Rows]:
        """What gave users the chance to send what the detector reads, and the answers on which they had it."""
        import numpy as np

        kind = CHANCES.get(detector.partition("@")[0], "")
        acts = self.evidence.of_type(kind) if kind else None
        if acts is not None:
            acts = acts if self.apart is None else acts.anti_join(self.apart, acts.user_key == self.apart.suspect)
            rows, _ = by_row(self.evidence, self.turns, acts.group_by("response_id").aggregate(value=acts.count()))
            if len(given := np.intersect1d(rows, self.answers)):
                return kind.partition(".")[2], given
        return "answers", self.answers


def _week(number: int) -> str:
    year, week, _ = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=7 * number)).isocalendar()
    return f"{year}-W{week:02}"


def _worth(name: str, found: Heard, ground: _Ground) -> Worth:
    from evalloop import stats

    units, size = ground.turns.units, len(ground.turns.answered)
    spoke, (of, could) = found.on(size), ground.chances(name)
    coverage = share_of(spoke[could].astype(float), units[could])
    rows = ground.judged if name.partition("@")[0] not in LABELS else ground.judged[:0]
    values, bad, own = found.values(size)[rows], (ground.labels[rows] < 0).astype(float), units[rows]
    weeks = tuple(_weeks(spoke, ground))
    if min(bad.sum(), len(bad) - bad.sum()) < LEAST or not spoke[rows].any():
        return Worth(name, len(found.rows), of, coverage, len(rows), weeks=weeks)
    area = stats.auc(-values, bad, units=own.tolist())
    return Worth(name, len(found.rows), of, coverage, len(rows), area.auc,
                 (area.interval.low, area.interval.high) if area.interval else None,
                 tuple(_sides(values, bad, own)), weeks, *_cut(values, bad))


def _sides(values: Floats, bad: Floats, units: Rows) -> Iterator[Side]:
    from evalloop import stats

    for against in (True, False):
        spoke = (values < 0 if against else values > 0).astype(float)
        if spoke.any():
            ratio = stats.likelihood_ratio(spoke, bad, units=units.tolist())
            yield Side(against, int(spoke.sum()), ratio.ratio,
                       (ratio.interval.low, ratio.interval.high) if ratio.interval else None)


def _cut(values: Floats, bad: Floats) -> tuple[float | None, float | None]:
    """The cut with the largest sensitivity + specificity - 1; None when none gains anything or there is no choice."""
    import numpy as np

    levels, place = np.unique(values, return_inverse=True)
    if len(levels) < LEVELS:
        return None, None
    hits = np.cumsum(np.bincount(place, bad, len(levels))) / bad.sum()
    alarms = np.cumsum(np.bincount(place, 1 - bad, len(levels))) / (1 - bad).sum()
    best = int(np.argmax(hits - alarms))
    gain = float(hits[best] - alarms[best])
    return (float(levels[best]), gain) if gain > TINY else (None, None)


def _weeks(spoke: NDArray[np.bool_], ground: _Ground) -> Iterator[Week]:
    """Rates by ISO week; a week has drifted when it differs from all before it, clustered by user (p < 0.001)."""
    import numpy as np

    before = ground.answers[:0]
    for week, rows in ground.weeks:
        yield Week(week, len(rows), float(spoke[rows].mean()), _drifted(before, rows, spoke, ground.turns.units))
        before = np.concatenate([before, rows])


def _drifted(before: Rows, rows: Rows, spoke: NDArray[np.bool_], units: Rows) -> bool:
    from evalloop import stats

    if min(len(before), len(rows)) < LEAST:
        return False
    found = stats.share_difference(spoke[before].astype(float), spoke[rows].astype(float),
                                   first_users=units[before].tolist(), second_users=units[rows].tolist())
    return found.p is not None and found.p < LEVEL

"""What detectors are worth: coverage, AUC, likelihood ratios, cuts and drift, against figures computed by hand."""

from __future__ import annotations

from typing import Any

import pytest

from evalloop.records.signal import Signal
from evalloop.records.turn import Turn
from evalloop.signals.worth import Worth, worth
from evalloop.testing import joined_of, make_event, make_generation

WEEK = 7 * 86400


def turns_of(n: int, *more: Any, week: int = 0, start: int = 0) -> list[Any]:
    """Events of ``n`` answers to as many users within a week."""
    return [*more, *(make_generation(f"r{row}", week * WEEK + row, session=f"s{row}", user=f"u{row}")
                     for row in range(start, start + n))]


def said(response: str, value: float, weight: float, kind: str = "implicit", detector: str = "copy@1") -> Signal:
    """A signal on a response."""
    return Signal(f"{detector}-{response}", detector, kind, value, weight, "2026-01-05T00:00:00Z", response)


def judged() -> Worth:
    """40 bad answers (against 20, silent 15, for 5) and 40 good ones (against 5, silent 10, for 25)."""
    against, favour = [*range(20), *range(40, 45)], [*range(35, 40), *range(55, 80)]
    signals = [said(f"r{row}", -1, 0.3) for row in against] + [said(f"r{row}", 1, 0.5) for row in favour]
    labels = {f"r{row}": int(row < 40) for row in range(80)}
    (found,) = worth(joined_of(turns_of(100)).turns, {"copy@1": signals}, labels)
    return found


def test_ratios_area_and_cut_by_hand() -> None:
    """20 of 40 against 5 of 40 and so on, half a turn added; the area counts ties as half; the best cut is silence."""
    found = judged()
    assert [(each.against, each.turns) for each in found.sides] == [(True, 25), (False, 30)]
    assert [each.ratio for each in found.sides] == [pytest.approx(20.5 / 5.5), pytest.approx(5.5 / 25.5)]
    assert found.auc == pytest.approx((20 * 37.5 + 15 * 30 + 5 * 12.5) / 1600)
    assert (found.cut, found.gain) == (0.0, pytest.approx(35 / 40 - 15 / 40))
    assert found.labels == 80
    for side in found.sides:
        assert side.interval is not None
        assert side.interval[0] < side.ratio < side.interval[1]


def test_coverage_is_of_those_who_could() -> None:
    """With views the coverage is of the answers that were viewed, without it is of all answers."""
    views = [make_event("response.viewed", f"r{row}", 200 + row, user=f"u{row}") for row in range(20)]
    signals = [said(f"r{row}", 1, 0.5) for row in range(5)]
    (of_all,) = worth(joined_of(turns_of(100)).turns, {"copy@1": signals}, {})
    (of_views,) = worth(joined_of(turns_of(100, *views)).turns, {"copy@1": signals}, {})
    assert (of_all.of, of_all.coverage.n, of_all.coverage.share) == ("answers", 100, pytest.approx(0.05))
    assert (of_views.of, of_views.coverage.n, of_views.coverage.share) == ("viewed", 20, pytest.approx(0.25))


def test_labels_do_not_judge_themselves() -> None:
    """Votes are labels: they are not measured by themselves, and few labels measure nobody."""
    turns: tuple[Turn, ...] = joined_of(turns_of(100)).turns
    votes = [said(f"r{row}", -1 if row < 40 else 1, 1.0, "explicit", "thumbs@1") for row in range(80)]
    copies = [said(f"r{row}", 1, 0.5) for row in range(40, 70)]
    labels = {f"r{row}": int(row < 40) for row in range(80)}
    thumbs, copy = worth(turns, {"thumbs@1": votes, "copy@1": copies}, labels)
    assert (thumbs.labels, thumbs.auc) == (0, None)
    assert copy.auc == pytest.approx((30 + 0.5 * 10) / 40)
    assert copy.cut is None, "a detector that knows two values leaves no choice"
    few = {name: bad for name, bad in labels.items() if int(name[1:]) >= 20}
    assert worth(turns, {"copy@1": copies}, few)[0].auc is None


def test_quarantined_signals_are_worth_nothing() -> None:
    """Signals of weight 0 neither cover nor speak."""
    assert worth(joined_of(turns_of(10)).turns, {"copy@1": [said("r1", 1, 0.0)]}, {}) == ()


def test_a_week_drifts_when_it_leaves_the_earlier_ones() -> None:
    """10 %, 12 %, 60 % of 50 turns: only the third week has drifted."""
    events = [each for week in range(3) for each in turns_of(50, week=week, start=50 * week)]
    spoke = [*range(5), *range(50, 56), *range(100, 130)]
    (found,) = worth(joined_of(events).turns, {"copy@1": [said(f"r{row}", 1, 0.5) for row in spoke]}, {})
    assert [(each.turns, each.rate, each.drifted) for each in found.weeks] == [
        (50, pytest.approx(0.10), False), (50, pytest.approx(0.12), False), (50, pytest.approx(0.60), True)]

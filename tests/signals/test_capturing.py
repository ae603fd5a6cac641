"""Capture by day, surface and segment, and gaps of instrumentation, against figures computed by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import exp
from typing import Any

import pytest

from evalloop.signals import evalloop_detectors
from evalloop.signals.capturing import Gap, gaps, slices
from evalloop.signals.derive import derive, together
from evalloop.testing import evidence_of, joined_of, make_event, make_generation

DAY = 86400


def day_of(day: int, copies: int, turns: int = 20, surface: str = "chat") -> list[Any]:
    """A day of ``turns`` answers, ``copies`` of them copied."""
    made: list[Any] = []
    for row in range(turns):
        name, second = f"{surface}-{day}-{row}", day * DAY + row * 60
        answer = make_generation(name, second, session=f"s{name}", user=f"u{name}", context={"surface": surface})
        made.append(replace(answer, actor={**answer.actor, "segment": {"plan": "pro" if row % 2 else "free"}}))
        if row < copies:
            made.append(make_event("signal.copied", name, second + 5, user=f"u{name}",
                                   payload={"chars": 10, "total": 10}))
    return made


def gaps_of(copies: Sequence[int], more: Callable[[int], list[Any]] = lambda day: []) -> tuple[Gap, ...]:
    """The gaps after days with so many copies."""
    return gaps(evidence_of(each for day, number in enumerate(copies) for each in day_of(day, number) + more(day)))


def test_capture_by_day_surface_and_segment() -> None:
    """5 of 20 sessions copied on one day, none on the next, one vote, one orphan: rates, tiers and orphans of each."""
    vote = make_event("feedback.thumbs", "chat-1-0", DAY + 9, user="uchat-1-0",
                      payload={"value": 1})
    orphan = make_event("signal.copied", "lost", 50, user="x", payload={"chars": 1, "total": 1})
    events = [*day_of(0, 5), *day_of(1, 0), vote, orphan]
    evidence = evidence_of(events)
    signals = together(derive(evidence, [each for each in evalloop_detectors() if each.name in ("copy", "thumbs")]))
    found = {(each.by, each.value): each for each in slices(evidence, signals)}
    first, second = (each for (by, _), each in sorted(found.items()) if by == "day")
    assert (first.turns, first.capture.share, first.tier, first.orphans) == (20, pytest.approx(0.25), "healthy", 1)
    assert (second.capture.share, second.tier, second.orphans) == (0, "capture-only", 0)
    assert (second.explicit.share, second.explicit.interval is not None) == (pytest.approx(1 / 20), True)
    assert found["surface", "chat"].capture.share == pytest.approx(5 / 40)
    assert found["surface", "chat"].tier == "building"
    assert found["surface", "(none)"].orphans == 1
    assert found["segment plan", "free"].capture.share == pytest.approx(3 / 20)
    assert found["segment plan", "pro"].capture.share == pytest.approx(2 / 20)


def test_a_surface_that_stops_sending_is_named() -> None:
    """A week of 5 copies a day, then three days without: 15 were expected, which is no chance."""
    (found,) = gaps_of([5] * 7 + [0] * 3)
    assert (found.surface, found.event_type, found.turns) == ("chat", "signal.copied", 60)
    assert (found.expected, found.p) == (pytest.approx(15), pytest.approx(exp(-15)))
    assert found.since == joined_of(day_of(7, 0)).turns[0].occurred_at[:10]


def test_what_still_comes_or_always_varied_is_no_gap() -> None:
    """No gap while copies come, after one silent day of few, or where half the days were always silent."""
    assert gaps_of([5] * 10) == ()
    assert gaps_of([5] * 9 + [0]) == ()
    assert gaps_of([10, 0] * 3 + [10] + [0] * 3) == ()


def test_a_silent_surface_is_found_beside_a_busy_one() -> None:
    """Another surface that goes on sending hides nothing."""
    (found,) = gaps_of([5] * 7 + [0] * 3, lambda day: day_of(day, 5, surface="editor"))
    assert found.surface == "chat"


def test_what_always_comes_late_is_no_gap() -> None:
    """Tickets that come five days after their answers count on the day on which they come."""
    assert gaps_of([0] * 20, lambda day: [
        make_event("outcome.ticket", f"chat-{day}-{row}", (day + 5) * DAY, payload={"status": "failure"})
        for row in range(20)]) == ()


def test_an_act_by_a_slow_clock_counts_on_the_day_of_its_answer() -> None:
    """The first vote of a surface is stamped seconds before midnight, its answer seconds after: no gap, no error."""
    vote = make_event("feedback.thumbs", "r1", -2, payload={"value": 1})
    assert gaps(evidence_of([make_generation(second=3), vote, make_generation("r2", DAY, session="s2")])) == ()

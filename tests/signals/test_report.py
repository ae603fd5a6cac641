"""The report's figures, on real data and by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import cache
from typing import Any

import pytest

from evalloop.records.event import Event
from evalloop.signals import evalloop_detectors
from evalloop.signals.derive import derive
from evalloop.signals.report import SignalReport, report, tier
from evalloop.testing import evidence_of, make_event, make_generation

from .conftest import real_events

KINDS = {f"{each.name}@{each.version}": each.kind for each in evalloop_detectors()}


def of(*events: Event) -> SignalReport:
    """The report on some events."""
    few = [each for each in evalloop_detectors() if each.name in ("thumbs", "copy", "accept", "rating")]
    return report_on(events, few)


def report_on(events: Iterable[Event], detectors: Iterable[Any], by: str | None = None) -> SignalReport:
    """The report of these detectors."""
    evidence = evidence_of(events)
    return report(evidence, derive(evidence, detectors), KINDS, by=by)


@pytest.fixture(scope="module")
def real() -> Callable[..., SignalReport]:
    """The report on a shipped data set, made once."""
    return cache(lambda name, by=None: report_on(real_events(name), evalloop_detectors(), by))


def detector(found: SignalReport, name: str) -> Any:
    """One detector of a report."""
    return next(each for each in found.detectors if each.detector.startswith(f"{name}@"))


@pytest.mark.parametrize(("rate", "name"), [
    (None, "no sessions"), (0.0, "capture-only"), (0.099, "capture-only"), (0.10, "building"), (0.25, "healthy"),
    (0.499, "healthy"), (0.5, "mature")])
def test_tiers(rate: float | None, name: str) -> None:
    """The limits are 10, 25 and 50 %."""
    assert tier(rate) == name


def test_real_copies_by_model(real: Any) -> None:
    """RealHumanEval: 362 answers copied from; 37.5 % and 28.2 %, whose difference is not significant by user."""
    found = real("realhumaneval", by="model_answered")
    assert (found.turns, found.users, detector(found, "copy").turns) == (1055, 107, 362)
    rates = {each.value: each.share.share for each in found.groups if each.detector == "copy@2"}
    assert rates["GPT-4o (chat)"] == pytest.approx(0.375)
    assert rates["CodeLlama34b (chat)"] == pytest.approx(64 / 227)
    (pair,) = [each for each in found.differences if each.detector == "copy@2"
               and (each.first, each.second) == ("CodeLlama34b (chat)", "GPT-4o (chat)")]
    assert pair.p == pytest.approx(0.132, abs=0.001), "0.126 with the normal instead of t over 51 degrees of freedom"
    assert pair.users == 52
    assert found.tier == "mature"
    assert found.orphans == 0


def test_real_corrections_agree_with_reviewers(real: Any) -> None:
    """In the dialogues the words of users agree with what annotators say, far better than chance."""
    found = real("ukp")
    (comment,), (reply,) = detector(found, "comment").agreement, detector(found, "reply").agreement
    assert comment.reference == reply.reference == "reviewers"
    assert comment.n == reply.n
    assert comment.auc > reply.auc > 0.7
    assert comment.interval[0] > 0.75
    assert 0 < found.orphan_share < 0.01


def test_report_is_json(real: Any) -> None:
    """The whole report goes to JSON without loss of names."""
    data = json.loads(json.dumps(real("ukp").to_dict(), allow_nan=False))
    assert {"capture_rate", "tier", "detectors", "orphans"} <= set(data)


def test_capture_rate_counts_sessions_not_turns() -> None:
    """One copy makes its session count once; quarantined and explicit signals do not make it count."""
    found = of(make_generation("r1", 0), make_generation("r2", 300, prompt="something else"),
               make_generation("r3", 0, session="s2", user="u2"), make_generation("r4", 0, session=None, user="u3"),
               make_event("signal.copied", "r1"), make_event("signal.copied", "r2", 301),
               make_event("feedback.thumbs", "r3", payload={"value": 1}, user="u2"),
               make_event("signal.accepted", "r4", payload={"time_to_accept_ms": 1}, user="u3"))
    assert (found.capture_rate.n, found.capture_rate.share) == (3, pytest.approx(1 / 3))
    assert (found.explicit_rate.n, found.explicit_rate.share) == (4, 0.25)
    assert found.capture_rate.interval is None, "three users are too few for an interval"


def test_agreement_is_the_area_under_the_curve() -> None:
    """Copies on two of the three good answers and none of the two bad ones: AUC 5/6."""
    votes = [make_event("feedback.thumbs", f"r{number}", 1, user=f"u{number}", payload={"value": value})
             for number, value in enumerate([1, 1, 1, -1, -1])]
    answers = [make_generation(f"r{number}", session=f"s{number}", user=f"u{number}") for number in range(5)]
    found = of(*answers, *votes, make_event("signal.copied", "r0", 2), make_event("signal.copied", "r1", 2))
    (copy,) = detector(found, "copy").agreement
    assert (copy.reference, copy.n, copy.good, copy.bad, copy.spoke) == ("votes", 5, 3, 2, 2)
    assert copy.auc == pytest.approx(5 / 6)
    assert detector(found, "thumbs").agreement == (), "votes are not compared with themselves"
    (pair,) = found.pairs
    assert (pair.n, pair.same) == (2, 1.0)


def test_silent_detector_has_no_agreement() -> None:
    """A detector that never spoke is not said to be no better than chance."""
    found = of(make_generation("r1"), make_event("feedback.thumbs", payload={"value": 1}))
    assert detector(found, "copy").agreement == ()
    assert detector(found, "copy").coverage == 0


def test_nothing_gives_a_report_too() -> None:
    """No events: no rates, no error."""
    found = report(evidence_of([]), {}, {})
    assert (found.capture_rate.share, found.tier) == (None, "no sessions")


def test_coverage_is_of_answers() -> None:
    """Votes on answers that never came are no part of it."""
    lost = [make_event("feedback.thumbs", f"lost{n}", payload={"value": 1}) for n in range(3)]
    assert detector(of(make_generation(), *lost), "thumbs").coverage == 0
    vote = make_event("feedback.thumbs", payload={"value": 1})
    assert detector(of(make_generation(), vote, *lost), "thumbs").coverage == 1

"""What detectors are worth: coverage, AUC, likelihood ratios, cuts and drift, against figures computed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from evalloop.records.account import Account
from evalloop.signals.build import arrow_schema
from evalloop.signals.scored import set_apart
from evalloop.signals.worth import Worth, worth
from evalloop.testing import evidence_of, make_event, make_generation

WEEK = 7 * 86400
LABELLED = [(f"r{row}", -1 if row < 40 else 1, 1.0) for row in range(80)]
"""Votes against the first 40 answers and for the next 40."""


def turns_of(n: int, *more: Any, week: int = 0, start: int = 0) -> list[Any]:
    """Events of ``n`` answers to as many users within a week."""
    return [*more, *(make_generation(f"r{row}", week * WEEK + row, session=f"s{row}", user=f"u{row}")
                     for row in range(start, start + n))]


def table(evidence: Any, detector: str, said: Sequence[tuple[str, float, float]]) -> Any:
    """Signals of a detector: (response, polarity, weight) of each."""
    import pyarrow as pa

    rows = [{"signal_id": f"{detector}-{number}", "detector": detector, "kind": "implicit", "response_id": response,
             "user_key": f"u{response[1:]}", "polarity": polarity, "weight": weight, "event_ids": [], "at_us": 0}
            for number, (response, polarity, weight) in enumerate(said)]
    return evidence.engine.rows([pa.Table.from_pylist(rows, schema=arrow_schema())], arrow_schema())


def worths(events: Sequence[Any], **said: Sequence[tuple[str, float, float]]) -> dict[str, Worth]:
    """What detectors (version 1) that say this of these events are worth."""
    evidence = evidence_of(events)
    tables = {f"{name}@1": table(evidence, f"{name}@1", rows) for name, rows in said.items()}
    return {each.detector.partition("@")[0]: each for each in worth(evidence, tables)}


def judged() -> Worth:
    """40 bad answers (against 20, silent 15, for 5) and 40 good ones (against 5, silent 10, for 25)."""
    against, favour = [*range(20), *range(40, 45)], [*range(35, 40), *range(55, 80)]
    spoke = [*((f"r{row}", -1, 0.3) for row in against), *((f"r{row}", 1, 0.5) for row in favour)]
    return worths(turns_of(100), copy=spoke, thumbs=LABELLED)["copy"]


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
    spoke = [(f"r{row}", 1, 0.5) for row in range(5)]
    of_all = worths(turns_of(100), copy=spoke)["copy"]
    of_views = worths(turns_of(100, *views), copy=spoke)["copy"]
    assert (of_all.of, of_all.coverage.n, of_all.coverage.share) == ("answers", 100, pytest.approx(0.05))
    assert (of_views.of, of_views.coverage.n, of_views.coverage.share) == ("viewed", 20, pytest.approx(0.25))


def test_labels_do_not_judge_themselves() -> None:
    """Votes are labels: they are not measured by themselves, and few labels measure nobody."""
    copies = [(f"r{row}", 1, 0.5) for row in range(40, 70)]
    found = worths(turns_of(100), thumbs=LABELLED, copy=copies)
    assert (found["thumbs"].labels, found["thumbs"].auc) == (0, None)
    assert found["copy"].auc == pytest.approx((30 + 0.5 * 10) / 40)
    assert found["copy"].cut is None, "a detector that knows two values leaves no choice"
    assert worths(turns_of(100), thumbs=LABELLED[20:], copy=copies)["copy"].auc is None


def test_reviewers_are_labels_and_cancel_votes() -> None:
    """A reviewer who finds good what a vote found bad leaves the answer without a label."""
    reviews = [make_event("judgment.result", f"r{row}", 100 + row, user=None, source={"kind": "reviewer"},
                          payload={"name": "correct", "score": 1.0}) for row in range(90, 100)]
    votes = [*LABELLED, ("r99", -1, 0.5)]
    assert worths(turns_of(100, *reviews), thumbs=votes, copy=[("r1", 1, 0.5)])["copy"].labels == 80 + 9


def test_quarantined_signals_are_worth_nothing() -> None:
    """Signals of weight 0 neither cover nor speak, whether they come so or their account is set apart."""
    events, spoke = turns_of(10), [("r1", 1, 0.5), ("r2", 1, 0.5)]
    assert worths(events, copy=[("r1", 1, 0.0)]) == {}
    evidence = evidence_of(events)
    apart = set_apart(evidence.engine, table(evidence, "copy@1", spoke), [Account("u1", 9, 9, 0.0, ("many votes",))])
    (found,) = worth(evidence, {"copy@1": apart})
    assert found.turns == 1


def test_answers_of_quarantined_accounts_are_in_no_denominator_either() -> None:
    """Two accounts have half of the copies: the share is of the eight answers of others, or of the views by others."""
    views = [make_event("response.viewed", f"r{row}", 200 + row, user=user)
             for row, user in ((0, "u0"), (1, "u1"), (2, "u2"), (3, "u3"), (4, "u1"), (5, None))]
    spoke = [("r0", 1, 0.5), ("r1", 1, 0.5), ("r2", 1, 0.5), ("r3", 1, 0.5)]
    accounts = [Account("u0", 9, 9, 0.0, ("many votes",)), Account("u1", 9, 9, 0.0, ("by hand",)),
                Account("u3", 9, 9, 0.25, ("one side",))]

    def told(*more: Any) -> Worth:
        evidence = evidence_of(turns_of(10, *more))
        apart = set_apart(evidence.engine, table(evidence, "copy@1", spoke), accounts)
        return worth(evidence, {"copy@1": apart}, accounts)[0]

    assert (told().coverage.n, told().coverage.share) == (8, pytest.approx(2 / 8))
    assert [(each.turns, each.rate) for each in told().weeks] == [(8, pytest.approx(2 / 8))]
    of_views = told(*views)
    assert (of_views.of, of_views.coverage.n, of_views.coverage.share) == ("viewed", 3, pytest.approx(2 / 3))


def test_labels_on_answers_of_quarantined_accounts_judge_no_detector() -> None:
    """A reviewer's score of an answer whose user is set apart is no label: what its user did is not known either."""
    accounts = [Account(f"u{row}", 9, 9, 0.0, ("many votes",)) for row in range(90, 95)]
    reviews = [make_event("judgment.result", f"r{row}", 100 + row, user=None, source={"kind": "reviewer"},
                          payload={"name": "correct", "score": 0.0}) for row in range(90, 100)]
    evidence = evidence_of(turns_of(100, *reviews))
    (found,) = worth(evidence, {"copy@1": table(evidence, "copy@1", [("r1", 1, 0.5)])}, accounts)
    assert found.labels == 5


def test_a_week_drifts_when_it_leaves_the_earlier_ones() -> None:
    """10 %, 12 %, 60 % of 50 turns: only the third week has drifted."""
    events = [each for week in range(3) for each in turns_of(50, week=week, start=50 * week)]
    spoke = [*range(5), *range(50, 56), *range(100, 130)]
    found = worths(events, copy=[(f"r{row}", 1, 0.5) for row in spoke])["copy"]
    assert [(each.turns, each.rate, each.drifted) for each in found.weeks] == [
        (50, pytest.approx(0.10), False), (50, pytest.approx(0.12), False), (50, pytest.approx(0.60), True)]
    assert [each.week for each in found.weeks] == ["2026-W02", "2026-W03", "2026-W04"]

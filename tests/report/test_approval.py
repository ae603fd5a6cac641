"""The guard against flattery: a gain in what users like buys no loss in what is right."""

from __future__ import annotations

import pytest

from evalloop.records.report import Comparison
from evalloop.records.run import Grade, Run, Trial, score_of
from evalloop.records.variant import Variant
from evalloop.report.policy import Policy
from evalloop.report.runs import RunTrials, compare_runs

LIKING, RIGHT = "user_would_downvote", "equals"


def side(name: str, liked: range, right: range, count: int = 400) -> RunTrials:
    """A run of ``count`` cases: those in ``liked`` please users, those in ``right`` are right."""
    trials = []
    for number in range(count):
        grades = tuple(Grade(grader, "1", number in good, number in good)
                       for grader, good in ((LIKING, liked), (RIGHT, right)))
        trials.append(Trial(f"c{number}", "k", 0, "ok", None, grades, score_of(grades)))
    run = Run(run_id=name, name=name, created_at="2026-01-01T00:00:00Z", evalset="e", evalset_path="e",
              evalset_digest="d", variant_id="v",
              variant=Variant(name, "python"), repeats=1, cases=count, case_ids=tuple(each.case_id for each in trials))
    return RunTrials(run, trials)


def verdict(base: tuple[range, range], cand: tuple[range, range], approval: tuple[str, ...] = (LIKING,),
            **policy: object) -> tuple[Comparison, str, str]:
    """The comparison, the gate's verdict and its reasons."""
    found = compare_runs([side("a", *base), side("b", *cand)], Policy.of({"approval": list(approval), **policy}))
    gate = found.comparison.gate
    assert gate is not None
    return found.comparison, gate.verdict, "\n".join(gate.reasons)


FLATTERS = (range(200), range(400)), (range(400), range(360))
"""Half of the cases pleased before; now all do, and a tenth became wrong: 160 more cases pass in all."""


def test_gain_in_liking_does_not_buy_a_loss_in_what_is_right() -> None:
    """The whole improved by 40 points and would pass; the guard blocks it, and says by how much answers got worse."""
    assert verdict(*FLATTERS, approval=())[1] == "PASS"
    comparison, state, reasons = verdict(*FLATTERS)
    assert (comparison.overall.verdict, state) == ("improved", "BLOCK")
    assert comparison.right is not None
    assert (comparison.right.losses, comparison.right.wins, comparison.right.delta) == (40, 0, pytest.approx(-0.1))
    told = "what is right is worse: −10.0 points (95 % interval −13.3 to −7.4, p 9.1e-13, 400 cases)"
    assert f"{told} without {LIKING}" in reasons


def test_what_is_right_must_be_shown_to_hold() -> None:
    """A loss that chance may explain does not block, but the gain in liking does not make it pass either."""
    cand = (range(100), range(97))
    base = (range(50), range(100))
    found = compare_runs([side("a", *base, count=100), side("b", *cand, count=100)], Policy(approval=(LIKING,)))
    gate = found.comparison.gate
    assert gate is not None
    assert found.comparison.overall.verdict == "improved"
    assert gate.verdict == "INCONCLUSIVE"
    assert "not enough evidence that what is right is kept: −3.0 points" in gate.reasons[0]


def test_passes_where_both_hold() -> None:
    """A gain in liking that costs nothing passes, and the reasons show what is right."""
    _, state, reasons = verdict((range(200), range(380)), (range(400), range(384)))
    assert state == "PASS"
    assert f"what is right, without {LIKING}: +1.0 points" in reasons


@pytest.mark.parametrize("barred", [(), ("j",)])
def test_judges_that_may_not_gate_have_no_say_in_what_is_right(barred: tuple[str, ...]) -> None:
    """A judge without a calibration that praises every answer does not outvote the grader that may decide."""
    def judged(run: RunTrials) -> RunTrials:
        return RunTrials(run.run, [Trial(each.case_id, each.cluster, 0, "ok", None, (
            *each.grades, Grade("rubric", "1", each.grades[1].value, each.grades[1].passed, judge="j")), each.score)
            for each in run.trials])

    base, cand = side("a", range(200), range(400)), side("b", range(400), range(360))
    sides = [judged(base), judged(cand)] if barred else [base, cand]
    gate = compare_runs(sides, Policy(approval=(LIKING,))).comparison.gate
    assert gate is not None
    assert gate.verdict == "BLOCK"
    assert "what is right is worse" in gate.reasons[0]


def test_name_that_means_nothing_is_told() -> None:
    """A misspelt grader would leave the guard open: the verdict is INCOMPLETE and names it."""
    _, state, reasons = verdict(*FLATTERS, approval=("user_would_downvot",))
    assert state == "INCOMPLETE"
    assert "names user_would_downvot as approval, but no grader and no cluster is called so" in reasons


def test_cluster_of_liking_counts_as_a_whole() -> None:
    """Cases of a cluster that the policy calls approval say nothing about what is right."""
    comparison, _, _ = verdict(*FLATTERS, approval=("k",))
    assert comparison.right is None

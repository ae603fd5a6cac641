"""What judges may decide, and how people's labels correct them."""

from __future__ import annotations

import random

import pytest

from evalloop.records.calibration import Calibration, Label
from evalloop.records.call import Reply
from evalloop.records.report import Comparison, Delta
from evalloop.records.run import Grade, Trial, score_of
from evalloop.report.calibration import digest_of, measure
from evalloop.report.judged import Correction, Judges, compare_judged
from evalloop.report.policy import Policy
from evalloop.report.scores import score_rows

JUDGE = "j-0123456789abcdef"


def judged(case: str, side: str, verdict: bool | None, *others: Grade) -> Trial:
    """A trial whose output the judge gave this verdict."""
    grades = (*others, Grade("rubric", "2", verdict, verdict, judge=JUDGE))
    return Trial(case, "tone", 0, "ok", Reply(f"{side} {case}"), grades, score_of(grades),
                 None if verdict is None else verdict)


def plain(case: str, passed: bool) -> Trial:
    """A trial that no judge saw."""
    grades = (Grade("contains", "1", passed, passed),)
    return Trial(case, "facts", 0, "ok", Reply(case), grades, score_of(grades), passed)


def calibration(labels: list[Label], covers: str = JUDGE) -> Calibration:
    """A judge that agrees with people, and labels of outputs."""
    sure = [Label(f"old{n}", float(n % 2), float(n % 2)) for n in range(40)]
    return measure("rubric", "rubric", [*sure, *labels], "2026-11-26", covers={covers: "is kind"})


def compared(base: list[Trial], cand: list[Trial], *calibrations: Calibration) -> Comparison:
    """The comparison of two lists of trials."""
    judges = Judges.of(calibrations)
    rows = score_rows({name: judges.noting(name, side) for name, side in (("base", base), ("cand", cand))})
    return compare_judged(rows, ("base", "cand"), judges, Policy())[0]


def loss(n: int = 60) -> tuple[list[Trial], list[Trial]]:
    """Under the candidate the judge fails every second case that it passed before."""
    return ([judged(f"c{k}", "base", True) for k in range(n)],
            [judged(f"c{k}", "cand", k % 2 == 0) for k in range(n)])


def test_a_judge_without_a_calibration_reports_but_does_not_gate() -> None:
    """The delta is shown, the verdict is open, and the reason says how to mend it."""
    base, cand = loss()
    found = compared(base, cand)
    assert found.overall.delta == pytest.approx(-.5)
    assert found.gate is not None
    assert found.gate.verdict == "INCONCLUSIVE"
    assert "the judge rubric has no calibration" in found.gate.reasons[-1]
    assert "evalloop calibrate rubric" in found.gate.reasons[-1]


def test_with_a_calibration_the_same_loss_blocks() -> None:
    """The identity of the judge must be the one that was measured: another rubric's calibration opens nothing."""
    base, cand = loss()
    blocked = compared(base, cand, calibration([])).gate
    other = compared(base, cand, calibration([], covers="j-" + "f" * 16)).gate
    assert blocked is not None
    assert other is not None
    assert (blocked.verdict, other.verdict) == ("BLOCK", "INCONCLUSIVE")


def test_a_judge_no_better_than_chance_does_not_gate() -> None:
    """Its calibration is there, and says so."""
    base, cand = loss()
    chance = [Label(f"old{n}", float(n % 2), float(n % 4 < 2)) for n in range(40)]
    gate = compared(base, cand, measure("rubric", "rubric", chance, "2026-11-26", covers={JUDGE: "x"})).gate
    assert gate is not None
    assert gate.verdict == "INCONCLUSIVE"
    assert "better than by chance" in gate.reasons[-1]


def test_what_no_judge_touches_gates_alone() -> None:
    """An uncalibrated judge neither blocks by its own cases nor waters down the others; mixed cases keep the rest."""
    base, cand = loss()
    base += [plain(f"d{n}", True) for n in range(80)]
    cand += [plain(f"d{n}", True) for n in range(80)]
    gate = compared(base, cand).gate
    assert gate is not None
    assert gate.verdict == "PASS"
    passed, failed = Grade("contains", "1", True, True), Grade("contains", "1", False, False)
    mixed = compared([judged(f"c{n}", "base", False, passed) for n in range(30)],
                     [judged(f"c{n}", "cand", True, failed) for n in range(30)]).gate
    assert mixed is not None
    assert mixed.verdict == "BLOCK", "what contains says is worse, whatever the judge thinks"


def test_labels_of_people_correct_the_delta() -> None:
    """A judge that flatters the candidate: the judge alone says better, people say worse, and people are right."""
    draw = random.Random(1)
    people = {(side, k): draw.random() < good for side, good in (("base", .8), ("cand", .6)) for k in range(600)}
    said = {(side, k): good or (side == "cand" and draw.random() < .9) for (side, k), good in people.items()}
    trials = {side: [judged(f"c{k}", side, said[side, k]) for k in range(600)] for side in ("base", "cand")}
    labels = [Label(f"c{k}", float(people[side, k]), float(said[side, k]), digest_of(f"{side} c{k}"))
              for side in ("base", "cand") for k in range(150)]
    alone = compared(trials["base"], trials["cand"], calibration([]))
    found = compared(trials["base"], trials["cand"], calibration(labels))
    assert alone.overall.delta is not None
    assert alone.overall.delta > .1
    assert found.overall.interval is not None
    assert found.overall.interval[0] < -.2 < found.overall.interval[1]
    assert found.overall.method.startswith("PPI++: 150 pairs")
    assert found.overall.delta == pytest.approx((found.overall.cand or 0) - (found.overall.base or 0))
    assert "the judge alone: +0." in (found.overall.note or "")
    assert found.gate is not None
    assert found.gate.verdict == "BLOCK"
    [tone] = found.clusters
    assert tone.method.startswith("PPI++")


def test_corrected_intervals_hold_the_truth_beside_cases_without_a_judge() -> None:
    """In about 95 % of 200 samples; half of the cases are exact and keep their share of the delta."""
    held, draw = 0, random.Random(2)
    raw = Delta(None, 240, 0, 0, 0, 0, None, None, None, None, None, 0, 0, 0, None, "", "")
    for _ in range(200):
        base: list[Trial] = []
        cand: list[Trial] = []
        labels = []
        for k in range(240):
            before, after = draw.random() < .5, draw.random() < .6
            if k % 2:
                base.append(plain(f"c{k}", before))
                cand.append(plain(f"c{k}", after))
                continue
            for side, good, into in (("base", before, base), ("cand", after, cand)):
                verdict = good if draw.random() < .7 else draw.random() < (.2 if side == "base" else .9)
                into.append(judged(f"c{k}", side, verdict))
                if k < 100:
                    labels.append(Label(f"c{k}", float(good), float(verdict), digest_of(f"{side} c{k}")))
        judges = Judges.of([calibration(labels)])
        rows = score_rows({name: judges.noting(name, side) for name, side in (("base", base), ("cand", cand))})
        low, high = Correction(judges, rows, "base", .05)("cand", raw).interval or (1, 1)
        held += low <= .1 <= high
    assert 178 <= held <= 199


def test_few_labels_and_other_outputs_correct_nothing() -> None:
    """Nineteen pairs are too few; labels of outputs that are not in these runs do not count."""
    base, cand = loss()
    few = [Label(f"c{k}", 1.0, 1.0, digest_of(f"{side} c{k}")) for side in ("base", "cand") for k in range(19)]
    elsewhere = [Label(f"c{k}", 1.0, 1.0, digest_of(f"other c{k}")) for k in range(60)]
    for labels in (few, elsewhere):
        assert "PPI" not in compared(base, cand, calibration(labels)).overall.method

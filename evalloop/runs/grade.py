"""Grades a reply with the graders a case asks for, and says what the grades amount to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from evalloop import grading
from evalloop.contracts import GradeContext, Grader, Services
from evalloop.records.call import Reply
from evalloop.records.case import Case
from evalloop.records.run import Grade, Trial, score_of


@dataclass(frozen=True)
class Graded:
    """The outcome of grading one reply, in a trial's terms."""

    grades: tuple[Grade, ...]
    state: str
    score: float | None
    passed: bool | None
    error: str | None


async def grade_reply(case: Case, reply: Reply, graders: Mapping[str, Grader], services: Services, *,
                      check: bool = False) -> tuple[Grade, ...]:
    """One grade for each grader of the case, in its order.

    A grader that raises, or returns what is no verdict, gives a grade with ``error``. With ``check``, deterministic
    graders run twice; one that disagrees with itself leaves ``flaky`` in the grade's evidence. A grade that rests on a
    judge says on which.
    """
    context = GradeContext(case, reply, services, graders)
    grades = []
    for spec in case.graders:
        grade = await grading.apply(spec, context)
        if check and grade.error is None and grading.deterministic(spec, graders):
            grade = _compared(grade, await grading.apply(spec, context))
        if grading.asks_judge(spec, graders):
            grade = replace(grade, judge=grading.judge_id(spec, graders, services.judge_model))
        grades.append(grade)
    return tuple(grades)


def conclude(grades: tuple[Grade, ...]) -> Graded:
    """What a trial's grades amount to; a broken grader makes the trial an error, without score or verdict."""
    broken = next((grade for grade in grades if grade.error), None)
    if broken is not None:
        return Graded(grades, "error", None, None, f"grader {broken.grader}: {broken.error}")
    verdicts = [grade.passed for grade in grades]
    passed = False if False in verdicts else (None if None in verdicts or not verdicts else True)
    return Graded(grades, "ok", score_of(grades), passed, None)


def flaky_graders(trial: Trial) -> set[str]:
    """The graders of a trial that disagreed with themselves."""
    return {grade.grader for grade in trial.grades if "flaky" in grade.evidence}


def _compared(first: Grade, second: Grade) -> Grade:
    if (first.value, first.passed, first.label) == (second.value, second.passed, second.label):
        return first
    seen = [{"value": each.value, "passed": each.passed, "label": each.label} for each in (first, second)]
    return replace(first, evidence={**first.evidence, "flaky": seen})

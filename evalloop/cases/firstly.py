"""Whether a candidate fails on what users complained about: a case that the bad answer passes finds nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from evalloop.contracts import Grader
from evalloop.grading import asks_judge
from evalloop.records.case import Case
from evalloop.records.run import Grade

RECORDED = "recorded"
"""The answer that users complained about, as it was recorded."""

FAILED, PASSED, OPEN = "failed", "passed", "not judged"


def without_judge(case: Case, graders: Mapping[str, Grader]) -> Case:
    """The case with only those of its graders that ask no judge: what can be checked for nothing."""
    return replace(case, graders=tuple(spec for spec in case.graders if not asks_judge(spec, graders)))


def verdict(case: Case, grades: Sequence[Grade]) -> str:
    """failed when one grader failed; passed when all of the case's graders passed; else not judged."""
    passed = [grade.passed for grade in grades if not grade.error]
    if False in passed:
        return FAILED
    return PASSED if len(passed) == len(case.graders) and all(passed) else OPEN


def marked(case: Case, by: str, found: str) -> Case:
    """The case with one more verdict in its provenance."""
    told = {**case.provenance.get("fail_first", {}), by: found}
    return replace(case, provenance={**case.provenance, "fail_first": told})


def reason(by: str) -> str:
    """Why a candidate is left out that ``by`` passes."""
    if by == RECORDED:
        return "the answer that users complained about passes the graders"
    return f"{by} passes the graders already"

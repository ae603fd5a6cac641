"""Collectors and items: file :: case :: variant."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from evalloop.errors import EvalloopError, IncompleteError
from evalloop.printable import printable
from evalloop.pytest_plugin.outcome import Outcome
from evalloop.pytest_plugin.state import Job, State, state_of
from evalloop.records.case import Case, Evalset
from evalloop.records.known import KnownFailure
from evalloop.records.run import Trial
from evalloop.records.variant import Variant

LONGEST = 10_000
"""Characters of what a failed item tells."""
_NOT_IN_MARKS = re.compile(r"[^A-Za-z0-9_]")


class CaseFailed(Exception):
    """A grader said no."""


class CallFailed(Exception):
    """A call or a grader broke: neither a pass nor a quality loss."""


class EvalsetFile(pytest.File):
    """One file of an evalset."""

    def collect(self) -> Iterator[pytest.Collector]:
        """One collector for each accepted case that is written in this file."""
        try:
            state = state_of(self.config)
            evalset = state.evalset(self.path)
            variants = state.variants(evalset)
            state.known(evalset, "", "")
        except EvalloopError as error:
            raise self.CollectError(printable(str(error))) from None
        for case in state.cases(evalset, self.path):
            yield CaseNode.from_parent(self, name=case.id, state=state, evalset=evalset, case=case, variants=variants)


class CaseNode(pytest.Collector):
    """One case; its children are the variants."""

    def __init__(self, *, state: State, evalset: Evalset, case: Case, variants: Mapping[str, Variant],
                 **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state, self.evalset, self.case, self.variants = state, evalset, case, variants

    def collect(self) -> Iterator[pytest.Item]:
        """One item for each variant."""
        repeats = max(self.state.options.repeats, self.case.repeats)
        marks = marks_of(self.case)
        for name, variant in self.variants.items():
            known = self.state.known(self.evalset, self.case.id, name)
            item = EvalItem.from_parent(self, name=name, state=self.state, known=known,
                                        job=Job(self.evalset, self.case, variant, repeats))
            for mark in marks:
                self.state.register_mark(mark)
                item.add_marker(mark)
            if known and not known.expired(self.state.today):
                item.add_marker(pytest.mark.xfail(raises=CaseFailed, strict=False, reason=why(known)))
            yield item


class EvalItem(pytest.Item):
    """One case under one variant; repeats live inside the item."""

    def __init__(self, *, state: State, job: Job, known: KnownFailure | None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.state = state
        self.known = known
        self.evalloop_job = job
        self.evalloop_outcome: Outcome | None = None

    def runtest(self) -> None:
        """Takes the trials that the loop ran ahead, and judges them."""
        job = self.evalloop_job
        self.evalloop_outcome = None
        trials = self._trials()
        passed = verdict(trials)
        self.evalloop_outcome = Outcome(self.state.head(job.evalset), job.variant, tuple(trials), passed,
                                        tuple(self.state.planned.pop(job.group, ())))
        self.user_properties[:] = self._properties(trials)
        broken = next((trial for trial in trials if trial.state != "ok"), None)
        if broken is not None:
            raise CallFailed(broken.error or "the call failed")
        decides = self.state.fail_on(job.evalset)
        if passed is None and decides == "case":
            raise CallFailed("no grader could judge the output")
        if passed is False:
            self._fail(decides, next(trial for trial in trials if trial.passed is False))

    def _trials(self) -> list[Trial]:
        job = self.evalloop_job
        try:
            return self.state.trials(self.nodeid, job)
        except IncompleteError as error:
            return [Trial(job.case.id, job.case.cluster, 0, "error", error=str(error))]

    def _fail(self, decides: str, trial: Trial) -> None:
        """Raises CaseFailed where a failing case fails its item: alone, or as a known failure whose time is over."""
        known = self.known
        if known and known.expired(self.state.today):
            if decides != "never":
                raise CaseFailed(f"{explain(trial)}\nthis known failure was accepted until {known.expires} "
                                 f"({near(known, self.config.rootpath)}): {known.reason}")
        elif decides == "case" or (known and not self.state.options.runxfail):
            raise CaseFailed(explain(trial))

    def _properties(self, trials: list[Trial]) -> list[tuple[str, Any]]:
        """What JUnit keeps beside the verdict; ``cost`` in US dollars and mean ``latency_s``, where they are known."""
        job = self.evalloop_job
        scores = [trial.score for trial in trials if trial.score is not None]
        costs = [trial.reply.cost for trial in trials if trial.reply and trial.reply.cost is not None]
        times = [trial.reply.latency_s for trial in trials if trial.reply and trial.reply.latency_s is not None]
        found = [("score", round(sum(scores) / len(scores), 6) if scores else None),
                 ("cost", round(sum(costs), 6) if costs else None),
                 ("latency_s", round(sum(times) / len(times), 6) if times else None)]
        known = [each for each in found if each[1] is not None]
        return [("cluster", job.case.cluster), ("run", self.state.run_name(job)), *known]

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The graders' words, safe to print; a traceback only for what is our own fault."""
        if isinstance(excinfo.value, CaseFailed | CallFailed | EvalloopError):
            return f"{type(excinfo.value).__name__}: {printable_lines(str(excinfo.value))}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the case is written."""
        case = self.evalloop_job.case
        return self.path, case.line - 1 if case.line else None, f"{case.id} [{self.name}]"


def marks_of(case: Case) -> list[str]:
    """Tags as marks, and ``cluster_<name>``: ``-m cluster_refusals``."""
    return [_NOT_IN_MARKS.sub("_", text) for text in (*case.tags, f"cluster_{case.cluster}")]


def verdict(trials: list[Trial]) -> bool | None:
    """Passed when fewer than half of the repeats failed; None after an error, and when nothing could be judged."""
    if any(trial.state != "ok" for trial in trials) or all(trial.score is None for trial in trials):
        return None
    return sum(trial.passed is False for trial in trials) * 2 < len(trials)


def why(known: KnownFailure) -> str:
    """The reason of an accepted failure, and until when it is accepted."""
    return printable(f"{known.reason} (until {known.expires})", limit=300)


def near(known: KnownFailure, root: Path) -> str:
    """file:line of an entry, relative to pytest's root folder where it lies below."""
    path = Path(known.file or "")
    return f"{path.relative_to(root) if path.is_relative_to(root) else path}:{known.line}"


def explain(trial: Trial) -> str:
    """Which graders said no, why, and to what output."""
    lines = [f"{grade.grader}: {grade.explanation or 'failed'}" for grade in trial.grades if grade.passed is False]
    output = trial.reply.text if trial.reply else ""
    return "\n".join([*lines, "output:", output[:2000]])


def printable_lines(text: str) -> str:
    """Text of a model made safe for a terminal and a CI log: each line quoted with a bar, and an end of it."""
    return "\n".join(f"| {line}" for line in printable(text, limit=LONGEST).splitlines())

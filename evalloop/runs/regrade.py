"""Grades the saved outputs of a run again, without a call, into a new run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from evalloop import grading
from evalloop.contracts import Grader
from evalloop.errors import TargetError, UsageError
from evalloop.records.call import Reply, Request
from evalloop.records.case import Case, Evalset
from evalloop.records.run import Run, Trial
from evalloop.records.variant import Variant
from evalloop.runs.plan import Item, default_name
from evalloop.store.runlog import new_id


class NoCalls:
    """Stands where a target would be: an output that was not saved stays an error."""

    async def call(self, request: Request) -> Reply:
        """Raises TargetError."""
        raise TargetError(f"the run holds no output of case {request.case_id}",
                          fix="finish that run first: evalloop run --resume RUN")

    async def close(self) -> None:
        """Nothing to give back."""


class Saved:
    """The outputs of earlier runs, to be graded again instead of asking their variants."""

    def __init__(self, runs: Iterable[tuple[Run, Iterable[Trial]]]) -> None:
        self._variants: dict[str, dict[str, Variant]] = {}
        self._replies: dict[tuple[str, str, str], dict[int, Reply | None]] = {}
        for run, trials in runs:
            known = self._variants.setdefault(run.evalset, {})
            name = run.name if run.variant.name in known else run.variant.name
            known[name] = replace(run.variant, name=name)
            for trial in trials:
                self._replies.setdefault((run.evalset, name, trial.case_id), {})[trial.repeat] = trial.reply

    def variants(self, evalset: str) -> dict[str, Variant]:
        """The variants of the runs of an evalset; of two with one name, the later is named like its run."""
        return dict(self._variants.get(evalset, {}))

    def replies(self, evalset: str, variant: str, case_id: str) -> list[Reply | None]:
        """What was answered to a case, by repeat; None where the call failed or was never made."""
        found = self._replies.get((evalset, variant, case_id), {})
        return [found.get(repeat) for repeat in range(max(found, default=0) + 1)]


def header(run: Run, evalset: Evalset, *, versions: Mapping[str, str], git_commit: str | None,
           name: str | None = None) -> Run:
    """The header of the run that regrading makes: the same variant, the graders of today."""
    now = datetime.now(UTC)
    ids = {case.id for case in evalset.cases}
    case_ids = tuple(each for each in run.case_ids if each in ids)
    return replace(run, run_id=new_id(), name=name or default_name(evalset.name, run.variant.name + "-regraded", now),
                   evalset_path=evalset.path, evalset_digest=evalset.digest, git_commit=git_commit, plugins=versions,
                   created_at=now.isoformat(timespec="milliseconds"), tags={**run.tags, "regrade_of": run.name},
                   case_ids=case_ids, cases=len(case_ids) or run.cases)


def items(trials: Iterable[Trial], evalset: Evalset, graders: Mapping[str, Grader], only: str | None = None
          ) -> Iterator[Item]:
    """The gradings to do, in the order of the log; trials of cases that the evalset lost are left out.

    ``only`` names the one grader to run again, also where it stands inside another one (which then is run again); the
    grades of the others are kept. Raises UsageError when no case asks for it.
    """
    known = grading.used((spec for case in evalset.cases for spec in case.graders), graders)
    if only and only not in known:
        raise UsageError(f"no case asks for a grader {only!r}",
                         fix=f"graders of this evalset: {', '.join(sorted(known))}")
    by_id = {case.id: case for case in evalset.cases}
    return (_item(trial, by_id[trial.case_id], graders, only) for trial in trials if trial.case_id in by_id)


def _item(trial: Trial, case: Case, graders: Mapping[str, Grader], only: str | None) -> Item:
    if only is None:
        return Item(case, trial.repeat, trial.reply, trial.messages)
    again = {spec.type for spec in case.graders if only in grading.used([spec], graders)}
    kept = tuple(grade for grade in trial.grades if grade.grader not in again)
    part = replace(case, graders=tuple(spec for spec in case.graders if spec.type in again))
    return Item(part, trial.repeat, trial.reply, trial.messages, kept)

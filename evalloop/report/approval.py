"""The guard against flattery: what users like may not pay for a loss in what is right.

A policy names its measures of liking (graders or clusters) under ``approval``. Everything else that was graded is then
scored and compared on its own, beside the deltas that hold both, and the gate asks of it what it asks of the whole.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from evalloop.records.report import Score
from evalloop.records.run import Grade, Trial, score_of


@dataclass
class Approval:
    """``names`` are graders, metrics or clusters; trials are noted as they pass, without their answers."""

    names: Sequence[str]
    units: Mapping[str, str] = field(default_factory=dict)
    found: set[str] = field(default_factory=set)
    kept: dict[str, list[Trial]] = field(default_factory=dict)

    def noting(self, variant: str, trials: Iterable[Trial]) -> Iterator[Trial]:
        """The trials as they are."""
        kept = self.kept.setdefault(variant, [])
        for trial in trials:
            if self.names:
                kept.append(replace(trial, reply=None, messages=()))
                self.found.update(name for grade in trial.grades for name in self._called(trial, grade))
            yield trial

    def without_liking(self, barred: Collection[str] = ()) -> list[Score]:
        """A row for each trial that anything else than liking was graded in; ``barred`` judges have no say."""
        return [row for variant, trials in self.kept.items() for trial in trials
                if (row := self._row(variant, trial, barred)) is not None]

    def unknown(self) -> list[str]:
        """Names that no grader and no cluster of the trials has."""
        return [name for name in self.names if name not in self.found]

    def _row(self, variant: str, trial: Trial, barred: Collection[str]) -> Score | None:
        right = tuple(grade for grade in trial.grades
                      if not self._called(trial, grade) & {*self.names} and grade.judge not in barred)
        if trial.state == "ok" and not right:
            return None
        return Score(trial.case_id, variant, score_of(right) if trial.state == "ok" else None, repeat=trial.repeat,
                     unit=self.units.get(trial.case_id), state="ok" if trial.state == "ok" else "error")

    def _called(self, trial: Trial, grade: Grade) -> set[str]:
        """Every name that a policy can mean a grade by."""
        return {name for name in (grade.grader, grade.metric, grade.cluster or trial.cluster) if name}


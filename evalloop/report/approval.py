"""The guard against flattery: what users like may not pay for a loss in what is right.

A policy names its measures of liking (graders or clusters) under ``approval``. Everything else that was graded is then
scored and compared on its own, beside the deltas that hold both, and the gate asks of it what it asks of the whole.
"""

from __future__ import annotations

from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from evalloop.errors import UsageError
from evalloop.records.report import Score
from evalloop.records.run import Grade, Trial, score_of
from evalloop.report.columns import Columns


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



def rows_of_table(columns: Columns, names: Collection[str]) -> list[Score]:
    """The scores of a table in all clusters but these; raises UsageError for a name that no cluster has."""
    clusters = columns.cluster or [None] * len(columns.case)
    unknown = sorted({*names} - {str(each) for each in clusters if each is not None})
    if unknown:
        raise UsageError(f"approval names {', '.join(unknown)}, but the table has no cluster of that name",
                         fix="name the column of the clusters: --cluster COL")
    units: Sequence[Hashable] = columns.unit or [None] * len(columns.case)
    rows = zip(columns.case, columns.variant, columns.value, clusters, units, strict=True)
    return [Score(str(case), str(variant), value, unit=None if unit is None else str(unit))
            for case, variant, value, cluster, unit in rows if cluster is not None and cluster not in names]

"""Baselines: one small file of git for each evalset, which CI compares with and needs no old run for."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from evalloop.errors import EmptyError, IncompleteError, UsageError
from evalloop.loop.project import Project
from evalloop.loop.trials import find_run
from evalloop.printable import many

if TYPE_CHECKING:
    from evalloop.records.run import Run, Trial

FOLDER = "baselines"


class Baseline(NamedTuple):
    """A baseline with its file and its trials."""

    path: Path
    run: Run
    trials: Sequence[Trial]


def baseline_path(project: Project, evalset: str) -> Path:
    """Where the baseline of the evalset of that name lies, or would lie."""
    from evalloop.store.runlog import SUFFIX

    return project.config.root / FOLDER / (re.sub(r"[^\w.-]+", "-", evalset).strip(".-") + SUFFIX)


def set_baseline(project: Project, reference: str, *, answers: bool = False, force: bool = False) -> Baseline:
    """Keeps a run as the baseline of its evalset. IncompleteError for one with errors or without some of its cases."""
    from evalloop.runs import baseline
    from evalloop.store import files, runlog

    run, stream = runlog.read(find_run(project, reference))
    trials = list(stream)
    errors = sum(trial.state != "ok" for trial in trials)
    missing = len({*run.case_ids} - {trial.case_id for trial in trials})
    if (errors or missing) and not force:
        raise IncompleteError(f"the run {run.name} has {many(errors, 'trial')} in error and "
                              f"{many(missing, 'case')} without a trial",
                              fix=f"evalloop run --resume {run.name}, or keep it as it is with --force")
    path = baseline_path(project, run.evalset)
    files.write_jsonl(path, baseline.rows(run, trials, answers=answers))
    return Baseline(path, run, trials)


def read_baselines(project: Project, evalset: str | None = None) -> list[Baseline]:
    """The baselines that there are, or that of one evalset; EmptyError when there is none."""
    from evalloop.store import runlog

    folder = project.config.root / FOLDER
    places = sorted(folder.glob(f"*{runlog.SUFFIX}")) if evalset is None else [baseline_path(project, evalset)]
    found = [(path, *runlog.read(path)) for path in places if path.is_file()]
    if not found:
        what = f"the evalset {evalset} has no baseline" if evalset else "no baseline is kept yet"
        raise EmptyError(what, fix="evalloop baseline set RUN")
    return [Baseline(path, run, list(trials)) for path, run, trials in found]


def baseline_of(project: Project, like: Run | None) -> Path:
    """What ``@baseline`` means: the file for the evalset of the run that is compared with it, or the only file."""
    if like is not None:
        path = baseline_path(project, like.evalset)
        if path.is_file():
            return path
        raise UsageError(f"the evalset {like.evalset} has no baseline", fix="evalloop baseline set RUN")
    files = sorted((project.config.root / FOLDER).glob("*.jsonl"))
    if len(files) == 1:
        return files[0]
    raise UsageError("@baseline means the baseline of an evalset, and none is named here",
                     fix=f"name one of: {', '.join(map(str, files))}" if files else "evalloop baseline set RUN")

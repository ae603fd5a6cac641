"""Are two runs a second opinion? An alarm is confirmed by fresh answers, not by the same answers read again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from evalloop.errors import UsageError
from evalloop.records.run import Run, Trial

FACTOR = 2
"""The confirming runs have so many times the repeats of the first ones."""
REPLAYS = frozenset({"replay"})
"""Targets that give recorded answers."""


def check_runs(first: tuple[Run, Run], again: tuple[Run, Run]) -> None:
    """Refuses confirming runs (baseline, candidate) that cannot be fresh runs of the same two variants.

    Raises UsageError with everything that is wrong with them.
    """
    problems = [problem for old, new in zip(first, again, strict=True) for problem in _problems(old, new, first)]
    if problems:
        raise UsageError("these runs cannot confirm an alarm: " + "; ".join(problems), fix=how_to_confirm(first[0]))


def _problems(old: Run, new: Run, first: tuple[Run, Run]) -> Iterator[str]:
    if new.run_id in {run.run_id for run in first}:
        yield f"{new.name} is one of the runs that raised it"
        return
    if new.variant.target in REPLAYS:
        yield f"{new.name} replays a recording: the same answers again are no second opinion"
    if "regrade_of" in new.tags:
        yield f"{new.name} holds the answers of {new.tags['regrade_of']}, graded again"
    if new.evalset != old.evalset:
        yield f"{new.name} is of the evalset {new.evalset}, not {old.evalset}"
    if new.variant_id != old.variant_id:
        yield f"{new.name} ran another variant than {old.name}"
    if new.created_at <= old.created_at:
        yield f"{new.name} is not newer than {old.name}"
    if new.repeats < FACTOR * old.repeats:
        yield f"{new.name} has {new.repeats} repeats, {FACTOR * old.repeats} are needed"


def fresh(run: Run, trials: Iterable[Trial]) -> Iterator[Trial]:
    """The trials of a confirming run; UsageError at its end when some of its answers came out of the cache."""
    kept = total = 0
    for trial in trials:
        total += 1
        kept += trial.reply is not None and trial.reply.cached
        yield trial
    if kept:
        raise UsageError(f"these runs cannot confirm an alarm: {kept} of {total} answers of {run.name} came out of the "
                         "cache", fix=how_to_confirm(run))


def how_to_confirm(run: Run) -> str:
    """What to do to have confirming runs."""
    return (f"evalloop gate BASE CAND --rerun does it; or run both variants again: evalloop run {run.evalset_path} "
            f"--no-cache --repeats {FACTOR * run.repeats}")

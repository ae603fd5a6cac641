"""Shows how a run goes on: a live line on a terminal, a plain line now and then elsewhere; always on stderr."""

from __future__ import annotations

import sys
import time
from collections import Counter
from types import TracebackType
from typing import Any

import click

from evalloop.printable import many, one_line
from evalloop.records.run import Summary, Trial
from evalloop.runs.progress import Progress

PLAIN_EVERY_S = 10.0
_SHOWN_ERRORS = 3


class Live:
    """Use it in ``with``, and give ``note`` to what runs trials."""

    def __init__(self, *, quiet: bool = False) -> None:
        self.errors: Counter[str] = Counter()
        self._quiet = quiet
        self._bar: Any = None
        self._tasks: dict[str, Any] = {}
        self._said = time.monotonic()

    def __enter__(self) -> Live:
        if sys.stderr.isatty() and not self._quiet:
            self._bar = _bar()
            self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        if self._bar:
            self._bar.stop()

    def note(self, trial: Trial, progress: Progress) -> None:
        """One trial has ended."""
        if trial.error:
            self.errors[trial.error.splitlines()[0]] += 1
        if self._bar:
            self._draw(progress)
        elif not self._quiet and time.monotonic() - self._said >= PLAIN_EVERY_S:
            self._said = time.monotonic()
            click.echo(f"{progress.name}: {state(progress)}", err=True)

    def say_errors(self) -> None:
        """The most frequent errors, each once."""
        for text, count in self.errors.most_common(_SHOWN_ERRORS):
            click.echo(f"    {count} x {one_line(text, limit=160)}", err=True)

    def _draw(self, progress: Progress) -> None:
        if progress.name not in self._tasks:
            self._tasks[progress.name] = self._bar.add_task(one_line(progress.name, limit=40), state="",
                                                            total=progress.planned)
        self._bar.update(self._tasks[progress.name], completed=progress.done, state=state(progress))


def state(progress: Progress) -> str:
    """``120/1000, 50 in flight, 2 errors, $0.0102, 12 s left``."""
    parts = [f"{progress.done}/{progress.planned}", f"{progress.calls.counts.in_flight} in flight"]
    if progress.errors:
        parts.append(many(progress.errors, "error"))
    if progress.cost:
        parts.append(f"${progress.cost:.4f}")
    if progress.eta is not None and progress.done < progress.planned:
        parts.append(f"{progress.eta:.0f} s left")
    return ", ".join(parts)


def summary_line(name: str, summary: Summary) -> str:
    """What a sitting did, in one line."""
    verdicts = [f"{count} {word}" for count, word in
                ((summary.passed, "passed"), (summary.failed, "failed"), (summary.unscored, "without a verdict"),
                 (summary.errors, "error" if summary.errors == 1 else "errors")) if count]
    paid = [many(summary.calls, "call"), f"{summary.cached} from the cache" if summary.cached else "",
            many(summary.judge_calls, "judge call") if summary.judge_calls else "",
            f"${summary.cost:.4f}" if summary.cost else "", f"{summary.seconds:.1f} s"]
    return (f"{name}: {summary.trials} of {many(summary.planned, 'trial')}: {', '.join(verdicts) or 'none'} "
            f"({', '.join(part for part in paid if part)})")


def _bar() -> Any:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    columns = (TextColumn("{task.description}", markup=False), BarColumn(), TextColumn("{task.fields[state]}"))
    return Progress(*columns, console=Console(stderr=True), transient=True)

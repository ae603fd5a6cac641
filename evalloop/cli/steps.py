"""A bar on a terminal for work that takes long."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from evalloop.loop import Project


@contextmanager
def watched(project: Project) -> Iterator[Project]:
    """The project, its steps shown on a terminal while the block runs; silent elsewhere."""
    if not sys.stderr.isatty():
        yield project
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        project.progress = _shown_by(bar)
        yield project


def _shown_by(bar: Any) -> Any:
    """Shows each step as a line of the bar."""
    lines: dict[str, Any] = {}

    def note(step: str, done: int, total: int) -> None:
        if step not in lines:
            lines[step] = bar.add_task(step, total=total or None)
        bar.update(lines[step], completed=done, total=total or None)
    return note

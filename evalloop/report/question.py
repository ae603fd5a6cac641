"""What is to be compared: two runs, or two variants of a table made elsewhere; and by which policy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalloop.report.table import TableSpec


@dataclass(frozen=True)
class Question:
    """``others`` are further candidates; each candidate may be a pattern (``grid*``), and all of them are compared with
    the one baseline. ``flags`` are policy values of the command line; ``confirm`` names two fresh runs with doubled
    repeats (baseline, candidate); ``keep`` holds on to answers, for reports that show them; ``strict`` refuses to do
    without the policy of the evalset."""

    baseline: str
    candidate: str
    table: TableSpec | None = None
    duplicates: str = "error"
    policy_file: Path | None = None
    flags: Mapping[str, Any] = field(default_factory=dict)
    confirm: tuple[str, str] | None = None
    keep: bool = False
    strict: bool = False
    others: tuple[str, ...] = ()

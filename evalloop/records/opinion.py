"""Opinion: what one person decided of one case."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from evalloop.records.base import Record

VERDICTS = ("accept", "reject", "retire", "reopen")


@dataclass(frozen=True)
class Opinion(Record):
    """One row of ``reviews.jsonl`` beside an evalset.

    ``second`` marks an opinion that was given without seeing what others said, on a case that was decided before; it
    changes no file of cases. ``case`` is a rejected case as its file held it, so that a second reviewer can be asked.
    ``at`` is RFC 3339.
    """

    case_id: str
    verdict: str
    by: str
    at: str
    reason: str = ""
    second: bool = False
    case: Mapping[str, Any] | None = None

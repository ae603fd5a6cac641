"""What reviewers said of cases, as rows of ``reviews.jsonl`` beside each evalset: one home for every decision."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from evalloop.records.opinion import Opinion
from evalloop.store import files, schema

REVIEWS = "reviews.jsonl"


def read(folder: Path) -> list[Opinion]:
    """Every opinion of all evalsets under a folder, oldest first; RecordErrors names a wrong line."""
    found = [Opinion.from_dict(row) for path in sorted(folder.rglob(REVIEWS)) for row in schema.rows("review", path)]
    return sorted(found, key=lambda each: each.at)


def line(opinion: Opinion) -> str:
    """An opinion as a line of the file."""
    return files.dump_line({key: value for key, value in opinion.to_dict().items() if value not in ("", False, None)})


def of_case(opinions: Iterable[Opinion], case_id: str) -> list[Opinion]:
    """The opinions on one case."""
    return [each for each in opinions if each.case_id == case_id]


def standing(opinions: Iterable[Opinion]) -> dict[str, Mapping[str, Opinion]]:
    """For each case that was accepted or rejected, the last opinion of each reviewer by name."""
    found: dict[str, dict[str, Opinion]] = {}
    for each in opinions:
        if each.verdict in ("accept", "reject"):
            found.setdefault(each.case_id, {})[each.by] = each
    return dict(found)

"""The report for machines: JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import fields
from typing import Any

from evalloop.contracts import ReportData
from evalloop.encode import csv_cell
from evalloop.printable import printable
from evalloop.records.base import plain
from evalloop.records.report import Comparison, Delta

SCHEMA = "evalloop.comparison/1"
SCHEMA_OF_MANY = "evalloop.comparisons/1"
COLUMNS = ("cluster", "n", "dropped", "base", "cand", "delta", "low", "high", "p", "p_exact", "p_holm", "q", "wins",
           "losses", "ties", "mde80", "verdict", "needed", "method", "note", "needed_repeats", "p_better", "share",
           "shrunken", "length_base", "length_cand", "cost_base", "cost_cand", "latency_base", "latency_cand")


LONGEST = 2_000
"""Characters of a cell; JSON holds every text whole."""


class JsonRenderer:
    """``--format json``: the shape of ``schemas/comparison.schema.json``."""

    name = "json"
    version = "1"
    suffix = ".json"

    def render(self, data: ReportData) -> str:
        """One JSON object; text is ASCII, so that no character can do anything on the way, nor ``##[`` in a CI log."""
        given: dict[str, Any] = as_json(data.comparison)
        if data.others:
            given = {"schema": SCHEMA_OF_MANY, "baseline": data.comparison.baseline,
                     "comparisons": [given, *map(as_json, data.others)]}
        return json.dumps(given, indent=1, allow_nan=False).replace("##", "#\\u0023") + "\n"


class CsvRenderer:
    """``--format csv``: one row per cluster, the first one overall; with several candidates, for each of them."""

    name = "csv"
    version = "1"
    suffix = ".csv"

    def render(self, data: ReportData) -> str:
        """RFC 4180 with line feeds; no cell of text can be taken for a formula."""
        target = io.StringIO()
        writer = csv.writer(target, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
        writer.writerow([*(["candidate"] if data.others else []), *COLUMNS])
        for comparison in (data.comparison, *data.others):
            first = [_cell(comparison.candidate)] if data.others else []
            for delta in (comparison.overall, *comparison.clusters):
                row = _flat(delta, comparison)
                writer.writerow([*first, *(_cell(row.get(name)) for name in COLUMNS)])
        return target.getvalue()


def _flat(delta: Delta, comparison: Comparison) -> dict[str, Any]:
    """One row with everything that is nested in a delta laid out by column."""
    low, high = delta.interval or (None, None)
    row = {**_delta(delta), "low": low, "high": high,
           "shrunken": comparison.shrunken.get(str(delta.cluster), {}).get("delta") if delta.cluster else None}
    for name in ("length", "cost", "latency"):
        change = getattr(delta, name)
        if change:
            row |= {f"{name}_base": change.base, f"{name}_cand": change.cand}
    return row


def as_json(comparison: Comparison) -> dict[str, Any]:
    """A comparison as plain JSON types; what cannot be given is null, never left out."""
    result = comparison.to_dict()
    return {"schema": SCHEMA, **result, "overall": _delta(comparison.overall),
            "clusters": [_delta(delta) for delta in comparison.clusters], "gate": result.get("gate"),
            "headline": result.get("headline")}


def _cell(value: Any) -> Any:
    return csv_cell(printable(value, limit=LONGEST)) if isinstance(value, str) else value


def _delta(delta: Delta) -> dict[str, Any]:
    return {field.name: plain(getattr(delta, field.name)) for field in fields(delta)}

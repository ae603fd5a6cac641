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
COLUMNS = ("cluster", "n", "dropped", "base", "cand", "delta", "low", "high", "p", "p_exact", "p_holm", "q", "wins",
           "losses", "ties", "mde80", "verdict", "needed", "method", "note")


class JsonRenderer:
    """``--format json``: the shape of ``schemas/comparison.schema.json``."""

    name = "json"
    version = "1"
    suffix = ".json"

    def render(self, data: ReportData) -> str:
        """One JSON object; text is ASCII, so that no character can do anything on the way."""
        return json.dumps(as_json(data.comparison), indent=1, allow_nan=False) + "\n"


class CsvRenderer:
    """``--format csv``: one row per cluster, the first one overall."""

    name = "csv"
    version = "1"
    suffix = ".csv"

    def render(self, data: ReportData) -> str:
        """RFC 4180 with line feeds; no cell of text can be taken for a formula."""
        target = io.StringIO()
        writer = csv.writer(target, lineterminator="\n", quoting=csv.QUOTE_MINIMAL)
        writer.writerow(COLUMNS)
        for delta in (data.comparison.overall, *data.comparison.clusters):
            row = {**_delta(delta), "low": None, "high": None}
            if delta.interval:
                row["low"], row["high"] = delta.interval
            writer.writerow([_cell(row[name]) for name in COLUMNS])
        return target.getvalue()


def as_json(comparison: Comparison) -> dict[str, Any]:
    """A comparison as plain JSON types; what cannot be given is null, never left out."""
    result = comparison.to_dict()
    return {"schema": SCHEMA, **result, "overall": _delta(comparison.overall),
            "clusters": [_delta(delta) for delta in comparison.clusters], "gate": result.get("gate"),
            "headline": result.get("headline")}


def _cell(value: Any) -> Any:
    return csv_cell(printable(value)) if isinstance(value, str) else value


def _delta(delta: Delta) -> dict[str, Any]:
    return {field.name: plain(getattr(delta, field.name)) for field in fields(delta)}

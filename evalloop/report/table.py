"""Results that were made elsewhere: named columns of a CSV, JSONL or Parquet file become comparable."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from evalloop.report.columns import Columns


@dataclass(frozen=True)
class TableSpec:
    """A file and which of its columns holds what; None: the file has no such column."""

    place: str
    case: str
    variant: str
    value: str
    cluster: str | None = None
    repeat: str | None = None
    unit: str | None = None
    length: str | None = None
    cost: str | None = None
    latency: str | None = None

    def columns(self) -> list[str]:
        """The columns to read, each once."""
        wanted = (self.case, self.variant, self.value, self.cluster, self.repeat, self.unit,
                  self.length, self.cost, self.latency)
        return list(dict.fromkeys(name for name in wanted if name))


def columns_of(table: Mapping[str, Sequence[Any]], spec: TableSpec) -> Columns:
    """The columns that a comparison works on; variants and clusters are compared as text."""
    def optional(name: str | None) -> Sequence[Any] | None:
        return table[name] if name else None

    clusters = optional(spec.cluster)
    return Columns(
        case=table[spec.case], variant=_texts(table[spec.variant]), value=table[spec.value],
        cluster=None if clusters is None else _texts(clusters),
        repeat=optional(spec.repeat), unit=optional(spec.unit), length=optional(spec.length), cost=optional(spec.cost),
        latency=optional(spec.latency))


def _texts(values: Sequence[Any]) -> list[Hashable | None]:
    return [value if value is None or isinstance(value, str) else str(value) for value in values]

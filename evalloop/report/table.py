"""Results that were made elsewhere: named columns of a CSV, JSONL or Parquet file become comparable."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from math import isinf
from typing import Any

from evalloop.errors import EmptyError, RecordError
from evalloop.report.columns import Columns

_NUMBERS = frozenset({int, float, bool, type(None)})


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
    """The columns that a comparison works on; variants and clusters are compared as text. EmptyError without rows,
    RecordError for a cell that is no number where one is needed, or holds more than one value."""
    if not table[spec.case]:
        raise EmptyError(f"{spec.place}: no rows", fix="a table has a header line and one row for each result")
    for option in ("value", "length", "cost", "latency"):
        _check(table, spec, option, _all_numbers, _number_problem)
    for option in ("case", "variant", "cluster", "repeat", "unit"):
        _check(table, spec, option, _all_single, _single_problem)

    def optional(name: str | None) -> Sequence[Any] | None:
        return table[name] if name else None

    clusters = optional(spec.cluster)
    return Columns(
        case=table[spec.case], variant=_texts(table[spec.variant]), value=table[spec.value],
        cluster=None if clusters is None else _texts(clusters),
        repeat=optional(spec.repeat), unit=optional(spec.unit), length=optional(spec.length), cost=optional(spec.cost),
        latency=optional(spec.latency))


def _check(table: Mapping[str, Sequence[Any]], spec: TableSpec, option: str, fine: Callable[[Sequence[Any]], bool],
           problem: Callable[[Any], str]) -> None:
    """RecordError for the first cell of a column with a ``problem``; ``fine`` sees at once that there is none."""
    name = getattr(spec, option)
    if name is None or fine(table[name]):
        return
    for row, value in enumerate(table[name], 1):
        if wrong := problem(value):
            raise RecordError(f"row {row}: {str(value)[:60]!r} in the column {name!r} {wrong}", file=spec.place,
                              fix=f"mend or empty the cell, or name another column with --{option}")


def _all_numbers(values: Sequence[Any]) -> bool:
    import numpy as np

    with suppress(OverflowError):
        return _NUMBERS.issuperset(map(type, values)) and not np.isinf(np.asarray(values, np.float64)).any()
    return False


def _all_single(values: Sequence[Any]) -> bool:
    return (_NUMBERS | {str}).issuperset(map(type, values))


def _number_problem(value: Any) -> str:
    try:
        number = float(0 if value is None else value)
    except OverflowError:
        return "is too large"
    except (TypeError, ValueError):
        return "is not a number"
    return "is infinite" if isinf(number) else ""


def _single_problem(value: Any) -> str:
    return "holds more than one value" if isinstance(value, dict | list) else ""


def _texts(values: Sequence[Any]) -> list[Hashable | None]:
    return [value if value is None or isinstance(value, str) else str(value) for value in values]

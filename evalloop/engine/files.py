"""The one door to the analysis engine: tables of CSV, TSV, JSON Lines and Parquet files, read as rows or columns."""

from __future__ import annotations

import csv
import gzip
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalloop.engine.addresses import unglobbed
from evalloop.errors import EmptyError, RecordError, UsageError

if TYPE_CHECKING:
    import duckdb

BATCH = 2048
JSON_SUFFIXES = (".jsonl", ".ndjson")
TEXT_SUFFIXES = (".csv", ".tsv")
_KIND = re.compile(r"^(?:\w+ )+Error: ")
_NUMBERED = re.compile(r"_\d+$")
SUFFIXES = (*TEXT_SUFFIXES, *JSON_SUFFIXES, ".parquet")


def read_table(place: str, columns: Sequence[str] | None = None) -> dict[str, list[Any]]:
    """The columns (all, or the named ones in that order) of a CSV, TSV, JSONL (each also .gz) or Parquet file.

    Types of CSV columns are found from all rows; a missing value is None. Every list has one item per row. Raises
    UsageError for an unreadable file or an unknown column, naming those that exist.
    """
    _check_file(place)
    if not Path(place).stat().st_size:
        raise EmptyError(f"{place}: the file is empty", fix="check the path")
    if _suffix(place) in JSON_SUFFIXES:
        return _pick(_json_columns(place), columns, place)
    with _connect() as connection:
        engine_names = _query(connection, place, "*", " limit 0").schema.names
        names = _written_names(place, engine_names)
        wanted = _existing(columns, list(names), place)
        selection = ", ".join('"' + names[name].replace('"', '""') + '"' for name in wanted)
        table = _query(connection, place, selection, "").read_all()
    return {name: table.column(number).to_pylist() for number, name in enumerate(wanted)}


def read_rows(place: str, *, all_text: bool = False) -> Iterator[dict[str, Any]]:
    """The rows of a CSV, TSV or Parquet file one by one, in file order, read in batches of ``BATCH`` rows.

    ``all_text`` leaves the cells of a CSV file as they are written. Memory does not grow with the file.
    """
    _check_file(place)
    with _connect() as connection:
        reader = _query(connection, place, "*", "", all_text=all_text)
        names = {engine: name for name, engine in _written_names(place, reader.schema.names).items()}
        for batch in reader:
            yield from ({names[key]: cell for key, cell in row.items()} for row in batch.to_pylist())


def _written_names(place: str, engine_names: Sequence[str]) -> dict[str, str]:
    """The engine's name of each column by the name in the file: the engine renames those that differ by case only."""
    if not any(_NUMBERED.search(name) for name in engine_names):
        return {name: name for name in engine_names}
    written = _header(place)
    same = len(written) == len(engine_names) and len(set(written)) == len(written)
    return dict(zip(written if same else engine_names, engine_names, strict=True))


def _header(place: str) -> list[str]:
    if _suffix(place) == ".parquet":
        import pyarrow.parquet as pq

        names: list[str] = pq.read_schema(place).names
        return names
    with _opened(place) as lines:
        text = next(lines, b"").decode("utf-8-sig", "replace")
    try:
        return next(csv.reader([text], dialect=csv.Sniffer().sniff(text, delimiters=",\t;|")))
    except csv.Error:
        return []


@contextmanager
def _opened(place: str) -> Iterator[Iterator[bytes]]:
    """The lines of a file, unpacked where its name says so; UsageError where it cannot be."""
    try:
        with gzip.open(place) if place.endswith(".gz") else Path(place).open("rb") as file:
            yield iter(file)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise UsageError(f"{place}: not a whole gzip file: {error}", fix="pack it again, or drop .gz from its name") \
            from None


def _connect() -> duckdb.DuckDBPyConnection:
    """A database in memory that installs no extension and keeps the order of rows."""
    import duckdb

    return duckdb.connect(config={
        "autoinstall_known_extensions": "false", "autoload_known_extensions": "false",
        "preserve_insertion_order": "true"})


def _query(connection: duckdb.DuckDBPyConnection, place: str, selection: str, tail: str, *,
           all_text: bool = False) -> Any:
    """A reader of Arrow batches; ``selection`` and ``tail`` are made here, never by a user."""
    import duckdb

    reader = "read_parquet(?)" if _suffix(place) == ".parquet" else (
        f"read_csv(?, header = true, sample_size = -1, all_varchar = {str(all_text).lower()})")
    try:
        query = f"select {selection} from {reader}{tail}"  # noqa: S608 - quoted names, the place is a parameter
        return connection.sql(query, params=[unglobbed(place)]).to_arrow_reader(BATCH)
    except duckdb.Error as error:
        raise _unreadable(place, str(error)) from None


def _unreadable(place: str, reason: str) -> UsageError:
    """The first line of what the engine says, without the name of its error; its remedies are options of the engine."""
    if "not utf-8" in reason.lower():
        return UsageError(f"{place}: not UTF-8", fix="save the file as UTF-8")
    first = reason.splitlines()[0]
    return UsageError(f"{place}: cannot be read: {_KIND.sub('', first)}",
                      fix="check that the file is a table with one header line")


def _suffix(place: str) -> str:
    return Path(place.removesuffix(".gz")).suffix.lower()


def _check_file(place: str) -> None:
    if _suffix(place) not in SUFFIXES:
        raise UsageError(f"{place}: not a table that can be read", fix=f"use one of {', '.join(SUFFIXES)}")
    if not Path(place).is_file():
        raise UsageError(f"{place}: no such file", fix="check the path")


def _existing(columns: Sequence[str] | None, names: Sequence[str], place: str) -> Sequence[str]:
    missing = [name for name in columns or () if name not in names]
    if missing:
        whole = len(names) == 1 and any(sign in names[0] for sign in ",;\t|")
        hint = "; they were read as one: has every row as many cells as the header?" if whole else ""
        raise UsageError(f"{place}: no column {', '.join(map(repr, missing))}",
                         fix=f"columns: {', '.join(names)}{hint}")
    return names if columns is None else columns


def _pick(table: dict[str, list[Any]], columns: Sequence[str] | None, place: str) -> dict[str, list[Any]]:
    return {name: table[name] for name in _existing(columns, list(table), place)}


def _json_columns(place: str) -> dict[str, list[Any]]:
    """Columns of a JSON Lines file; a key that a row lacks is None there."""
    table: dict[str, list[Any]] = {}
    count = 0
    with _opened(place) as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            row = _json_row(line, place, number)
            for name in row:
                if name not in table:
                    table[name] = [None] * count
            for name, cells in table.items():
                cells.append(row.get(name))
            count += 1
    return table


def _json_row(line: bytes, place: str, number: int) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except ValueError as error:
        raise RecordError(f"not valid JSON: {error}", file=place, line=number, fix="mend the line") from None
    if not isinstance(row, dict):
        raise RecordError("not a JSON object", file=place, line=number, fix='write {"key": value, ...}')
    return row

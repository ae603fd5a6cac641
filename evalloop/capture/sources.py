"""Readers of raw rows: JSON, JSON Lines, CSV, Parquet, and a folder saved by ``datasets``."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, TextIO, cast

from evalloop.contracts import RawRow
from evalloop.errors import RecordError

CHUNK = 1 << 20
READ_ERRORS = (OSError, EOFError, zlib.error)


class JsonlSource:
    """One JSON object on each line (``.jsonl``, ``.ndjson``, also with ``.gz``)."""

    name = "jsonl"
    version = "1"

    def matches(self, place: str) -> bool:
        return place.removesuffix(".gz").lower().endswith((".jsonl", ".ndjson"))

    def rows(self, place: str) -> Iterator[RawRow]:
        number = 0
        try:
            with _open(place) as file:
                for number, line in enumerate(file, 1):
                    if line.strip():
                        yield number, _parse_line(line, place, number)
        except READ_ERRORS as error:
            yield number + 1, _unreadable(place, number + 1, error)


class JsonSource:
    """A JSON document (``.json``, also with ``.gz``): the items of an array, read one after the other, or of the only
    list of objects in an object (a page of an API: ``{"data": [...], "meta": {...}}``), else the object itself. The
    number of a row is its place in the list."""

    name = "json"
    version = "1"

    def matches(self, place: str) -> bool:
        return place.removesuffix(".gz").lower().endswith(".json")

    def rows(self, place: str) -> Iterator[RawRow]:
        number = 0
        try:
            with _open(place) as file, io.TextIOWrapper(file, encoding="utf-8-sig") as text:
                for number, item in enumerate(_json_items(text), 1):
                    yield number, item if isinstance(item, dict) else RecordError(
                        "not a JSON object", file=place, line=number, fix='write {"key": value, ...}')
        except (*READ_ERRORS, ValueError, RecursionError) as error:
            yield number + 1, _unreadable(place, number + 1, error)


class CsvSource:
    """Rows of a CSV or TSV file with a header line (also with ``.gz``); every cell stays text, line breaks in quotes
    are part of the cell. The number of a row is the line where it starts."""

    name = "csv"
    version = "1"

    def matches(self, place: str) -> bool:
        return place.removesuffix(".gz").lower().endswith((".csv", ".tsv"))

    def rows(self, place: str) -> Iterator[RawRow]:
        csv.field_size_limit(sys.maxsize)
        delimiter = "\t" if place.removesuffix(".gz").lower().endswith(".tsv") else ","
        start = 1
        try:
            with _open(place) as file, io.TextIOWrapper(
                    file, encoding="utf-8-sig", errors="surrogateescape", newline="") as text:
                reader = csv.reader(text, delimiter=delimiter)
                header = next(reader, None)
                if header is None:
                    return
                problem, fix = _bad_header(header)
                if problem:
                    yield 1, RecordError(problem, file=place, line=1, fix=fix)
                    return
                start = reader.line_num + 1
                for cells in reader:
                    if cells:
                        yield start, _row(header, cells, place, start)
                    start = reader.line_num + 1
        except (*READ_ERRORS, csv.Error) as error:
            yield start, _unreadable(place, start, error)


class ParquetSource:
    """Rows of a Parquet file, read in batches."""

    name = "parquet"
    version = "1"

    def matches(self, place: str) -> bool:
        return place.lower().endswith(".parquet")

    def rows(self, place: str) -> Iterator[RawRow]:
        from evalloop import engine

        yield from enumerate(engine.read_rows(place), 1)


class DatasetsSource:
    """Rows of a dataset that ``datasets`` saved with ``save_to_disk``; the files are mapped, not loaded."""

    name = "datasets"
    version = "1"

    def matches(self, place: str) -> bool:
        folder = Path(place)
        return (folder / "state.json").is_file() or (folder / "dataset_dict.json").is_file()

    def rows(self, place: str) -> Iterator[RawRow]:
        if (Path(place) / "dataset_dict.json").is_file():
            splits = sorted(each.parent.name for each in Path(place).glob("*/state.json"))
            yield 1, RecordError("a set of splits, not one dataset", file=place,
                                 fix=f"name one split: {', '.join(f'{place}/{split}' for split in splits)}")
            return
        import datasets

        data = datasets.load_from_disk(place)
        yield from enumerate(data, 1)


def _open(place: str) -> IO[bytes]:
    if place.endswith(".gz"):
        return cast("IO[bytes]", gzip.open(place))
    return Path(place).open("rb")


def _json_items(text: TextIO) -> Iterator[Any]:
    """The rows of a document; ValueError where it breaks off."""
    start = text.read(CHUNK)
    if not start:
        return
    if not start.lstrip().startswith("["):
        yield from _rows_within(json.loads(start + text.read(), parse_constant=_refuse_constant))
        return
    decoder = json.JSONDecoder(parse_constant=_refuse_constant)
    buffer, place = start, start.index("[") + 1
    while True:
        while place < len(buffer) and (buffer[place].isspace() or buffer[place] == ","):
            place += 1
        if buffer[place:place + 1] == "]":
            return
        try:
            item, place = decoder.raw_decode(buffer, place)
        except ValueError:
            more = text.read(max(CHUNK, len(buffer)))
            if not more:
                raise
            buffer, place = buffer[place:] + more, 0
            continue
        yield item


def _rows_within(document: Any) -> list[Any]:
    lists = [value for value in document.values() if isinstance(value, list) and value
             and all(isinstance(item, dict) for item in value)] if isinstance(document, dict) else []
    return lists[0] if len(lists) == 1 and "id" not in document else [document]


def _parse_line(line: bytes, place: str, number: int) -> Mapping[str, Any] | RecordError:
    try:
        row = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        return RecordError(f"not valid JSON: {error}", file=place, line=number, fix="mend the line")
    if not isinstance(row, dict):
        return RecordError("not a JSON object", file=place, line=number, fix='write {"key": value, ...}')
    return row


def _refuse_constant(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def _bad_header(header: list[str]) -> tuple[str, str]:
    """What is wrong with the names of the columns, and its mend; empty when nothing is."""
    mend = "give every column a name of its own"
    if len(header) == 1 and (sign := next((each for each in ";\t,|" if each in header[0]), "")):
        return f"the header looks separated by {sign!r}", "save it with commas between the columns (.tsv: with tabs)"
    doubled = sorted({name for name in header if header.count(name) > 1})
    if doubled:
        return f"column {', '.join(map(repr, doubled))} occurs twice", mend
    if not header:
        return "no header line", mend
    return ("", "") if all(name.strip() for name in header) else ("a column has no name", mend)


def _row(header: list[str], cells: list[str], place: str, line: int) -> Mapping[str, Any] | RecordError:
    if len(cells) != len(header):
        return RecordError(f"{len(cells)} cells, the header has {len(header)}", file=place, line=line,
                           fix="put cells with commas, quotes or line breaks in double quotes")
    for name, cell in zip(header, cells, strict=True):
        if not cell.isascii() and any("\udc80" <= char <= "\udcff" for char in cell):
            return RecordError("not valid UTF-8", file=place, line=line, field=name, fix="save the file as UTF-8")
    return dict(zip(header, cells, strict=True))


def _unreadable(place: str, line: int, error: Exception) -> RecordError:
    return RecordError(f"cannot be read further: {error}", file=place, line=line, fix="check the file")

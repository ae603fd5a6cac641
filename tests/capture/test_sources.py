"""Sources read rows, name broken ones by their line, and go on."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from evalloop.capture.sources import CsvSource, DatasetsSource, JsonlSource, ParquetSource
from evalloop.contracts import RawRow, Source
from evalloop.errors import RecordError
from evalloop.testing import SourceContract

ROWS = [{"id": "1", "text": "first,\nwith a break"}, {"id": "2", "text": 'say "ü"'}]
CSV = 'id,text\n1,"first,\nwith a break"\n2,"say ""ü"""\n'


class TestJsonl(SourceContract):
    """The contract, for JSON Lines."""

    source = JsonlSource()

    def place(self, folder: Path) -> str:
        (folder / "x.jsonl").write_text("".join(json.dumps(row) + "\n" for row in ROWS))
        return str(folder / "x.jsonl")


class TestCsv(SourceContract):
    """The contract, for CSV."""

    source = CsvSource()

    def place(self, folder: Path) -> str:
        (folder / "x.csv").write_text(CSV, encoding="utf-8")
        return str(folder / "x.csv")


class TestParquet(SourceContract):
    """The contract, for Parquet."""

    source = ParquetSource()

    def place(self, folder: Path) -> str:
        pq.write_table(pa.Table.from_pylist(ROWS), folder / "x.parquet")
        return str(folder / "x.parquet")


class TestDatasets(SourceContract):
    """The contract, for a saved dataset."""

    source = DatasetsSource()

    def place(self, folder: Path) -> str:
        import datasets

        datasets.disable_progress_bars()
        datasets.Dataset.from_list(ROWS).save_to_disk(str(folder / "saved"))
        return str(folder / "saved")


def read(source: Source, place: Path) -> list[RawRow]:
    """All rows; errors as their text."""
    return list(source.rows(str(place)))


def good(rows: Sequence[RawRow]) -> list[tuple[int, Any]]:
    """The rows that are no errors."""
    return [(line, row) for line, row in rows if not isinstance(row, RecordError)]


def bad(rows: Sequence[RawRow]) -> list[tuple[int, str]]:
    """Line and message of the errors."""
    return [(row.line, row.message) for _, row in rows if isinstance(row, RecordError)]


@pytest.mark.parametrize("kind", [TestJsonl, TestCsv, TestParquet, TestDatasets])
def test_every_source_gives_the_same_rows(tmp_path: Path, kind: type[Any]) -> None:
    """The same data in four formats is the same rows."""
    contract = kind()
    assert [dict(row) for _, row in contract.source.rows(contract.place(tmp_path))] == ROWS


def test_compressed_files_are_read(tmp_path: Path) -> None:
    """CSV and JSON Lines may be compressed."""
    for source, name, text in ((CsvSource(), "x.csv.gz", CSV), (JsonlSource(), "x.jsonl.gz", json.dumps(ROWS[0]))):
        place = tmp_path / name
        place.write_bytes(gzip.compress(text.encode()))
        assert source.matches(str(place))
        assert good(read(source, place))[0][1] == ROWS[0]


def test_csv_rows_are_numbered_by_the_line_they_start_on(tmp_path: Path) -> None:
    """A quoted line break moves the lines after it."""
    (tmp_path / "x.csv").write_text(CSV, encoding="utf-8")
    assert [line for line, _ in read(CsvSource(), tmp_path / "x.csv")] == [2, 4]


def test_csv_marks_and_blank_lines_are_passed_over(tmp_path: Path) -> None:
    """A byte order mark is not part of the first column's name; blank lines are no rows."""
    (tmp_path / "x.csv").write_bytes(b"\xef\xbb\xbfid,text\r\n\r\n1,a\r\n")
    assert read(CsvSource(), tmp_path / "x.csv") == [(3, {"id": "1", "text": "a"})]


def test_ragged_and_undecodable_csv_rows_do_not_stop_the_others(tmp_path: Path) -> None:
    """Each bad row is named with its line, the good ones come."""
    (tmp_path / "x.csv").write_bytes(b"id,text\n1,a\n2\n3,b,c\n4,\xff\n5,e\n")
    rows = read(CsvSource(), tmp_path / "x.csv")
    assert [row["id"] for _, row in good(rows)] == ["1", "5"]
    assert bad(rows) == [(3, "1 cells, the header has 2"), (4, "3 cells, the header has 2"), (5, "not valid UTF-8")]


@pytest.mark.parametrize(("header", "said"), [
    ("a,b,a", "'a' occurs twice"), ("a,,b", "no name"), ("", "no header"), ("id;user", "looks separated by ';'")])
def test_bad_header_is_one_error(tmp_path: Path, header: str, said: str) -> None:
    """Without a sound header no row can be read."""
    (tmp_path / "x.csv").write_text(f"{header}\n1,2,3\n")
    (found,) = bad(read(CsvSource(), tmp_path / "x.csv"))
    assert said in found[1]


def test_broken_json_lines_do_not_stop_the_others(tmp_path: Path) -> None:
    """Not JSON, not an object, NaN, not UTF-8, too deep: each named; the good ones come."""
    deep = b"[" * 100_000
    lines = [b'{"a": 1}', b"{", b"[1]", b'{"a": NaN}', b'{"a": "\xff"}', b'{"a": ' + deep, b"", b'{"a": 2}']
    (tmp_path / "x.jsonl").write_bytes(b"\n".join(lines))
    rows = read(JsonlSource(), tmp_path / "x.jsonl")
    assert good(rows) == [(1, {"a": 1}), (8, {"a": 2})]
    assert [line for line, _ in bad(rows)] == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(("source", "name"), [(CsvSource(), "x.csv.gz"), (JsonlSource(), "x.jsonl.gz")])
def test_cut_off_archive_is_an_error_after_the_rows_before(tmp_path: Path, source: Source, name: str) -> None:
    """What could be read comes, then one error says that the rest could not."""
    text = CSV if "csv" in name else "".join(json.dumps(ROWS[0]) + "\n" for _ in range(5000))
    whole = gzip.compress(text.encode())
    (tmp_path / name).write_bytes(whole[:-9])
    assert "cannot be read further" in bad(read(source, tmp_path / name))[-1][1]


def test_set_of_splits_names_its_splits(tmp_path: Path) -> None:
    """A saved DatasetDict is refused with the folders to choose from, each of which can be read."""
    import datasets

    datasets.disable_progress_bars()
    split = datasets.Dataset.from_list(ROWS)
    datasets.DatasetDict({"train": split, "test": split}).save_to_disk(str(tmp_path / "both"))
    (_, error), = read(DatasetsSource(), tmp_path / "both")
    assert isinstance(error, RecordError)
    assert "both/test" in error.fix
    assert "both/train" in error.fix
    assert len(read(DatasetsSource(), tmp_path / "both" / "train")) == 2

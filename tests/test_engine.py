"""Tables come back as they were written, whatever the format."""

from __future__ import annotations

import csv
import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalloop import engine
from evalloop.errors import RecordError, UsageError

TABLE = {"case": ["a", "b", "c"], "value": [1.5, None, 0.0], "note": ["x, y", 'say "hi"\nagain', "ü"]}
CELL = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=8).map(lambda text: "x" + text)


def written(folder: Path, kind: str) -> str:
    """TABLE as a file of that kind."""
    rows = [dict(zip(TABLE, cells, strict=True)) for cells in zip(*TABLE.values(), strict=True)]
    place = folder / f"table.{kind}"
    if kind == "parquet":
        pq.write_table(pa.table(TABLE), place)
        return str(place)
    if kind.startswith("jsonl"):
        text = "".join(json.dumps(row) + "\n" for row in rows)
    else:
        plain = folder / "plain"
        with plain.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(TABLE), delimiter="\t" if kind.startswith("tsv") else ",")
            writer.writeheader()
            writer.writerows(rows)
        text = plain.read_text(encoding="utf-8")
    if kind.endswith(".gz"):
        place.write_bytes(gzip.compress(text.encode()))
    else:
        place.write_text(text, encoding="utf-8")
    return str(place)


@pytest.mark.parametrize("kind", ["csv", "csv.gz", "tsv", "jsonl", "jsonl.gz", "parquet"])
def test_every_format_gives_the_same_table(tmp_path: Path, kind: str) -> None:
    """Values, missing values, quoted line breaks and the order of rows survive."""
    assert engine.read_table(written(tmp_path, kind)) == TABLE


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_columns_are_picked_in_the_order_asked(tmp_path: Path, kind: str) -> None:
    """Only the named columns come, in that order."""
    assert list(engine.read_table(written(tmp_path, kind), ["note", "case"])) == ["note", "case"]


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
def test_unknown_column_is_named_with_those_that_exist(tmp_path: Path, kind: str) -> None:
    """The error says what is missing and what there is."""
    with pytest.raises(UsageError, match=r"no column 'vaule'[\s\S]*case, value, note"):
        engine.read_table(written(tmp_path, kind), ["vaule"])


@pytest.mark.parametrize("name", ["nothing.csv", "nothing.xlsx"])
def test_absent_and_foreign_files_are_refused(tmp_path: Path, name: str) -> None:
    """No traceback for a wrong path or a format that is not read."""
    with pytest.raises(UsageError):
        engine.read_table(str(tmp_path / name))


def test_broken_files_are_refused_in_one_line(tmp_path: Path) -> None:
    """A file that is not what its name says gives a user's error."""
    (tmp_path / "no.parquet").write_text("not parquet at all, not at all")
    (tmp_path / "no.jsonl").write_text('{"a": 1}\n[2]\n')
    with pytest.raises(UsageError):
        engine.read_table(str(tmp_path / "no.parquet"))
    with pytest.raises(RecordError) as caught:
        engine.read_table(str(tmp_path / "no.jsonl"))
    assert caught.value.line == 2


@pytest.mark.parametrize("content", [b'{"a": 1}\n', gzip.compress(b'{"a": 1}\n' * 99)[:-12]])
def test_what_is_no_whole_gzip_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """Plain text under a packed name, and a file that was cut off."""
    place = tmp_path / "rows.jsonl.gz"
    place.write_bytes(content)
    with pytest.raises(UsageError, match="not a whole gzip file"):
        engine.read_table(str(place))


def test_wildcards_in_a_name_are_letters(tmp_path: Path) -> None:
    """A file called ``a[1]*.csv`` is that one file."""
    (tmp_path / "a[1]*.csv").write_text("x\n1\n")
    (tmp_path / "a1b.csv").write_text("x\n2\n")
    assert engine.read_table(str(tmp_path / "a[1]*.csv")) == {"x": [1]}


def test_keys_that_come_late_are_none_before(tmp_path: Path) -> None:
    """JSON rows with different keys fill up with None."""
    place = tmp_path / "t.jsonl"
    place.write_text('{"a": 1}\n\n{"b": 2}\n')
    assert engine.read_table(str(place)) == {"a": [1, None], "b": [None, 2]}


@settings(max_examples=15, deadline=None)
@given(rows=st.lists(st.tuples(CELL, CELL), min_size=1, max_size=5))
def test_text_cells_survive_csv(tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]) -> None:
    """With ``all_text`` every cell comes back as it was written."""
    place = tmp_path_factory.mktemp("csv") / "t.csv"
    with place.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("left", "right"), *rows])
    read = list(engine.read_rows(str(place), all_text=True))
    assert [(row["left"], row["right"]) for row in read] == rows


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_columns_that_differ_by_case_keep_their_names(tmp_path: Path, suffix: str) -> None:
    """``Question`` and ``question`` are two columns, although the engine itself does not tell them apart."""
    place = tmp_path / f"table{suffix}"
    if suffix == ".parquet":
        pq.write_table(pa.table({"Question": ["1.0"], "question": ["1"], "question_1": ["x"]}), place)
    else:
        content = b"Question,question,question_1\na.0,a,x\n"
        place.write_bytes(gzip.compress(content) if suffix.endswith(".gz") else content)
    table = engine.read_table(str(place), ["question", "Question"])
    assert list(table) == ["question", "Question"]
    assert table["question"] == [table["Question"][0].removesuffix(".0")]
    assert list(next(engine.read_rows(str(place)))) == ["Question", "question", "question_1"]

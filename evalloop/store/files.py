"""Plain files: atomic writes, JSON Lines, private folders."""

from __future__ import annotations

import codecs
import csv
import gzip
import hashlib
import io
import json
import os
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from evalloop.encode import csv_cell
from evalloop.errors import RecordError

_ENCODE = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def private_folder(path: Path) -> Path:
    """``path``, made with its missing parents so that only their owner may enter, and git passes them by."""
    missing = [folder for folder in (path, *path.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(mode=0o700, exist_ok=True)
    if missing:
        write_text(missing[-1] / ".gitignore", "*\n", private=True)
    return path


def write_text(path: Path, text: str, *, private: bool = False) -> None:
    """Writes the whole file or nothing; ``private`` files can be read by their owner only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o600 if private else 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def replacing(path: Path, *, private: bool = True) -> Iterator[Path]:
    """A path beside ``path`` to write a file or folder at; it takes the place of ``path`` when all went well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent, prefix=f".{path.name}.") as folder:
        new = Path(folder) / path.name
        yield new
        if new.is_dir():
            if path.exists():
                os.rename(path, Path(folder) / "old")
        else:
            os.chmod(new, 0o600 if private else 0o644)
        os.replace(new, path)


def dump_line(row: Mapping[str, Any]) -> str:
    """One JSON line, readable with grep; NaN is refused."""
    return _ENCODE(row) + "\n"


def dump_bytes(row: Mapping[str, Any]) -> bytes:
    """The same as UTF-8, fast; NaN becomes null, and half a surrogate pair its escape."""
    import orjson

    try:
        return orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE)
    except TypeError:
        return dump_line(row).encode("utf-8", errors="backslashreplace")


def write_json(path: Path, data: Mapping[str, Any], *, private: bool = False) -> None:
    """Writes one JSON object, or nothing."""
    write_text(path, json.dumps(data, ensure_ascii=False, allow_nan=False, indent=1) + "\n", private=private)


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object of a file; raises RecordError when it holds anything else."""
    return parse_line(read_text(path)[0], path, 1)


def write_jsonl(path: Path, rows: Iterable[Mapping[str, Any]], *, private: bool = False) -> int:
    """Writes all rows or nothing, one at a time; returns their number."""
    number = 0
    with replacing(path, private=private) as new, new.open("w", encoding="utf-8", newline="\n") as file:
        for number, row in enumerate(rows, 1):  # noqa: B007  # the number of the last one
            file.write(dump_line(row))
        file.flush()
        os.fsync(file.fileno())
    return number


def read_jsonl(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """(line number from 1, object) of each line that is not blank, also of a .gz; RecordError names a broken line."""
    with gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                yield number, parse_line(line, path, number)


def parse_line(line: str, path: Path, number: int) -> dict[str, Any]:
    """The object on one line; raises RecordError when it is not a JSON object."""
    try:
        row = json.loads(line)
    except ValueError as error:
        raise RecordError(f"not valid JSON: {error}", file=str(path), line=number, fix="mend the line") from None
    if not isinstance(row, dict):
        raise RecordError("not a JSON object", file=str(path), line=number, fix='write {"key": value, ...}')
    return row


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Writes a table for a spreadsheet: UTF-8 with its mark, and no cell that would be taken for a formula."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    writer.writerows([csv_cell(str(row.get(name, ""))) for name in columns] for row in rows)
    data = text.getvalue().encode("utf-8", "backslashreplace")
    with replacing(path, private=True) as new:
        new.write_bytes(codecs.BOM_UTF8 + data)


def read_digest(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


MAX_BYTES = 2_000_000_000


def read_text(path: Path) -> tuple[str, str]:
    """(text, sha256 of the bytes on disk) of a UTF-8 file, unpacked if it ends in ``.gz``; raises RecordError."""
    try:
        raw = path.read_bytes()
        data = _unpack(path, raw) if path.suffix == ".gz" else raw
        return data.decode("utf-8-sig"), hashlib.sha256(raw).hexdigest()
    except UnicodeDecodeError as error:
        raise RecordError(f"not UTF-8 at byte {error.start}", file=str(path), fix="save the file as UTF-8") from None
    except (OSError, EOFError, zlib.error) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise RecordError(f"cannot be read: {reason}", file=str(path), fix="check the path and the file") from None


def _unpack(path: Path, raw: bytes) -> bytes:
    with gzip.GzipFile(fileobj=io.BytesIO(raw)) as file:
        data = file.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise RecordError(f"unpacks to more than {MAX_BYTES:,} bytes", file=str(path), fix="split the file")
    return data

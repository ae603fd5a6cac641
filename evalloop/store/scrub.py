"""Takes a user's words out of a project's files: exports, runs, reports, notes, and whatever else is text."""

from __future__ import annotations

import html
import json
import os
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

PUT = "(erased)"
SHORTEST = 12
"""Characters that a line needs to be looked for: shorter ones are anyone's."""
PIECE = 160
PASSED_OVER = frozenset({".git", ".hg", ".tox", ".venv", "venv", "node_modules", "__pycache__"})
BINARY = (".sqlite", ".sqlite-wal", ".sqlite-shm", ".parquet", ".gz", ".png", ".whl", ".zip", ".db")
LARGEST = 500_000_000


@dataclass
class Scrubbed:
    """Files that were changed, and files that hold the words but cannot be edited."""

    changed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def needles(words: Collection[str]) -> list[bytes]:
    """The lines of texts in every way in which files write them, longest first; long lines in pieces, as files cut."""
    lines = {line.strip() for text in words for line in text.splitlines()}
    pieces = {line[start:start + PIECE].strip() for line in lines for start in range(0, len(line), PIECE)}
    wanted = {each for each in (*lines, *pieces) if len(each) >= SHORTEST}
    found = {form for each in wanted for form in (
        each, json.dumps(each)[1:-1], json.dumps(each, ensure_ascii=False)[1:-1], html.escape(each),
        html.escape(each, quote=False), each.replace("'", "''"), each.replace('"', '""'))}
    return sorted((each.encode("utf-8", "replace") for each in found), key=len, reverse=True)


def scrub(root: Path, words: Collection[str]) -> Scrubbed:
    """Puts ``(erased)`` in the place of the words in every text file under ``root``."""
    done, wanted = Scrubbed(), needles(words)
    if not wanted:
        return done
    for path in _files(root):
        data = path.read_bytes()
        if not any(each in data for each in wanted):
            continue
        if path.name.endswith(BINARY) or b"\0" in data:
            done.left.append(str(path.relative_to(root)))
            continue
        for each in wanted:
            data = data.replace(each, PUT.encode())
        _write(path, data)
        done.changed.append(str(path.relative_to(root)))
    return done


def _files(root: Path) -> Iterator[Path]:
    for folder, names, files in os.walk(root):
        names[:] = sorted(name for name in names if name not in PASSED_OVER)
        for name in sorted(files):
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST:
                yield path


def _write(path: Path, data: bytes) -> None:
    """The whole file or nothing, with the same mode."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, path.stat().st_mode & 0o777)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise

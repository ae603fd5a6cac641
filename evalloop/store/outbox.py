"""An outbox: lines wait in files until they were taken away; they outlive the process, and processes share a folder.

Each process appends to files of its own and holds a lock on each while it lives. The lock of an ended process, however
it ended, is free: whoever comes next adopts its file. A file is removed when all its lines were taken. Where the disk
fails (full, read-only, no such folder), lines wait in memory, within a limit.
"""

from __future__ import annotations

import io
import os
import uuid
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from evalloop.store.files import private_folder

try:
    import fcntl
except ImportError:  # not a POSIX system: files are not shared, each process uses a folder of its own
    fcntl = None  # type: ignore[assignment]

SEGMENT_BYTES = 4_000_000
READ_BYTES = 1_000_000
ENDING = ".ndjson"


class Outbox:
    """Lines in the order they came, oldest first. For one thread; ``folder`` None: memory only.

    ``max_bytes`` bounds the folder, ``max_memory`` what waits in memory when the disk fails; a line over the bound is
    refused (``append`` returns how many were kept).
    """

    def __init__(self, folder: Path | None, *, max_bytes: int = 256_000_000, max_memory: int = 32_000_000) -> None:
        self._folder = folder
        self._max_bytes, self._max_memory = max_bytes, max_memory
        self._segments: deque[_Segment] = deque()
        self._peeked: list[int] = []
        self._others = self._lines = 0
        self.fault = "" if folder else "no folder: waiting in memory"

    def __len__(self) -> int:
        return self._lines

    def append(self, lines: Sequence[bytes]) -> int:
        """Adds lines (without line ends); how many of them are kept."""
        kept = 0
        for line in lines:
            data = line + b"\n"
            if self._room(len(data)) and self._write(data):
                kept += 1
                self._lines += 1
        return kept

    def peek(self, limit: int, max_bytes: int = READ_BYTES) -> list[bytes]:
        """The oldest lines: at most ``limit``, at most ``max_bytes`` together (but one at least)."""
        self._peeked = []
        while self._segments and not self._segments[0].lines and len(self._segments) > 1:
            self._segments.popleft().remove()
        if not self._segments:
            return []
        found = self._segments[0].read(limit, max_bytes)
        self._peeked = [len(line) + 1 for line in found]
        return found

    def advance(self, count: int) -> None:
        """The first ``count`` lines of the last ``peek`` were taken."""
        taken, self._peeked = self._peeked[:count], self._peeked[count:]
        if taken:
            self._segments[0].take(sum(taken), len(taken))
            self._lines -= len(taken)

    def adopt(self) -> int:
        """Takes over the files of ended processes; how many lines that brought."""
        if self._folder is None or fcntl is None or not self._folder.is_dir():
            return 0
        own = {segment.path for segment in self._segments}
        before, self._others = self._lines, 0
        for path in sorted(self._folder.glob(f"*{ENDING}")):
            if path not in own:
                segment = _adopted(path)
                if segment is None:
                    with suppress(OSError):
                        self._others += path.stat().st_size
                elif segment.lines:
                    self._segments.appendleft(segment)
                    self._lines += segment.lines
                else:
                    segment.remove()
        return self._lines - before

    def close(self) -> None:
        """Leaves what waits on the disk to whoever comes next; empty files are removed."""
        for segment in self._segments:
            segment.close() if segment.lines else segment.remove()
        self._segments.clear()
        self._lines = 0

    def forget(self) -> None:
        """In a forked child: the parent keeps its lines and its locks."""
        for segment in self._segments:
            segment.close()
        self._segments.clear()
        self._peeked, self._lines = [], 0

    def _room(self, size: int) -> bool:
        own = sum(segment.end for segment in self._segments if segment.path)
        memory = sum(segment.end for segment in self._segments if not segment.path)
        return own + self._others + size <= self._max_bytes and memory + size <= self._max_memory

    def _write(self, data: bytes) -> bool:
        if self._folder is not None:
            try:
                self._current(on_disk=True).append(data)
                self.fault = ""
                return True
            except OSError as error:
                self.fault = f"{error.strerror or error}: waiting in memory"
        self._current(on_disk=False).append(data)
        return True

    def _current(self, *, on_disk: bool) -> _Segment:
        last = self._segments[-1] if self._segments else None
        if last is None or last.end >= SEGMENT_BYTES or bool(last.path) is not on_disk:
            last = _new(self._folder) if on_disk and self._folder else _Segment(io.BytesIO(), None)
            self._segments.append(last)
        return last


class _Segment:
    """One file, or one buffer in memory: ``start`` to ``end`` are the bytes that wait."""

    def __init__(self, file: IO[bytes], path: Path | None) -> None:
        self.file, self.path = file, path
        self.start = self.end = self.lines = 0

    def append(self, data: bytes) -> None:
        """Writes one line whole, or raises OSError and leaves the file as it was."""
        self.file.seek(self.end)
        rest = memoryview(data)
        try:
            while rest:
                rest = rest[self.file.write(rest):]
        except OSError:
            with suppress(OSError):
                self.file.truncate(self.end)
            raise
        self.end += len(data)
        self.lines += 1

    def read(self, limit: int, max_bytes: int) -> list[bytes]:
        self.file.seek(self.start)
        data = self.file.read(min(max(max_bytes, 1), self.end - self.start))
        if b"\n" not in data:
            self.file.seek(self.start)
            data = self.file.read(self.end - self.start)
            return data.split(b"\n", 1)[:1] if b"\n" in data else []
        return data.split(b"\n")[:-1][:limit]

    def take(self, size: int, lines: int) -> None:
        self.start += size
        self.lines -= lines
        if self.lines <= 0:
            self.start = self.end = self.lines = 0
            with suppress(OSError):
                self.file.truncate(0)

    def close(self) -> None:
        with suppress(OSError):
            self.file.close()

    def remove(self) -> None:
        if self.path:
            with suppress(OSError):
                self.path.unlink()
        self.close()


def _new(folder: Path) -> _Segment:
    """A file of this process: locked before others can see it under its name."""
    path = private_folder(folder) / f"{uuid.uuid4().hex}{ENDING}"
    hidden = path.with_suffix(".new")
    file = os.fdopen(os.open(hidden, os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o600), "r+b", 0)
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX)
    os.rename(hidden, path)
    return _Segment(file, path)


def _adopted(path: Path) -> _Segment | None:
    """The file of an ended process, without a line it was killed in; None when somebody holds it or was first."""
    try:
        file = os.fdopen(os.open(path, os.O_RDWR), "r+b", 0)
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(file.fileno()).st_nlink:
            return _counted(file, path)
    except OSError:
        pass
    file.close()
    return None


def _counted(file: IO[bytes], path: Path) -> _Segment:
    segment = _Segment(file, path)
    while chunk := file.read(READ_BYTES):
        segment.lines += chunk.count(b"\n")
        last = chunk.rfind(b"\n")
        segment.end = segment.start + last + 1 if last >= 0 else segment.end
        segment.start += len(chunk)
    segment.start = 0
    file.truncate(segment.end)
    return segment

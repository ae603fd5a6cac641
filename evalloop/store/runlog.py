"""The run log: one JSON line per trial, only ever appended to, safe against a kill at any moment.

The first line is the header (``type`` run), then come trials (``type`` trial), and each sitting ends with a summary
(``type`` summary). A trial that ended in an error may be followed by a later line of the same case and repeat, which
takes its place. Lines are handed to the operating system one by one, so that the death of the process loses none, and
are brought to the disk in groups.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from evalloop.errors import IncompleteError, RecordError, UsageError
from evalloop.records.run import Run, Summary, Trial
from evalloop.store import git
from evalloop.store.files import dump_bytes, parse_line, private_folder

SUFFIX = ".jsonl"
SYNC_LINES = 50
SYNC_SECONDS = 0.25
_TAIL = 64 * 1024


class RunLog:
    """The open log of one run; no second process can open it for writing meanwhile."""

    def __init__(self, path: Path, run: Run, handle: int) -> None:
        self.path = path
        self.run = run
        self._handle = handle
        self._end = os.fstat(handle).st_size
        self._syncer = _Syncer(handle)

    @classmethod
    def create(cls, folder: Path, run: Run) -> RunLog:
        """A new log ``<folder>/<run.name>.jsonl`` with its header on the disk; raises UsageError for a taken name."""
        path = private_folder(folder) / f"{run.name}{SUFFIX}"
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_EXCL
        try:
            handle = os.open(path, flags, 0o600)
        except FileExistsError:
            raise UsageError(f"there is a run named {run.name!r} already",
                             fix=f"choose another --name, or go on with it: --resume {run.name}") from None
        log = cls(path, run, handle)
        try:
            _lock(handle, path)
            log._write({"type": "run", **run.to_dict()})
            os.fsync(handle)
        except BaseException:
            with suppress(OSError):
                log.close()
            path.unlink()
            raise
        return log

    @classmethod
    def open(cls, path: Path) -> RunLog:
        """An existing log, ready to be appended to; a line that a kill tore at the end is cut off."""
        handle = os.open(path, os.O_RDWR | os.O_APPEND)
        try:
            _lock(handle, path)
            _mend(handle)
            return cls(path, header(path), handle)
        except BaseException:
            os.close(handle)
            raise

    def append(self, trial: Trial) -> None:
        """Writes one trial; it outlives the process at once, and a power cut after at most a quarter second."""
        self._write({"type": "trial", **trial.to_dict()})

    def close(self, summary: Summary | None = None) -> None:
        """Writes the summary of this sitting, brings everything to the disk and gives the log free."""
        if self._handle < 0:
            return
        try:
            if summary is not None:
                self._write({"type": "summary", **summary.to_dict()})
        finally:
            self._syncer.stop()
            os.fsync(self._handle)
            os.close(self._handle)
            self._handle = -1

    def _write(self, row: Mapping[str, Any]) -> None:
        self._syncer.check()
        data = dump_bytes(row)
        try:
            written = os.write(self._handle, data)
            while written < len(data):
                written += os.write(self._handle, data[written:])
        except OSError as error:
            with suppress(OSError):
                os.ftruncate(self._handle, self._end)
            raise _write_failed(error) from error
        self._end += len(data)
        self._syncer.note()

    def __enter__(self) -> RunLog:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Syncer:
    """Calls fsync beside the event loop: after so many lines, or so long after the first unsynced one."""

    def __init__(self, handle: int) -> None:
        self._handle = handle
        self._lines = 0
        self._changed = threading.Condition()
        self._stopped = False
        self._error: OSError | None = None
        self._thread: threading.Thread | None = None

    def note(self) -> None:
        with self._changed:
            self._lines += 1
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="runlog-sync", daemon=True)
                self._thread.start()
            if self._lines in (1, SYNC_LINES):
                self._changed.notify()

    def check(self) -> None:
        """Raises what the last fsync failed with."""
        if self._error is not None:
            raise _write_failed(self._error) from self._error

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join()

    def _work(self) -> None:
        while not self._stopped and self._error is None:
            with self._changed:
                self._changed.wait_for(lambda: self._lines or self._stopped)
                self._changed.wait_for(lambda: self._lines >= SYNC_LINES or self._stopped, timeout=SYNC_SECONDS)
                self._lines = 0
            try:
                os.fsync(self._handle)
            except OSError as error:
                self._error = error


def header(path: Path) -> Run:
    """The first line of a run log; raises RecordError when the file is not one."""
    with path.open("rb") as file:
        return _header(path, file.readline())


def read(path: Path, *, only: str | None = None) -> tuple[Run, Iterator[Trial]]:
    """The header, and the trials one at a time (``only`` those of one case): a repaired error is left out, one that
    stands comes at the end.

    Memory does not grow with the log, only with the errors in it. A line torn at the very end is passed over; any
    other broken line raises RecordError with its place.
    """
    return header(path), _trials(path, only)


def last_summary(path: Path) -> Summary | None:
    """What the last sitting left as its last line; None when it was killed or still goes on."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL))
        last = file.read().rstrip(b"\n").rpartition(b"\n")[2]
    if not last.startswith(b'{"type":"summary"'):
        return None
    return Summary.from_dict(json.loads(last))


def paths(folder: Path) -> list[Path]:
    """All run logs of a folder, the oldest first."""
    return [path for _, path in _logs(folder)]


def resolve(folder: Path, reference: str, *, root: Path | None = None, like: Run | None = None) -> Path:
    """The log that a name, a path, ``@latest``, ``@{-N}`` (the N-th before it), a run id or a git reference means.

    A git reference means the newest run made at that commit of the checkout that holds ``root``, if there are several
    the one most ``like`` another run. Raises UsageError with the names there are.
    """
    named = folder / f"{reference}{SUFFIX}"
    if "/" not in reference and named.is_file():
        return named
    if reference.endswith(SUFFIX) and Path(reference).is_file():
        return Path(reference)
    logs = _logs(folder)
    before = re.fullmatch(r"@latest|@\{-(\d+)\}", reference)
    if before and int(before[1] or 0) < len(logs):
        return logs[-1 - int(before[1] or 0)][1]
    for run, path in logs:
        if run.run_id == reference:
            return path
    known = ", ".join(path.stem for _, path in reversed(logs[-8:])) or "none; make one with evalloop run"
    commit = git.commit_of(root, reference) if root and not before else None
    if commit is None:
        raise UsageError(f"no run {reference!r} in {folder}", fix=f"runs: {known}")
    found = [(run, path) for run, path in logs if run.git_commit == commit]
    if not found:
        raise UsageError(f"no run of the commit {commit[:12]} ({reference})",
                         fix=_dirty(logs, commit) or f"runs: {known}")
    return max(found, key=lambda log: (*_likeness(log[0], like), log[0].created_at))[1]


def new_id() -> str:
    """A run id that no other run has."""
    return f"r-{secrets.token_hex(8)}"


def _logs(folder: Path) -> list[tuple[Run, Path]]:
    logs = [(header(path), path) for path in folder.glob(f"*{SUFFIX}") if _is_log(path)]
    return sorted(logs, key=lambda log: (log[0].created_at, log[1]))


def _likeness(run: Run, like: Run | None) -> tuple[bool, bool, bool]:
    """The same evalset comes first, then a run of all its cases, then the same variant."""
    whole = not {"shard", "only_failed"} & run.tags.keys()
    return (like is not None and run.evalset == like.evalset, whole,
            like is not None and run.variant.name == like.variant.name)


def _dirty(logs: Iterable[tuple[Run, Path]], commit: str) -> str:
    names = [run.name for run, _ in logs if run.git_commit == f"{commit}-dirty"]
    return f"{names[-1]} was made there with files changed: name it, or commit first and run again" if names else ""


def _trials(path: Path, only: str | None) -> Iterator[Trial]:
    errors: dict[tuple[str, int], Trial] = {}
    with path.open("rb") as file:
        for row in _rows(path, file, b"" if only is None else json.dumps(only, ensure_ascii=False).encode()):
            if row.get("type") != "trial" or only not in (None, row["case_id"]):
                continue
            trial = Trial.from_dict(row)
            if trial.state == "ok":
                errors.pop((trial.case_id, trial.repeat), None)
                yield trial
            else:
                errors[trial.case_id, trial.repeat] = trial
    yield from errors.values()


def _rows(path: Path, file: BinaryIO, holding: bytes = b"") -> Iterator[Mapping[str, Any]]:
    """The lines after the header as objects; those without the bytes ``holding`` are not even read."""
    for number, line in enumerate(file, 1):
        if number == 1 or not line.strip() or holding not in line:
            continue
        try:
            yield parse_line(line.decode("utf-8"), path, number)
        except (RecordError, UnicodeDecodeError):
            if not line.endswith(b"\n"):
                return
            raise RecordError("a broken line inside a run log", file=str(path), line=number,
                              fix="delete that line; evalloop run --resume asks for its trial again") from None


def _header(path: Path, line: bytes) -> Run:
    try:
        row = parse_line(line.decode("utf-8", errors="replace"), path, 1)
        if row.get("type") == "run":
            return Run.from_dict(row)
    except (RecordError, TypeError):
        pass
    raise RecordError("not a run log: its first line is no run header", file=str(path), line=1,
                      fix="name a file of the runs folder (evalloop runs)")


def _is_log(path: Path) -> bool:
    try:
        header(path)
    except RecordError:
        return False
    return True


def _mend(handle: int) -> None:
    """Cuts off what follows the last line break, unless it is a whole line that only lacks the break."""
    size = os.fstat(handle).st_size
    tail, start = b"", size
    while start > 0 and b"\n" not in tail:
        step = min(_TAIL, start)
        start -= step
        tail = os.pread(handle, step, start) + tail
    rest = tail.rpartition(b"\n")[2]
    if not rest:
        return
    try:
        json.loads(rest)
        os.write(handle, b"\n")
    except ValueError:
        os.ftruncate(handle, size - len(rest))


def _write_failed(error: OSError) -> IncompleteError:
    return IncompleteError(f"the run log cannot be written: {error.strerror or error}",
                           fix="make room, then go on with evalloop run --resume")


def _lock(handle: int, path: Path) -> None:
    """Takes the log for this process; the operating system frees it when the process dies."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise UsageError(f"another process writes the run {path.stem!r}",
                         fix="wait until it ends, or stop it, or start a new run") from None

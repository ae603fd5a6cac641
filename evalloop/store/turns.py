"""How processes that write into one SQLite file keep out of each other's way."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from sqlalchemy import Engine

CARRY_S = 1.0
"""Seconds between two carryings of SQLite's log, so that no commit has much of it to carry over."""


def turns_at(address: str) -> str:
    """The file beside a SQLite store that whoever writes much into it locks: collectors and imports the same one. Empty
    where the database lets several write, and where this system knows no such lock."""
    if "://" in address or os.name == "nt":
        return ""
    place = Path(f"{address}-turns")
    with suppress(OSError):  # a folder that cannot be written: the store says so
        place.touch(mode=0o600)
    return str(place) if place.is_file() else ""


class Turns:
    """A file that one process locks at a time: they need not ask again and again, and no lock outlives its holder.
    Without a file (the database lets several write) nobody waits."""

    def __init__(self, path: str) -> None:
        self._file = Path(path).open("rb") if path else None  # noqa: SIM115  # as long as the process

    @contextmanager
    def __call__(self) -> Iterator[None]:
        if self._file is None:
            yield
            return
        import fcntl

        fcntl.flock(self._file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            fcntl.flock(self._file, fcntl.LOCK_UN)


class LogCarrier:
    """Carries SQLite's log over into the file beside the writing, as ``PRAGMA wal_checkpoint(PASSIVE)`` may: a commit
    that finds the log full then has little left to do. One process of several does it (``active``)."""

    def __init__(self, engine: Engine, *, active: bool = True) -> None:
        self._engine, self._active = engine, active and engine.dialect.name == "sqlite"
        self._written, self._ended = Event(), Event()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        if self._active:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._written.set()
        if self._thread.is_alive():
            self._thread.join()

    def wake(self) -> None:
        """Something was written."""
        self._written.set()

    def _run(self) -> None:
        from sqlalchemy.exc import SQLAlchemyError

        while self._written.wait() and not self._ended.wait(CARRY_S):
            self._written.clear()
            try:
                connection = self._engine.raw_connection()
            except SQLAlchemyError:
                continue  # the next commit says what is wrong
            try:
                connection.cursor().execute("PRAGMA wal_checkpoint(PASSIVE)")
            except Exception:  # noqa: S110  # a full disk: the next commit says so
                pass
            finally:
                connection.close()

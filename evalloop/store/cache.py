"""The call cache: answers by the hash of their question, in one SQLite file that several processes share.

Only answers are kept, never errors, and never a key or a header. Each entry is written at once, so that an answer
that was paid for outlives the death of the process.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import time
from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from evalloop.errors import ConfigError
from evalloop.records.call import Reply, Request
from evalloop.records.variant import Variant
from evalloop.store.files import private_folder

_SCHEMA = """
create table if not exists replies (
    key blob primary key, target text not null, created_at real not null, size integer not null, reply text not null
) without rowid;
create index if not exists replies_by_age on replies (created_at);
"""
_WAIT_S = 30.0


@dataclass(frozen=True)
class CacheStats:
    """What a cache holds; sizes in bytes, times in seconds since the epoch (None: it is empty)."""

    entries: int
    bytes: int
    file_bytes: int
    oldest: float | None
    newest: float | None
    targets: Mapping[str, int]


class CallCache:
    """Replies by key. Open it once for each thread."""

    def __init__(self, path: Path) -> None:
        private_folder(path.parent)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self.path = path
        self._connection = sqlite3.connect(path, isolation_level=None, timeout=_WAIT_S)
        try:
            self._connection.execute("pragma journal_mode = wal")
            self._connection.execute("pragma synchronous = normal")
            self._connection.executescript(_SCHEMA)
        except sqlite3.Error as error:
            self._connection.close()
            raise ConfigError(f"the cache cannot be used: {error}", file=str(path),
                              fix="make room, or delete the file, or run with --no-cache") from None

    def get(self, key: bytes) -> Reply | None:
        """The answer that was kept, marked as cached; None when there is none."""
        row = self._connection.execute("select reply from replies where key = ?", (key,)).fetchone()
        return replace(Reply.from_dict(json.loads(row[0])), cached=True) if row else None

    def has(self, key: bytes) -> bool:
        """True when there is an answer for the key."""
        return self._connection.execute("select 1 from replies where key = ?", (key,)).fetchone() is not None

    def put(self, key: bytes, target: str, reply: Reply) -> None:
        """Keeps an answer; an earlier one for the same key stays. One that finds no room is good all the same."""
        text = json.dumps(reply.to_dict(), separators=(",", ":"))
        with suppress(sqlite3.OperationalError):
            self._connection.execute("insert or ignore into replies values (?, ?, ?, ?, ?)",
                                     (key, target, time.time(), len(text), text))

    def stats(self) -> CacheStats:
        """How much there is, how old, and of which targets."""
        entries, size, oldest, newest = self._connection.execute(
            "select count(*), coalesce(sum(size), 0), min(created_at), max(created_at) from replies").fetchone()
        targets = dict(self._connection.execute("select target, count(*) from replies group by target order by target"))
        return CacheStats(entries, size, self.path.stat().st_size, oldest, newest, targets)

    def prune(self, *, days: float | None = None, max_mb: float | None = None) -> int:
        """Drops what is older than ``days``, then the oldest until the answers take ``max_mb``; returns how many."""
        before = self._count()
        if days is not None:
            self._connection.execute("delete from replies where created_at < ?", (time.time() - days * 86400,))
        if max_mb is not None:
            self._connection.execute(
                "delete from replies where key in (select key from (select key, sum(size) over "
                "(order by created_at desc, key) as running from replies) where running > ?)", (max_mb * 1_000_000,))
        dropped = before - self._count()
        if dropped:
            self._connection.execute("vacuum")
        return dropped

    def erase(self, words: Collection[str]) -> int:
        """Drops the answers that hold one of these texts; how many. Nothing of them is left in the file."""
        dropped = 0
        for each in words:
            dropped += self._connection.execute("delete from replies where instr(reply, ?)",
                                                (json.dumps(each)[1:-1],)).rowcount
        self._connection.execute("vacuum")
        self._connection.execute("pragma wal_checkpoint(truncate)")
        return dropped

    def close(self) -> None:
        """Gives the file free."""
        self._connection.close()

    def _count(self) -> int:
        count: int = self._connection.execute("select count(*) from replies").fetchone()[0]
        return count

    def __enter__(self) -> CallCache:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Keys:
    """Makes the keys of one variant under one target; a name change of the variant does not matter."""

    def __init__(self, target: str, version: str, variant: Variant) -> None:
        content = {name: value for name, value in variant.to_dict().items() if name != "name"}
        self._start = hashlib.sha256(_canonical([target, version, content]))

    def key(self, request: Request) -> bytes:
        """32 bytes that stand for the target, its version, the variant, the messages, parameters and repeat."""
        digest = self._start.copy()
        digest.update(_canonical([request.messages, request.params, request.repeat]))
        if request.options:
            digest.update(_canonical(request.options))
        return digest.digest()


def _canonical(value: Any) -> bytes:
    return json.dumps(value, sort_keys=True, ensure_ascii=True, separators=(",", ":"), default=dict).encode()

"""The lake: events as Parquet files by day, and the list of the files that count.

    LAKE/events/day=2026-11-23/part-<id>.parquet       zstd, sorted by event type and time, columns of ``store.columns``

A part counts when the table ``lake_parts`` of the event store lists it as live. A part is announced there before its
file is written, and becomes live in the transaction that takes its events out of the inbox: whatever is killed when,
each event is in exactly one of the two. The folder may be local or any address that fsspec knows (``s3://bucket/lake``).
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from evalloop.errors import ConfigError, EvalloopError
from evalloop.records.times import now_text
from evalloop.store.files import private_folder

if TYPE_CHECKING:
    import pyarrow as pa
    from sqlalchemy import Connection, Engine, MetaData, Table

WRITING, LIVE, DEAD = "writing", "live", "dead"
COMPRESSION = "zstd"
ROW_GROUP = 122_880
PACKAGES = {"s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs", "az": "adlfs"}
"""What fsspec needs for an address."""


@dataclass(frozen=True)
class Part:
    """One file of the lake: where it is (under the lake), the UTC day of its events, and how many there are."""

    path: str
    day: str
    rows: int


def parts_table(metadata: MetaData) -> Table:
    """The list of the lake's files, in the event store: ``state`` is writing, live or dead."""
    from sqlalchemy import BigInteger, Column, String, Table

    found = metadata.tables.get("lake_parts")
    return found if found is not None else Table(
        "lake_parts", metadata,
        Column("path", String(255), primary_key=True),
        Column("day", String(10), nullable=False, index=True),
        Column("rows", BigInteger, nullable=False),
        Column("state", String(8), nullable=False),
        Column("changed_at", String(32), nullable=False))


class Folder:
    """A place for files: a local folder, or an address of object storage. A file is there whole or not at all."""

    def __init__(self, address: str) -> None:
        self.address = address.rstrip("/")
        self.local = "://" not in address
        if not self.local:
            self._fs, self._root = _remote(self.address)
        elif "\0" in address:
            raise ConfigError("the lake's folder has a NUL in its name", key="lake", fix="name another folder")

    def full(self, path: str) -> str:
        """The address of a file of this folder."""
        return f"{self.address}/{path}"

    def write(self, path: str, table: pa.Table, told: Callable[[str], None] = lambda step: None) -> None:
        """Writes a Parquet file; on return it is on the disk. ``told`` hears of each step."""
        if not self.local:
            with self._fs.open(f"{self._root}/{path}", "wb") as file:
                _write(table, file)
            told("named")
            return
        place = Path(self.address) / path
        try:
            private_folder(Path(self.address))
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        except (FileNotFoundError, NotADirectoryError, FileExistsError, PermissionError) as error:
            raise ConfigError(f"{self.address} cannot hold the lake: {error.strerror}", key="lake",
                              fix="name a folder in which this user may write") from None
        temporary = place.with_name(f".{place.name}.tmp")
        with os.fdopen(os.open(temporary, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "wb") as file:
            _write(table, file)
            told("written")
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, place)
        for folder in (place.parent, place.parent.parent, Path(self.address)):
            _sync_folder(folder)
        told("named")

    def remove(self, path: str) -> None:
        """Takes a file away, and what an interrupted writer left of it; it need not be there."""
        if not self.local:
            with suppress(FileNotFoundError):
                self._fs.rm_file(f"{self._root}/{path}")
            return
        place = Path(self.address) / path
        place.unlink(missing_ok=True)
        place.with_name(f".{place.name}.tmp").unlink(missing_ok=True)

    def files(self, pattern: str) -> list[str]:
        """The paths of files that fit a pattern (``events/*/*.parquet``)."""
        if self.local:
            return sorted(str(each.relative_to(self.address)) for each in Path(self.address).glob(pattern))
        return sorted(each.removeprefix(f"{self._root}/") for each in self._fs.glob(f"{self._root}/{pattern}"))

    def read(self, path: str, names: Sequence[str] | None = None) -> pa.Table:
        """A Parquet file, or some of its columns."""
        import pyarrow.parquet as pq

        place = self.full(path) if self.local else f"{self._root}/{path}"
        return pq.ParquetFile(place, filesystem=None if self.local else self._fs).read(
            None if names is None else list(names))


def _remote(address: str) -> tuple[Any, str]:
    """The file system of an address and the place in it; ConfigError when there is none for it."""
    import fsspec

    try:
        return cast("tuple[Any, str]", fsspec.core.url_to_fs(address))
    except ImportError as error:
        package = PACKAGES.get(address.partition("://")[0])
        raise ConfigError(f"cannot open the lake: {error}", key="lake",
                          fix=f"python -m pip install {package}" if package else "install that package") from None
    except ValueError as error:
        raise ConfigError(f"cannot open the lake: {str(error).lower()}", key="lake",
                          fix="give a folder, or an address that fsspec knows (s3://bucket/lake)") from None


def _write(table: pa.Table, file: Any) -> None:
    import pyarrow.parquet as pq

    pq.write_table(table, file, compression=COMPRESSION, row_group_size=ROW_GROUP, coerce_timestamps="us",
                   use_dictionary=[name for name in table.schema.names if name not in ("event_id", "body", "prompt",
                                                                                       "response", "text")])


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class Lake:
    """The lake of one event store. ``address`` is a folder or an fsspec address; the store holds the list of parts."""

    def __init__(self, address: str, engine: Engine, metadata: MetaData) -> None:
        self.folder = Folder(address)
        self.engine = engine
        self.table = parts_table(metadata)
        self.table.create(engine, checkfirst=True)

    def parts(self, since: str = "", until: str = "9999-99-99", connection: Connection | None = None) -> list[Part]:
        """The live parts with days in [since, until] (``2026-11-23``), by day; as a connection sees them, if given."""
        from sqlalchemy import select

        table = self.table
        query = select(table.c.path, table.c.day, table.c.rows).where(
            table.c.state == LIVE, table.c.day >= since, table.c.day <= until).order_by(table.c.day, table.c.path)
        if connection is not None:
            return [Part(*row) for row in connection.execute(query)]
        with self.engine.connect().execution_options(read_only=True) as own:
            return [Part(*row) for row in own.execute(query)]

    def addresses(self, since: str = "", until: str = "9999-99-99") -> list[str]:
        """The addresses of the live parts, for a reader of Parquet."""
        return [self.folder.full(part.path) for part in self.parts(since, until)]

    def announce(self, day: str, rows: int) -> Part:
        """A new part, known as being written: a file that nobody finishes can be found and taken away."""
        from sqlalchemy import insert

        part = Part(f"events/day={day}/part-{uuid.uuid4().hex}.parquet", day, rows)
        with self.engine.begin() as connection:
            connection.execute(insert(self.table).values(
                path=part.path, day=day, rows=rows, state=WRITING, changed_at=now_text()))
        return part

    def commit(self, connection: Connection, live: Iterable[Part] = (), dead: Iterable[Part] = ()) -> None:
        """Makes parts count, or no longer, within the caller's transaction. EvalloopError when another did so first."""
        from sqlalchemy import update

        table = self.table
        for parts, before, after in ((live, WRITING, LIVE), (dead, LIVE, DEAD)):
            for part in parts:
                done = connection.execute(
                    update(table).where(table.c.path == part.path, table.c.state == before)
                    .values(state=after, changed_at=now_text()))
                if done.rowcount != 1:
                    raise EvalloopError(f"{part.path}: another process changed this part of the lake",
                                        fix="run the command again")

    def tidy(self, older_than: str) -> int:
        """Takes away files that no longer count or were never finished, changed before that time; how many."""
        from sqlalchemy import delete, select

        table = self.table
        with self.engine.connect() as connection:
            paths = connection.execute(select(table.c.path).where(
                table.c.state.in_((WRITING, DEAD)), table.c.changed_at < older_than)).scalars().all()
        for path in paths:
            self.folder.remove(path)
            with self.engine.begin() as connection:
                connection.execute(delete(table).where(table.c.path == path, table.c.state != LIVE))
        return len(paths)

    def rewrite(self, change: Callable[[pa.Table], pa.Table | None],
                also: Callable[[Connection], None] = lambda connection: None,
                parts: Sequence[Part] | None = None) -> int:
        """Puts changed copies in the place of parts (default: all), in one transaction with ``also``; rows taken out.

        ``change`` gets a part as a table and returns the rows to keep; None leaves the part as it is. The old files are
        gone when this returns. This is how a user's events are erased from the lake.
        """
        old, new, gone = [], [], 0
        for part in self.parts() if parts is None else parts:
            before = self.folder.read(part.path)
            after = change(before)
            if after is None:
                continue
            old.append(part)
            gone += before.num_rows - after.num_rows
            if after.num_rows:
                new.append(self.announce(part.day, after.num_rows))
                self.folder.write(new[-1].path, after)
        with self.engine.begin() as connection:
            self.commit(connection, live=new, dead=old)
            also(connection)
        self._remove_dead(old)
        return gone

    def _remove_dead(self, parts: Sequence[Part]) -> None:
        from sqlalchemy import delete

        for part in parts:
            self.folder.remove(part.path)
        with self.engine.begin() as connection:
            for part in parts:
                connection.execute(delete(self.table).where(self.table.c.path == part.path))

    def tables(self, names: Sequence[str] | None = None, *, since: str = "",
               until: str = "9999-99-99") -> Iterator[pa.Table]:
        """The live parts one after the other, or some of their columns."""
        for part in self.parts(since, until):
            yield self.folder.read(part.path, names)


def without(table: pa.Table, ids: Container[str]) -> pa.Table | None:
    """The rows of a part without some events; None when it has none of them."""
    import pyarrow as pa

    kept = [name not in ids for name in table.column("event_id").to_pylist()]
    return None if all(kept) else table.filter(pa.array(kept))


def sorted_part(table: pa.Table) -> pa.Table:
    """The rows in the order of a part: readers of one event type pass over the rest."""
    return table.sort_by([("event_type", "ascending"), ("occurred_at", "ascending"), ("event_id", "ascending")])

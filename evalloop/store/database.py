"""The tables, and how a database is opened: SQLite in a file, or PostgreSQL at an address."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalloop.errors import ConfigError, StoreError
from evalloop.store.files import private_folder
from evalloop.store.migrations import migrate

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, MetaData

LOG_PAGES = 40_000
"""Pages (of 4 kB) of SQLite's write-ahead log before it is carried over into the file: fewer, larger carryings."""
BULK_PAGES = 200_000
"""The same for a large import: the pages of the index that its ids are strewn over are then carried over seldom."""
CACHE_KB = 65_536
"""Of SQLite's pages, what a connection keeps in memory at most: the inner pages of the index of millions of ids."""


def tables() -> MetaData:
    """The layout. ``events`` is append-only; ``seq`` is the order of arrival; ``replaces`` names the event that one
    supersedes or retracts. ``signals`` can be rebuilt from ``events`` at any time. ``dead_letters`` holds what was sent
    and is no event, masked. ``keys`` holds hashes of secrets, never a secret. ``erasures`` are receipts."""
    from sqlalchemy import BigInteger, Column, Float, Index, Integer, LargeBinary, MetaData, String, Table, Text

    metadata = MetaData()
    serial = BigInteger().with_variant(Integer, "sqlite")
    events = Table(
        "events", metadata,
        Column("seq", serial, primary_key=True, autoincrement=True),
        Column("event_id", String(128), nullable=False, unique=True),
        Column("event_type", String(64), nullable=False),
        Column("occurred_at", String(32), nullable=False),
        Column("received_at", String(32), nullable=False),
        Column("replaces", String(128)),
        Column("user_key", Text),
        Column("body_hash", LargeBinary(32), nullable=False),
        Column("body", Text, nullable=False),
        sqlite_autoincrement=True,  # a number is never used again, also after the last events went into the lake
    )
    Index("events_replaces", events.c.replaces, sqlite_where=events.c.replaces.is_not(None),
          postgresql_where=events.c.replaces.is_not(None))
    Table(
        "signals", metadata,
        Column("signal_id", String(64), primary_key=True),
        Column("detector", String(128), nullable=False, index=True),
        Column("kind", String(16), nullable=False),
        Column("polarity", Float, nullable=False),
        Column("weight", Float, nullable=False),
        Column("occurred_at", String(32), nullable=False),
        Column("response_id", Text),
        Column("session_id", Text),
        Column("user_key", Text),
        Column("event_ids", Text, nullable=False),
        Column("text", Text),
        Column("reason", Text),
    )
    Table("layout", metadata, Column("version", Integer, primary_key=True))
    _add_service_tables(metadata)
    return metadata


def _add_service_tables(metadata: MetaData) -> None:
    """What a collector needs beside the events."""
    from sqlalchemy import BigInteger, Column, Float, Integer, LargeBinary, String, Table, Text, text

    serial = BigInteger().with_variant(Integer, "sqlite")
    Table(
        "dead_letters", metadata,
        Column("id", serial, primary_key=True, autoincrement=True),
        Column("body_hash", LargeBinary(32), nullable=False, unique=True),
        Column("first_at", String(32), nullable=False),
        Column("last_at", String(32), nullable=False),
        Column("times", Integer, nullable=False, server_default=text("1")),
        Column("key_id", String(64)),
        Column("problems", Text, nullable=False),
        Column("body", Text, nullable=False),
    )
    Table(
        "keys", metadata,
        Column("key_id", String(64), primary_key=True),
        Column("kind", String(2), nullable=False),
        Column("label", Text, nullable=False),
        Column("secret_hash", LargeBinary(32), nullable=False),
        Column("signing_key", LargeBinary(32), nullable=False),
        Column("scopes", Text, nullable=False),
        Column("origins", Text, nullable=False),
        Column("rate", Float, nullable=False),
        Column("created_at", String(32), nullable=False),
        Column("expires_at", String(32)),
        Column("revoked_at", String(32)),
    )
    Table(
        "erasures", metadata,
        Column("receipt", String(64), primary_key=True),
        Column("user_key", Text, nullable=False),
        Column("at", String(32), nullable=False),
        Column("counts", Text, nullable=False),
    )


def open_engine(address: str, *, mending: bool = False, log_pages: int = LOG_PAGES) -> tuple[Engine, MetaData]:
    """An engine with all tables made. ``address`` is a PostgreSQL URL, or the path of a SQLite file (made private).

    A store of an older layout is carried over: SQLite at once, PostgreSQL only when ``mending`` (``evalloop store
    migrate``), for other collectors may still be writing in the old one.
    """
    from sqlalchemy import create_engine
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    metadata = tables()
    try:
        engine = create_engine(_url(address), **({} if "://" not in address else {"pool_pre_ping": True}))
        if engine.dialect.name == "sqlite":
            _tune_sqlite(engine, log_pages)
        migrate(engine, metadata, address, allowed=mending or engine.dialect.name == "sqlite")
    except (ArgumentError, SQLAlchemyError, ImportError, OSError) as error:
        raise ConfigError(f"cannot open the event store: {reason(error)}", key="store",
                          fix=_mend(error, address)) from None
    return engine, metadata


def reason(error: BaseException) -> str:
    """The first line of what a driver says, without the statement and its values."""
    return str(getattr(error, "orig", None) or error).split("\n", 1)[0]


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that is on the disk when it ends; StoreError when the database refuses."""
    from sqlalchemy.exc import OperationalError, SQLAlchemyError

    try:
        with engine.begin() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise StoreError(reason(error), lasting=isinstance(error, OperationalError),
                         fix=_advice(reason(error))) from None


def _advice(message: str) -> str:
    """What to do about a database that refuses, by what it says."""
    said = message.lower()
    if "full" in said or "no space" in said or "disk i/o" in said:
        return "make room on the disk of the event store"
    if "readonly" in said or "read-only" in said:
        return "let this user write the file of the event store and its folder"
    return "check that the database runs and can be reached"


def _mend(error: BaseException, address: str) -> str:
    if isinstance(error, ImportError):
        return "python -m pip install 'evalloop-harness[postgres]'"
    return "check the setting `store`, or leave it empty for a file in the state folder"


def _url(address: str) -> str:
    if "://" not in address:
        return f"sqlite:///{_private_file(Path(address))}"
    scheme, _, rest = address.partition("://")
    if scheme in ("postgres", "postgresql"):
        return f"postgresql+psycopg://{rest}"
    if scheme.startswith(("postgresql+psycopg", "sqlite")):
        return address
    raise ConfigError(f"the event store cannot live in {scheme}", key="store",
                      fix="give the path of a SQLite file, or postgresql://user@host/name")


def _private_file(path: Path) -> Path:
    """The file, made if need be, in folders that only its owner can read."""
    private_folder(path.parent)
    path.touch(mode=0o600)
    return path.resolve()


def _tune_sqlite(engine: Engine, log_pages: int) -> None:
    """Write-ahead log, every commit on disk, and transactions that take the write lock when they begin."""
    from sqlalchemy import event

    @event.listens_for(engine, "connect")
    def configure(connection: Any, _: Any) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        for line in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=30000", "temp_store=MEMORY",
                     f"wal_autocheckpoint={log_pages}", f"cache_size=-{CACHE_KB}"):
            cursor.execute(f"PRAGMA {line}")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Any) -> None:
        mode = "DEFERRED" if connection.get_execution_options().get("read_only") else "IMMEDIATE"
        connection.exec_driver_sql(f"BEGIN {mode}")

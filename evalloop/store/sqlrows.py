"""Rows of somebody's database, streamed from a cursor on the server, from a place onwards."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

from evalloop.errors import UsageError
from evalloop.store.database import reason
from evalloop.store.files import private_folder, write_text

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

FETCH = 5000
"""Rows that wait in memory."""
PLAIN = (str, int, float, bool, type(None), datetime, dict, list)


@dataclass(frozen=True)
class Query:
    """A question to a database: ``address`` is a SQLAlchemy URL, ``text`` a SELECT or the name of a table, ``cursor`` a
    column of its rows that only ever grows (rows are read in its order, and can be read from a value onwards)."""

    address: str
    text: str
    cursor: str = ""

    @property
    def place(self) -> str:
        """The address without its password."""
        from sqlalchemy import make_url

        return make_url(self.address).render_as_string(hide_password=True)

    def count(self, after: Any = None) -> int:
        """How many rows there are, from ``after`` on; UsageError when the database refuses."""
        with self._refusals(), self._reader() as connection:
            return int(self._execute(connection, "SELECT count(*)", "", after).scalar_one())

    def rows(self, after: Any = None) -> Iterator[Mapping[str, Any]]:
        """The rows, as plain data, those whose cursor is ``after`` among them; UsageError when the database refuses."""
        order = f" ORDER BY {self._quoted}" if self.cursor else ""
        with self._refusals(), self._reader() as connection:
            result = self._execute(connection, "SELECT *", order, after)
            names = list(result.keys())
            if self.cursor and self.cursor not in names:
                raise UsageError(f"the query gives no column {self.cursor!r}", fix=f"columns: {', '.join(names)}")
            for row in result:
                yield {name: value if type(value) in PLAIN else _plain(value)
                       for name, value in zip(names, row, strict=True)}

    @contextmanager
    def _refusals(self) -> Iterator[None]:
        """UsageError, without the password, for what the database refuses."""
        from sqlalchemy.exc import SQLAlchemyError

        try:
            yield
        except SQLAlchemyError as error:
            raise UsageError(f"{self.place}: {reason(error)}", fix="check the query and the address") from None

    def _execute(self, connection: Connection, what: str, order: str, after: Any) -> Any:
        from sqlalchemy import text

        inner = self.text.strip().rstrip(";")
        source = f"({inner}) AS asked" if " " in inner else inner
        where = f" WHERE {self._quoted} >= :after" if after is not None else ""
        return connection.execute(text(f"{what} FROM {source}{where}{order}"),
                                  {"after": after} if after is not None else {})

    @property
    def _quoted(self) -> str:
        from sqlalchemy import make_url

        return str(make_url(self.address).get_dialect()().identifier_preparer.quote(self.cursor))

    def _reader(self) -> Connection:
        return _engine(self.address).connect().execution_options(stream_results=True, yield_per=FETCH)


def _engine(address: str) -> Engine:
    from sqlalchemy import create_engine
    from sqlalchemy.exc import SQLAlchemyError
    from sqlalchemy.pool import NullPool

    scheme, _, rest = address.partition("://")
    driver = "postgresql+psycopg" if scheme in ("postgres", "postgresql") else scheme
    try:
        return create_engine(f"{driver}://{rest}", poolclass=NullPool)
    except (SQLAlchemyError, ImportError) as error:
        raise UsageError(f"no driver for {scheme}: {reason(error)}",
                         fix="install one that SQLAlchemy knows (PostgreSQL: 'evalloop-harness[postgres]')") from None


def _plain(value: Any) -> Any:
    """Numbers, texts and times in place of a database's own types."""
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, date | time):
        return value.isoformat()
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, UUID):
        return str(value)
    return list(value) if isinstance(value, tuple | set) else str(value)


class Bookmark:
    """How far an import got, in a file of the state folder: the cursor of the last row whose events are stored."""

    def __init__(self, state_dir: Path, query: Query, mapping: str) -> None:
        identity = json.dumps([query.place, query.text, query.cursor, mapping])
        self._path = state_dir / "imports" / f"{sha256(identity.encode()).hexdigest()[:24]}.json"
        self._about = {"place": query.place, "query": query.text, "cursor": query.cursor, "mapping": mapping}

    def read(self) -> Any:
        """The cursor to go on from; None at the beginning."""
        if not self._path.is_file():
            return None
        kept = json.loads(self._path.read_text())["after"]
        return datetime.fromisoformat(kept["time"]) if isinstance(kept, dict) else kept

    def write(self, after: Any) -> None:
        """Notes that all rows up to this cursor are stored."""
        private_folder(self._path.parent)
        kept = {"time": after.isoformat()} if isinstance(after, datetime) else after
        write_text(self._path, json.dumps({**self._about, "after": kept}, indent=1) + "\n", private=True)

    def forget(self) -> None:
        """Begins again."""
        self._path.unlink(missing_ok=True)

"""What was sent and is no event: kept masked, with what is wrong with it, until it is replayed or dropped."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalloop.records.times import now_text
from evalloop.store.database import transaction

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, MetaData

KEPT = 1_000_000
"""Characters of one letter that are kept."""
ADD = ("INSERT INTO dead_letters (body_hash, first_at, last_at, key_id, problems, body) VALUES (?,?,?,?,?,?) "
       "ON CONFLICT (body_hash) DO UPDATE SET times = dead_letters.times + 1, last_at = excluded.last_at, "
       "problems = excluded.problems")


@dataclass(frozen=True)
class Letter:
    """One body that was refused; ``problems`` are ``field: message (mend)`` lines."""

    body: str
    problems: tuple[str, ...]
    key_id: str | None = None
    id: int = 0
    first_at: str = ""
    last_at: str = ""
    times: int = field(default=1)


def write(connection: Connection, letters: Sequence[Letter]) -> None:
    """Keeps letters; one that came before is only counted again."""
    sql = ADD if connection.dialect.name == "sqlite" else ADD.replace("?", "%s")
    now = now_text()
    for letter in letters:
        connection.exec_driver_sql(sql, (
            hashlib.sha256(letter.body.encode("utf-8", "replace")).digest(), now, now, letter.key_id,
            json.dumps(letter.problems), letter.body[:KEPT].replace("\0", "\\u0000")))


class DeadLetters:
    """The table of dead letters in an open store."""

    def __init__(self, engine: Engine, metadata: MetaData) -> None:
        self._engine = engine
        self._table = metadata.tables["dead_letters"]

    def all(self, *, after: int = 0, limit: int = 1000) -> list[Letter]:
        """The letters with an id above ``after``, in order of arrival."""
        from sqlalchemy import select

        table = self._table
        query = select(table).where(table.c.id > after).order_by(table.c.id).limit(limit)
        with self._engine.connect().execution_options(read_only=True) as connection:
            return [Letter(row["body"], tuple(json.loads(row["problems"])), row["key_id"], row["id"], row["first_at"],
                           row["last_at"], row["times"]) for row in connection.execute(query).mappings()]

    def count(self) -> int:
        """How many there are."""
        from sqlalchemy import func, select

        with self._engine.connect().execution_options(read_only=True) as connection:
            return connection.execute(select(func.count()).select_from(self._table)).scalar_one()

    def drop(self, ids: Sequence[int]) -> int:
        """Forgets letters; how many there were."""
        from sqlalchemy import delete

        with transaction(self._engine) as connection:
            return connection.execute(delete(self._table).where(self._table.c.id.in_(ids))).rowcount

"""Receipts of erased users: who (a hash), when, and how many of what; nothing else of them is left."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from evalloop.store.database import transaction

if TYPE_CHECKING:
    from sqlalchemy import Engine, MetaData


class Erasures:
    """The table of receipts in an open store."""

    def __init__(self, engine: Engine, metadata: MetaData) -> None:
        self._engine = engine
        self._table = metadata.tables["erasures"]

    def all(self) -> dict[str, str]:
        """The time of the last erasure of each user key."""
        from sqlalchemy import func, select

        table = self._table
        with self._engine.connect().execution_options(read_only=True) as connection:
            rows = connection.execute(select(table.c.user_key, func.max(table.c.at)).group_by(table.c.user_key))
            return {row[0]: row[1] for row in rows}

    def add(self, receipt: str, user_key: str, at: str, counts: Mapping[str, int]) -> None:
        """Keeps a receipt; a later one of the same id takes its place."""
        from sqlalchemy import delete, insert

        with transaction(self._engine) as connection:
            connection.execute(delete(self._table).where(self._table.c.receipt == receipt))
            connection.execute(insert(self._table).values(receipt=receipt, user_key=user_key, at=at,
                                                          counts=json.dumps(counts)))

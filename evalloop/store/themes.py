"""The control records of clusters: how they stood each week, and every step in the life of each; transactional."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from evalloop.errors import UsageError
from evalloop.records.cluster import Cluster, Move, Themes
from evalloop.store.database import open_engine, transaction

if TYPE_CHECKING:
    from sqlalchemy import Connection, MetaData, Table


def _tables() -> MetaData:
    """``theme_weeks`` holds one snapshot of all clusters for each week; ``theme_moves`` is append-only."""
    from sqlalchemy import BigInteger, Column, Integer, MetaData, String, Table, Text

    metadata = MetaData()
    Table("theme_weeks", metadata, Column("week", String(10), primary_key=True), Column("since", String(10)),
          Column("body", Text, nullable=False))
    Table("theme_moves", metadata,
          Column("seq", BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=True),
          Column("cluster_id", String(64), nullable=False, index=True), Column("body", Text, nullable=False))
    return metadata


class ThemeStore:
    """Snapshots and moves in the database of the events; close it, or use it as a context."""

    def __init__(self, address: str) -> None:
        self._engine, _ = open_engine(address)
        metadata = _tables()
        with self._begin() as connection:
            metadata.create_all(connection)
        self._weeks: Table = metadata.tables["theme_weeks"]
        self._moves: Table = metadata.tables["theme_moves"]

    def save(self, themes: Themes) -> None:
        """Keeps the clusters of a week in place of what was kept for it."""
        from sqlalchemy import delete, insert

        body = json.dumps(themes.to_dict(), ensure_ascii=False, allow_nan=False)
        with self._begin() as connection:
            connection.execute(delete(self._weeks).where(self._weeks.c.week == themes.week))
            connection.execute(insert(self._weeks).values(week=themes.week, since=themes.since, body=body))

    def weeks(self) -> list[tuple[str, str]]:
        """(last week, first week) of every batch that was grouped, oldest first."""
        from sqlalchemy import select

        with self._begin() as connection:
            rows = connection.execute(select(self._weeks.c.week, self._weeks.c.since).order_by(self._weeks.c.week))
            return [(str(row.week), str(row.since or row.week)) for row in rows]

    def at(self, week: str | None = None, *, before: str | None = None) -> Themes | None:
        """The clusters of a week (default: the last one; with ``before`` the last one earlier than that), each with the
        status that it has now."""
        from sqlalchemy import select

        query = select(self._weeks.c.body).order_by(self._weeks.c.week.desc()).limit(1)
        if week is not None:
            query = query.where(self._weeks.c.week == week)
        if before is not None:
            query = query.where(self._weeks.c.week < before)
        with self._begin() as connection:
            body = connection.execute(query).scalars().first()
            moves = {each.cluster_id: each for each in self._read(connection)}
        if body is None:
            return None
        themes = Themes.from_dict(json.loads(body))
        return replace(themes, clusters=tuple(_moved(each, moves.get(each.cluster_id)) for each in themes.clusters))

    def add_move(self, move: Move) -> None:
        """Keeps a step; UsageError when the cluster does not stand at ``move.before`` any more."""
        from sqlalchemy import insert

        with self._begin() as connection:
            past = list(self._read(connection, move.cluster_id))
            if past and past[-1].status != move.before:
                raise UsageError(f"{move.cluster_id} is {past[-1].status} by now, not {move.before}",
                                 fix="look at it again, then repeat the step")
            connection.execute(insert(self._moves).values(cluster_id=move.cluster_id, body=json.dumps(move.to_dict())))

    def moves(self, cluster_id: str | None = None) -> list[Move]:
        """All steps (of one cluster), oldest first."""
        with self._begin() as connection:
            return list(self._read(connection, cluster_id))

    def rewrite(self, week: Callable[[Themes], Themes], move: Callable[[Move], Move]) -> int:
        """Changes what is kept in every week and step, in one transaction; how many of them changed."""
        from sqlalchemy import select, update

        changed = 0
        with self._begin() as connection:
            for table, key, read, change in ((self._weeks, self._weeks.c.week, Themes.from_dict, week),
                                             (self._moves, self._moves.c.seq, Move.from_dict, move)):
                for name, body in connection.execute(select(key, table.c.body)).all():
                    before: Any = read(json.loads(body))
                    after: Any = change(before)
                    if after != before:
                        changed += 1
                        connection.execute(update(table).where(key == name).values(
                            body=json.dumps(after.to_dict(), ensure_ascii=False, allow_nan=False)))
        return changed

    def _read(self, connection: Connection, cluster_id: str | None = None) -> Iterator[Move]:
        from sqlalchemy import select

        query = select(self._moves.c.body).order_by(self._moves.c.seq)
        if cluster_id is not None:
            query = query.where(self._moves.c.cluster_id == cluster_id)
        return (Move.from_dict(json.loads(body)) for body in connection.execute(query).scalars().all())

    @contextmanager
    def _begin(self) -> Iterator[Connection]:
        with transaction(self._engine) as connection:
            yield connection

    def close(self) -> None:
        """Gives the database free."""
        self._engine.dispose()

    def __enter__(self) -> ThemeStore:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()


def _moved(cluster: Cluster, move: Move | None) -> Cluster:
    return replace(cluster, status=move.status, release=move.release) if move else cluster

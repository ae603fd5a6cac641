"""The process that writes: the same fates as in this process, errors that say the same, and a new one after a kill."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from evalloop.errors import StoreError
from evalloop.store.body import Row, row_of
from evalloop.store.deadletters import Letter
from evalloop.store.events import Added, EventStore
from evalloop.store.writing import LANES, WritingProcess


def row(number: int, value: int = 1) -> Row:
    """A vote with an id of its own."""
    event: dict[str, Any] = {
        "schema": "evalloop.event/1", "event_id": f"event-{number:05d}", "event_type": "feedback.thumbs",
        "occurred_at": "2026-01-05T10:00:00.000000Z", "source": {"kind": "end_user"},
        "subject": {"level": "response", "response_id": "r"}, "payload": {"value": value}}
    return row_of(event, "2026-01-05T10:00:01.000000Z")


@pytest.fixture
def writing(store_address: str) -> Iterator[WritingProcess]:
    """One on a new store, SQLite and PostgreSQL."""
    with EventStore(store_address) as store, WritingProcess(store.address) as process:
        yield process


def test_fates_and_letters_are_those_of_the_store(writing: WritingProcess, store_address: str) -> None:
    """Stored, there already, in conflict; dead letters lie there too."""
    assert writing.add_rows([row(1), row(2)]) == Added(2)
    assert writing.write([row(1), row(2, -1), row(3)], [Letter("{}", ("payload: missing",), "sk_1")]) == [
        "already", "conflict", "stored"]
    with EventStore(store_address) as store:
        assert sorted(each.event_id for each in store.events()) == ["event-00001", "event-00002", "event-00003"]
        assert [each.problems for each in store.letters.all()] == [("payload: missing",)]


def test_answers_belong_to_their_requests(writing: WritingProcess) -> None:
    """Threads that write at once each get the fates of their own rows."""
    def write(number: int) -> list[str]:
        return writing.write([row(number), row(0), row(number, -1)][: 1 + number % 3])

    with ThreadPoolExecutor(LANES) as threads:
        writing.add_rows([row(0)])
        fates = list(threads.map(write, range(1, 61)))
    assert fates == [["stored", "already", "conflict"][: 1 + number % 3] for number in range(1, 61)]


def test_a_killed_process_is_said_and_another_takes_its_place(writing: WritingProcess) -> None:
    """What it was writing is refused; the same batch then goes in."""
    writing.add_rows([row(1)])
    child = writing._child
    assert child is not None
    child.kill()
    with suppress(StoreError):  # the kill is seen at once, or only when the answer is missing
        writing.write([row(1), row(2)])
    assert writing.write([row(1), row(2), row(3)])[::2] == ["already", "stored"]
    assert writing._child is not child


def test_a_refusal_of_the_database_comes_back(tmp_path: Path) -> None:
    """Its message and its mend, and whether another write would fail too."""
    path = tmp_path / "events.sqlite"
    EventStore(str(path)).close()
    with WritingProcess(str(path)) as writing:
        writing.start()
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TRIGGER full BEFORE INSERT ON events "
                               "BEGIN SELECT RAISE(ABORT, 'disk full'); END")
        with pytest.raises(StoreError, match="disk full") as caught:
            writing.write([row(1)])
        assert caught.value.fix == "make room on the disk of the event store"
        with sqlite3.connect(path) as connection:
            connection.execute("DROP TRIGGER full")
        assert writing.write([row(1)]) == ["stored"]


def test_a_store_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    """The start says why."""
    (tmp_path / "events.sqlite").write_bytes(b"no database" * 100)
    with WritingProcess(str(tmp_path / "events.sqlite")) as writing, pytest.raises(StoreError, match="not a database"):
        writing.start()

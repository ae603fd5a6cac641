"""A store of the first layout is carried over to the present one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, inspect, text

from evalloop.errors import ConfigError
from evalloop.records.event import Event
from evalloop.store.body import canonical
from evalloop.store.database import tables
from evalloop.store.events import EventStore
from evalloop.store.migrations import LAYOUT

VOTE: dict[str, Any] = {
    "schema": "evalloop.event/1", "event_id": "vote-0001", "event_type": "feedback.thumbs",
    "occurred_at": "2026-01-05T10:00:00.000000Z", "source": {"kind": "end_user", "key_id": "sk_1"},
    "subject": {"level": "response", "response_id": "r-1"}, "actor": {"user_key": "a" * 64}, "payload": {"value": 1},
    "privacy": {"state": "masked", "masker": "forms@1", "masked": []}}


def first_layout(address: str) -> None:
    """A store as the first version made it: no users beside the events, hashes of whole bodies, one event."""
    url = address.replace("postgresql://", "postgresql+psycopg://") if "://" in address else f"sqlite:///{address}"
    metadata = tables()
    engine = create_engine(url)
    with engine.begin() as connection:
        metadata.tables["events"].dialect_options["sqlite"]["autoincrement"] = False
        metadata.create_all(connection, tables=[metadata.tables[name] for name in ("events", "signals", "layout")])
        connection.execute(text("ALTER TABLE events DROP COLUMN user_key"))
        connection.execute(text("INSERT INTO layout VALUES (1)"))
        body = canonical(VOTE)
        connection.execute(text("INSERT INTO events (event_id, event_type, occurred_at, received_at, body_hash, body) "
                                "VALUES (:id, :type, :at, :at, :hash, :body)"),
                           {"id": VOTE["event_id"], "type": VOTE["event_type"], "at": VOTE["occurred_at"],
                            "hash": hashlib.sha256(body).digest(), "body": body.decode()})
    engine.dispose()


def test_first_layout_becomes_the_present_one(store_address: str) -> None:
    """Users stand beside the events, hashes are of what was said, nothing is lost, and it is done once."""
    Path(store_address).parent.mkdir(parents=True, exist_ok=True) if "://" not in store_address else None
    first_layout(store_address)
    for _ in range(2):
        with EventStore(store_address, mending=True) as store:
            assert [event.to_dict()["payload"] for event in store.events()] == [{"value": 1}]
            with store.engine.connect() as connection:
                assert connection.execute(text("SELECT version FROM layout")).scalars().all() == [LAYOUT]
                user, digest = connection.execute(text("SELECT user_key, body_hash FROM events")).one()
            said = {key: value for key, value in VOTE.items() if key != "privacy"} | {"source": {"kind": "end_user"}}
            assert user == "a" * 64
            assert bytes(digest) == hashlib.sha256(canonical(said)).digest()
            assert {"dead_letters", "keys", "erasures"} <= set(inspect(store.engine).get_table_names())


def test_postgresql_waits_to_be_told(postgres_address: str) -> None:
    """Collectors of the old version may still write: the store is left as it is until somebody migrates it."""
    first_layout(postgres_address)
    with pytest.raises(ConfigError, match="layout 1") as caught:
        EventStore(postgres_address)
    assert "evalloop store migrate" in caught.value.fix


def second_layout(path: str) -> None:
    """An empty store on SQLite as the second version made it, after a drain: its numbers begin again."""
    metadata = tables()
    metadata.tables["events"].dialect_options["sqlite"]["autoincrement"] = False
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        metadata.create_all(connection)
        connection.execute(text("INSERT INTO layout VALUES (2)"))
        connection.execute(text("CREATE TABLE lake_parts (path TEXT, day TEXT, rows INTEGER, state TEXT, "
                                "changed_at TEXT)"))
        connection.execute(text("INSERT INTO lake_parts VALUES ('a', '2026-01-05', 40, 'live', '')"))
        connection.execute(text("INSERT INTO events SELECT 7, 'vote-0007', 'feedback.thumbs', '2026-01-05', '2026', "
                                "NULL, NULL, x'00', '{}'"))
    engine.dispose()


def test_numbers_are_not_used_again(tmp_path: Path) -> None:
    """A store whose last events were drained gives later ones higher numbers; one of the second layout likewise, above
    all that the lake has."""
    path = str(tmp_path / "events.sqlite")
    second_layout(path)
    with EventStore(path) as store:
        numbers = []
        for number in range(3):
            store.add([Event.from_dict({**VOTE, "event_id": f"vote-100{number}"})])
            with store.engine.begin() as connection:
                numbers.append(connection.execute(text("SELECT max(seq) FROM events")).scalar_one())
                connection.execute(text("DELETE FROM events WHERE event_id <> 'vote-0007'"))
            assert store.page(numbers[-1], 10)[0] == []
        assert numbers[0] > 40
        assert numbers == sorted(set(numbers))
        with store.engine.connect() as connection:
            assert connection.execute(text("SELECT event_id FROM events")).scalars().all() == ["vote-0007"]
        assert "events_replaces" in {each["name"] for each in inspect(store.engine).get_indexes("events")}


def test_postgresql_of_the_second_layout_is_opened_at_once(postgres_address: str) -> None:
    """Nothing changes there, so nobody needs to be asked."""
    EventStore(postgres_address).close()
    engine = create_engine(postgres_address.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        connection.execute(text("UPDATE layout SET version = 2"))
    with EventStore(postgres_address) as store, store.engine.connect() as connection:
        assert connection.execute(text("SELECT version FROM layout")).scalars().all() == [LAYOUT]
    engine.dispose()

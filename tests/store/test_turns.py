"""Whoever writes much into one SQLite file takes turns with all others who do."""

from __future__ import annotations

import asyncio
import fcntl
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from evalloop.capture import crew
from evalloop.capture.crew import Recipe, import_into
from evalloop.capture.intake import Sender
from evalloop.store.events import EventStore
from evalloop.store.log import EventLog
from evalloop.store.turns import turns_at


def vote(number: int) -> dict[str, Any]:
    """A vote."""
    return {"schema": "evalloop.event/1", "event_id": f"vote-{number:04d}", "event_type": "feedback.thumbs",
            "occurred_at": "2026-01-05T10:00:00Z", "source": {"kind": "end_user"}, "payload": {"value": 1},
            "subject": {"level": "response", "response_id": "r"}}


def collect(address: str) -> None:
    """A collector's workers store votes."""
    pytest.importorskip("uvicorn", reason="needs the extra serve")
    from evalloop.web.worker import Task
    from evalloop.web.workers import Workers

    async def take() -> None:
        workers = Workers(address, b"salt", 1)
        await workers.start()
        await workers.take(Task([vote(each) for each in range(30)], False, Sender("k"), datetime.now(UTC)), 30)
        await workers.close()

    asyncio.run(take())


def bring(address: str) -> None:
    """An import that is shared out stores votes."""
    with EventLog(address, str(Path(address).with_name("lake"))) as log:
        import_into(log, [(each, vote(each)) for each in range(30)], "votes", Recipe(None, b"salt"))


@pytest.mark.parametrize("write", [collect, bring])
def test_collectors_and_imports_take_turns(write: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While another holds the turn of a store nothing is written, and then all of it."""
    monkeypatch.setattr(crew, "GROUP", 10)
    monkeypatch.setattr(crew, "CREW", 1)
    address = str(tmp_path / "events.sqlite")
    with EventStore(address) as store, Path(turns_at(address)).open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        writing = threading.Thread(target=write, args=(address,))
        writing.start()
        time.sleep(3)
        assert not store.count()
        assert writing.is_alive()
        fcntl.flock(held, fcntl.LOCK_UN)
        writing.join(timeout=120)
        assert sum(store.count().values()) == 30


def test_a_database_that_lets_several_write_has_no_turns(tmp_path: Path) -> None:
    """PostgreSQL; nor has a folder that is not there."""
    assert turns_at("postgresql://db/evalloop") == ""
    assert turns_at(str(tmp_path / "missing" / "events.sqlite")) == ""

"""A large import is shared out: the same result as in one process, and nothing lost when one of them ends."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import pytest

from evalloop.capture import crew, importing
from evalloop.capture.crew import Recipe, import_into
from evalloop.capture.importing import Captured, Watcher, import_rows
from evalloop.capture.mapping import load
from evalloop.contracts import RawRow
from evalloop.errors import RecordError, StoreError
from evalloop.store.events import EventStore
from evalloop.store.log import EventLog
from evalloop.store.remote import Remote

RATINGS = Path(__file__).parent.parent / "data" / "ratings.yaml"


def ratings(number: int) -> list[RawRow]:
    """Rows of which some cannot be read, some are wrong, some come twice with another number of stars."""
    def row(line: int) -> Any:
        if line % 37 == 0:
            return RecordError("broken", file="shop", line=line)
        extra = {"note": "n"} if line % 5 == 0 else {}
        return {"id": line - line % 41 if line % 41 < 2 else line, "answer": f"r-{line}", "user_id": line % 7, "at":
                "2026-01-01T09:00:00Z", "stars": 9 if line % 29 == 0 else 1 + line % 5, "region": "eu", **extra}
    return [(line, row(line)) for line in range(1, number + 1)]


def told(captured: Captured) -> dict[str, Any]:
    """All that an import says, errors in the order of their lines."""
    errors = sorted((each.line or 0, str(each)) for each in captured.errors)
    return {**dataclasses.asdict(dataclasses.replace(captured, errors=[], sample=None)), "errors": errors}


@pytest.mark.parametrize("number", [40, 50, 230])
def test_the_result_is_that_of_one_process(number: int, store_address: str, tmp_path: Path,
                                           monkeypatch: pytest.MonkeyPatch) -> None:
    """Counts, errors, columns left out and ids are the same, whether a crew was needed or not; progress only grows."""
    monkeypatch.setattr(crew, "GROUP", 50)
    recipe, heard, made = Recipe(load(RATINGS), b"salt"), list[int](), list[int]()
    make, columns, left_out = recipe.made()
    with EventStore(str(tmp_path / "alone.sqlite")) as alone, EventLog(store_address, str(tmp_path / "lake")) as log:
        expected = import_rows(ratings(number), "shop", make, alone.add_rows, columns=columns, left_out=left_out)
        captured = import_into(log, ratings(number), "shop", recipe, Watcher(made=made.append, stored=heard.append))
        stored = [{each.event_id for each in place.events()} for place in (alone, log.store)]
    assert stored[0] == stored[1]
    if number < 200:
        assert told(captured) == told(expected)
    else:  # of two rows with one id the one that is written first counts, and they may be in different groups
        same = {"rows", "events", "stored", "invalid", "by_type", "left_out", "never_seen", "masked"}
        assert {key: told(captured)[key] for key in same} == {key: told(expected)[key] for key in same}
        assert captured.conflicts + captured.already == expected.conflicts + expected.already > 0
    assert heard == sorted(heard)
    assert made == sorted(made)
    assert heard[-1] == made[-1] == number


@pytest.mark.parametrize("number", [40, 50])
def test_an_import_is_heard_of_within_its_groups(number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In this process and in those of the crew: many steps before the first group is stored."""
    monkeypatch.setattr(crew, "GROUP", 50)
    monkeypatch.setattr(importing, "STEP", 10)
    monkeypatch.setattr(crew, "_CODE", "from evalloop.capture import importing; importing.STEP = 10; " + crew._CODE)
    heard: list[tuple[str, int]] = []
    watcher = Watcher(made=lambda rows: heard.append(("made", rows)),
                      stored=lambda rows: heard.append(("stored", rows)))
    with EventLog(str(tmp_path / "events.sqlite"), str(tmp_path / "lake")) as log:
        import_into(log, ratings(number), "shop", Recipe(load(RATINGS), b"salt"), watcher)
    steps = [("made", rows) for rows in range(10, number + 1, 10)]
    assert list(dict.fromkeys(heard)) == [*steps, ("stored", number)]


def test_consent_and_native_events_go_along(store_address: str, tmp_path: Path,
                                            monkeypatch: pytest.MonkeyPatch) -> None:
    """What each process needs is sent to it: the salt, the consent, and that rows are events already."""
    monkeypatch.setattr(crew, "GROUP", 10)
    consent = {"basis": "contract", "purposes": ["eval"]}
    rows: list[RawRow] = [(line, {
        "schema": "evalloop.event/1", "event_id": f"event-{line:04d}", "event_type": "feedback.thumbs",
        "occurred_at": "2026-01-05T10:00:00Z", "source": {"kind": "end_user"}, "actor": {"user_key": "ada"},
        "subject": {"level": "response", "response_id": "r"}, "payload": {"value": 1}}) for line in range(1, 36)]
    with EventLog(store_address, str(tmp_path / "lake")) as log:
        assert import_into(log, rows, "here", Recipe(None, b"salt", consent)).stored == 35
        events = list(log.events())
    assert {str(each.consent) for each in events} == {str(consent)}
    (user,) = {each.actor["user_key"] for each in events}
    assert len(user) == 64


def test_a_crew_knows_what_the_lake_holds(store_address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a drain the same rows are there already, and a changed one is in conflict; the inbox stays empty."""
    monkeypatch.setattr(crew, "GROUP", 20)
    rows, recipe = [row for row in ratings(90) if isinstance(row[1], dict)], Recipe(load(RATINGS), b"salt")
    with EventLog(store_address, str(tmp_path / "lake")) as log:
        before = import_into(log, rows, "shop", recipe)
        log.drain(0)
        (line, changed), *others = rows
        again = import_into(log, [(line, {**dict(changed), "stars": 5}), *others], "shop", recipe)  # type: ignore[arg-type]
        assert (again.stored, log.store.count()) == (0, {})
        assert (again.already, again.conflicts) == (before.events - before.conflicts - 1, before.conflicts + 1)


def test_a_process_that_ends_is_said() -> None:
    """StoreError instead of an answer; what it raises otherwise comes back as it is."""
    with Remote("import os; from evalloop.store.remote import answering; answering(lambda *_: os._exit)") as remote:
        remote.ask("begin")
        with pytest.raises(StoreError, match="has ended"):
            remote.ask(3)
    with Remote("from evalloop.store.remote import answering; answering(lambda *_: int)") as remote:
        remote.ask("begin")
        with pytest.raises(ValueError, match="invalid literal"):
            remote.ask("no number")
        assert remote.ask("7") == 7


def test_a_store_that_cannot_be_opened_is_said(tmp_path: Path) -> None:
    """The crew says why, in the words of the store."""
    (tmp_path / "events.sqlite").write_bytes(b"no database" * 100)
    post = crew.Post("here", Recipe(None, b""), str(tmp_path / "events.sqlite"), "", "")
    with Remote(crew._CODE) as remote, pytest.raises(Exception, match="not a database"):
        remote.ask(post)
    assert os.getpid() != remote._child.pid

"""Events that lie in PostgreSQL are analysed where they are, beside those that were captured."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from evalloop import config, loop
from evalloop.cli.main import run
from evalloop.errors import ConfigError, UsageError
from evalloop.records.event import Event
from evalloop.testing import make_event, make_generation

EVENTS = [make_generation(), make_event("feedback.thumbs", payload={"value": -1, "text": "mail me at joe@example.org"}),
          make_generation("r2", 90, session="s2", user="u2"),
          make_event("signal.copied", "r2", 95, user="u2", payload={"chars": 13, "total": 13})]
Fill = Callable[..., str]


@pytest.fixture
def fill(postgres_address: str) -> Fill:
    """Puts events into a table of a schema of their own; the setting that names it."""
    def filled(*events: Event, column: str = "body") -> str:
        engine = create_engine(postgres_address.replace("postgresql://", "postgresql+psycopg://"))
        with engine.begin() as connection:
            connection.execute(text("create schema sales"))
            connection.execute(text(f"create table sales.feedback ({column} jsonb, received_at timestamptz)"))
            for event in events:
                connection.execute(text("insert into sales.feedback values (cast(:body as jsonb), now())"),
                                   {"body": json.dumps(event.to_dict())})
        engine.dispose()
        return f"{postgres_address}#sales.feedback"
    return filled


def open_folder(folder: Path, warehouse: str) -> loop.Project:
    """A project that reads the warehouse."""
    (folder / "evalloop.toml").write_text(f"warehouse = {json.dumps(warehouse)}\n")
    return loop.Project(config.load(folder, {}))


def test_events_are_read_where_they_lie(tmp_path: Path, fill: Fill) -> None:
    """Signals and failures come out as if the events were captured: masked, users hashed; each event counts once."""
    project = open_folder(tmp_path, fill(*EVENTS, EVENTS[1]))
    report = loop.derive_signals(project)
    assert {each.detector.partition("@")[0]: each.signals for each in report.detectors if each.signals} == {
        "thumbs": 1, "copy": 1}
    (failure,) = loop.failures(project)
    assert "joe@example.org" not in failure.text
    assert failure.user_key
    assert len(failure.user_key) == 64


def test_events_that_were_captured_too_count_once(tmp_path: Path, fill: Fill, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same events in the inbox and in the warehouse are one set; a new one in the warehouse is seen at once."""
    (tmp_path / "events.jsonl").write_text("".join(json.dumps(each.to_dict()) + "\n" for each in EVENTS))
    project = open_folder(tmp_path, fill(*EVENTS, make_event("signal.shared", "r2", 99, user="u2")))
    monkeypatch.chdir(tmp_path)
    assert run(["capture", "events.jsonl"]) == 0
    report = loop.derive_signals(project)
    assert {each.detector.partition("@")[0]: each.signals for each in report.detectors if each.signals} == {
        "thumbs": 1, "copy": 1, "share": 1}


def test_the_view_of_the_page_makes_events(tmp_path: Path, postgres_address: str) -> None:
    """The example of docs/engine.md, word for word, gives events that are valid also for the shortest id."""
    page = (Path(__file__).parents[2] / "docs" / "engine.md").read_text(encoding="utf-8")
    view = page.partition("```sql\n")[2].partition("```")[0]
    engine = create_engine(postgres_address.replace("postgresql://", "postgresql+psycopg://"))
    with engine.begin() as connection:
        for line in ("create schema sales",
                     "create table sales.votes (id int, voted_at timestamptz, answer_id text, up boolean)",
                     "insert into sales.votes values (1, now(), 'r1', false), (2, now(), 'r2', true)"):
            connection.execute(text(line))
        connection.exec_driver_sql(view)
    engine.dispose()
    report = loop.derive_signals(open_folder(tmp_path, f"{postgres_address}#sales.feedback_events"))
    assert {each.detector.partition("@")[0]: each.signals for each in report.detectors if each.signals} == {"thumbs": 2}


def test_what_cannot_be_read_is_said(tmp_path: Path, fill: Fill) -> None:
    """No table, no such table, no body, a body that is no event: each with the mend, and no secret."""
    address = fill(Event("e1", "no.such", "2026-01-05T00:00:00Z", {"kind": "system"}, {"level": "response"}))
    with pytest.raises(UsageError, match=r"e1.*not valid"):
        loop.failures(open_folder(tmp_path, address))
    with pytest.raises(UsageError, match="cannot be read"):
        loop.failures(open_folder(tmp_path, address + "x"))
    with pytest.raises(ConfigError, match="names no table"):
        loop.failures(open_folder(tmp_path, address.partition("#")[0]))

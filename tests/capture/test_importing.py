"""Rows are masked, checked and stored; what is wrong is told with its place."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from evalloop.capture.importing import SHOWN, Captured, import_rows
from evalloop.capture.mapping import Native, RowMapper, load
from evalloop.capture.sources import CsvSource, JsonlSource
from evalloop.capture.values import pseudonym
from evalloop.errors import RecordError
from evalloop.records.event import Event
from evalloop.store.body import Row
from evalloop.store.columns import event_of
from evalloop.store.events import Added, EventStore

DEMO = Path(__file__).parents[2] / "evalloop" / "demo"


def event(number: int = 1, **fields: Any) -> dict[str, Any]:
    """A native event."""
    return {"schema": "evalloop.event/1", "event_id": f"event-{number:04d}", "event_type": "feedback.comment",
            "occurred_at": "2026-01-01T00:00:00Z", "source": {"kind": "end_user"},
            "subject": {"level": "response", "response_id": "r1"}, "payload": {"text": "fine"}, **fields}


def imported(rows: Sequence[dict[str, Any] | RecordError]) -> tuple[Captured, list[Event]]:
    """What becomes of native rows."""
    kept: list[Event] = []

    def add(rows: Sequence[Row]) -> Added:
        kept.extend(event_of(row.body, row.received_at) for row in rows)
        return Added(len(rows))
    return import_rows(enumerate(rows, 1), "x.jsonl", Native(b"salt"), add), kept


def test_good_rows_are_stored_and_bad_ones_named() -> None:
    """One bad row costs only itself; its place, field and mend are told."""
    wrong = event(2, event_type="feedback.thumbs", payload={"value": 2})
    result, kept = imported([event(1), wrong, RecordError("broken", file="x.jsonl", line=3), event(4)])
    assert [each.event_id for each in kept] == ["event-0001", "event-0004"]
    assert (result.rows, result.events, result.invalid, result.clean) == (4, 2, 2, False)
    assert str(result.errors[0]).startswith("x.jsonl:2: payload.value: 2 is not allowed")


def test_row_with_one_bad_event_stores_none_of_its_events() -> None:
    """A row is stored whole or not at all, so that mending it and importing again doubles nothing."""
    kept: list[Row] = []
    rows = [(1, {"good": event(1), "bad": event(2, payload={})})]
    result = import_rows(rows, "x", lambda row: [row["good"], row["bad"]], lambda made: Added(len(kept + list(made))))
    assert (result.events, result.invalid) == (0, 1)


@pytest.mark.parametrize(("fields", "field"), [
    ({"event_type": "feedback.thumb"}, "event_type"),
    ({"event_type": ["x"]}, "event_type"),
    ({"occurred_at": "yesterday"}, "occurred_at"),
    ({"occurred_at": 5}, "occurred_at"),
    ({"payload": {"text": ""}}, "payload.text"),
    ({"payload": "text"}, "payload"),
    ({"privacy": "raw"}, "privacy"),
    ({"surprise": 1}, "surprise"),
    ({"ask": {"kind": "random"}}, "ask"),
    ({"subject": {"level": "response", "response_id": "jo@example.org"}}, "subject.response_id"),
    ({"actor": {"role": "jo@example.org"}}, "actor.role"),
    ({"actor": 5}, "actor"),
])
def test_wrong_events_are_refused_by_field(fields: dict[str, Any], field: str) -> None:
    """Whatever is wrong, the field is named and nothing is stored."""
    result, kept = imported([event(**fields)])
    assert not kept
    assert field in [error.field for error in result.errors]


def test_text_is_masked_before_it_is_handed_on() -> None:
    """Comments, messages and segments lose personal data; the event says which kinds."""
    rows = [event(payload={"text": "write to jo@example.org", "more": [{"deep": "+49 30 901820"}]},
                  actor={"user_key": "u", "segment": {"mail": "jo@example.org", "age": 30}})]
    result, (kept,) = imported(rows)
    assert kept.payload == {"text": "write to [email]", "more": [{"deep": "[phone]"}]}
    assert kept.actor["segment"] == {"mail": "[email]", "age": 30}
    assert kept.privacy == {"state": "masked", "masker": "forms@1", "masked": ["email", "phone"]}
    assert result.masked == {"email": 1, "phone": 1}


def test_clients_masking_is_kept() -> None:
    """Kinds that the client masked stay listed, a dropped text stays dropped."""
    _, (kept,) = imported([event(privacy={"state": "dropped", "masked": ["name"]})])
    assert kept.privacy == {"state": "dropped", "masker": "forms@1", "masked": ["name"]}


def test_times_become_utc() -> None:
    """Any offset is read; the store sorts texts."""
    _, (kept,) = imported([event(occurred_at="2026-01-01T01:00:00+02:00")])
    assert kept.occurred_at == "2025-12-31T23:00:00.000000Z"


def test_every_error_is_counted_and_the_first_are_kept() -> None:
    """A file of rubbish does not fill the memory."""
    result, _ = imported([{}] * (SHOWN + 500))
    assert result.invalid == SHOWN + 500
    assert len(result.errors) == SHOWN


def test_columns_that_no_row_has_are_told(tmp_path: Path) -> None:
    """A misspelt optional column would otherwise be silence."""
    (tmp_path / "m.yaml").write_text("""\
mapping: x
events:
  - event_type: feedback.comment
    occurred_at: "2026-01-01T00:00:00Z"
    source: {kind: end_user}
    subject: {level: response, response_id: {from: id}}
    payload: {text: {from: text}, reason: {from: raeson, optional: true}}
""")
    make = RowMapper(load(tmp_path / "m.yaml"), b"")
    result = import_rows([(1, {"id": "r", "text": "a", "reason": "b"})], "x", make, lambda made: Added(len(made)),
                         columns=make.columns)
    assert result.never_seen == ("raeson",)


def test_conflicts_are_told_with_their_line(tmp_path: Path) -> None:
    """The second body under one id is named by the line it stands on."""
    with EventStore(str(tmp_path / "e.sqlite")) as store:
        rows = [(1, event(1)), (2, event(2)), (3, event(1, payload={"text": "other"}))]
        result = import_rows(rows, "x.jsonl", Native(b"salt"), store.add_rows)
    assert (result.stored, result.conflicts, result.clean) == (2, 1, False)
    assert str(result.errors[0]).startswith("x.jsonl:3: event_id: event event-0001 is stored already")


@pytest.mark.parametrize(("name", "source", "file", "by_type"), [
    ("realhumaneval", CsvSource(), "realhumaneval/chat_data.csv.gz",
     {"generation.completed": 1055, "signal.copied": 494}),
    ("ukp", JsonlSource(), "ukp/dialogs.jsonl.gz", {"generation.completed": 4942, "feedback.comment": 670,
                                                     "judgment.result": 1151, "signal.followup": 103}),
])
def test_real_data_comes_in_whole_and_only_once(tmp_path: Path, name: str, source: Any, file: str,
                                                by_type: dict[str, int]) -> None:
    """The shipped mappings import the shipped data without an error; a second import stores nothing."""
    place = str(DEMO / "data" / file)
    make = RowMapper(load(DEMO / "mappings" / f"{name}.yaml"), b"salt")
    with EventStore(str(tmp_path / "e.sqlite")) as store:
        first, second = (import_rows(source.rows(place), place, make, store.add_rows, columns=make.columns)
                         for _ in range(2))
        events = list(store.events())
    assert first.clean
    assert not first.never_seen
    assert first.by_type == by_type
    assert (first.stored, second.stored, second.already) == (len(events), 0, len(events))
    assert len(events) == sum(by_type.values())
    if name == "realhumaneval":
        assert len({each.user_key for each in events}) == 107
        assert len({each.response_id for each in events if each.event_type == "signal.copied"}) == 362


def test_users_of_native_events_are_hashed() -> None:
    """As a collector does it: an id becomes a hash, a hash stays."""
    rows = [event(1, actor={"user_key": "ada@example.org"}), event(2, actor={"user_key": "a" * 64, "anon": True})]
    first, second = imported(rows)[1]
    assert first.user_key == pseudonym(b"salt", "ada@example.org")
    assert dict(second.actor) == {"user_key": "a" * 64, "anon": True}

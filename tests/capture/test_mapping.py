"""A mapping file turns rows into events, and says where it is wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalloop.capture.mapping import RowMapper, load
from evalloop.capture.values import ValueProblem, pseudonym
from evalloop.errors import RecordErrors

HEAD = """\
mapping: votes
shared:
  occurred_at: {from: at}
  source: {kind: end_user}
  subject: {level: response, response_id: {from: answer}}
"""
VOTES = HEAD + """\
events:
  - event_type: feedback.thumbs
    actor: {user_key: {from: user}}
    payload: {value: {from: vote, map: {up: 1, down: -1}}}
"""
ROW = {"at": "2026-01-02T03:04:05+01:00", "answer": "r1", "user": "jo", "vote": "up"}


def mapper(folder: Path, text: str, salt: bytes = b"salt") -> RowMapper:
    """The mapping of a text."""
    (folder / "m.yaml").write_text(text, encoding="utf-8")
    return RowMapper(load(folder / "m.yaml"), salt)


def refused(folder: Path, text: str) -> list[tuple[int, str]]:
    """Line and message of everything that is wrong with a mapping."""
    with pytest.raises(RecordErrors) as caught:
        mapper(folder, text)
    return [(error.line, f"{error.field}: {error.message} ({error.fix})") for error in caught.value.errors]


def one(folder: Path, text: str, row: dict[str, Any]) -> dict[str, Any]:
    """The only event of a row."""
    (event,) = mapper(folder, text)(row)
    return event


def test_row_becomes_an_event(tmp_path: Path) -> None:
    """Constants, columns, a table and a time come together; the user's id is hashed."""
    event = one(tmp_path, VOTES, ROW)
    assert event.pop("event_id").startswith("e-")
    assert event == {
        "schema": "evalloop.event/1", "event_type": "feedback.thumbs", "occurred_at": "2026-01-02T02:04:05.000000Z",
        "source": {"kind": "end_user"}, "subject": {"level": "response", "response_id": "r1"},
        "actor": {"user_key": pseudonym(b"salt", "jo")}, "payload": {"value": 1}}


def test_user_key_depends_on_the_salt_and_the_event_id_does_not(tmp_path: Path) -> None:
    """Another salt unlinks users; the ids of events stay, so that an import can be repeated."""
    first, second = (mapper(tmp_path, VOTES, salt)(ROW)[0] for salt in (b"one", b"two"))
    assert first["actor"] != second["actor"]
    assert first["event_id"] == second["event_id"]


@given(rows=st.lists(st.fixed_dictionaries({
    "at": st.datetimes().map(lambda moment: moment.isoformat()), "answer": st.text(min_size=1), "user": st.text(),
    "vote": st.sampled_from(["up", "down"])}), max_size=6))
def test_any_rows_round_trip(tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]) -> None:
    """Every field comes through unchanged; the same row gives the same id, another row another id."""
    make = mapper(tmp_path_factory.mktemp("m"), VOTES)
    events = [make(row)[0] for row in rows]
    for row, event in zip(rows, events, strict=True):
        assert event["subject"]["response_id"] == row["answer"]
        assert {1: "up", -1: "down"}[event["payload"]["value"]] == row["vote"]
    assert events == [make(dict(reversed(row.items())))[0] for row in rows]
    distinct = {tuple(sorted(row.items())) for row in rows}
    assert len({event["event_id"] for event in events}) == len(distinct)


def test_key_decides_the_id(tmp_path: Path) -> None:
    """With ``key`` only the key counts, so that a changed row keeps its event's id."""
    text = VOTES + "key: {from: answer}\n"
    assert one(tmp_path, text, ROW)["event_id"] == one(tmp_path, text, {**ROW, "vote": "down"})["event_id"]
    assert one(tmp_path, text, ROW)["event_id"] != one(tmp_path, text, {**ROW, "answer": "r2"})["event_id"]


EACH = HEAD + """\
columns: {copies: {parse: json, optional: true}}
events:
  - event_type: signal.copied
    each: [{in: copies, as: copy, optional: true}, {in: copy.parts, as: part}]
    let: {before: {from: "@part", add: -1}}
    when: {part.kind: {not: skip}}
    subject: {turn_index: {from: "@copy"}}
    payload: {chars: {from: part.text, parse: length}, place: "x", before: {from: before}}
"""


def test_loops_give_one_event_for_each_item(tmp_path: Path) -> None:
    """Loops nest, number their items, count a single object as a list, and ``when`` picks."""
    make = mapper(tmp_path, EACH)
    copies = '[{"parts": [{"text": "ab"}, {"text": "c", "kind": "skip"}, {"text": ""}]}, {"parts": {"text": "four"}}]'
    events = make({**ROW, "copies": copies})
    assert [event["payload"] for event in events] == [
        {"chars": 2, "place": "x", "before": -1}, {"chars": 0, "place": "x", "before": 1},
        {"chars": 4, "place": "x", "before": -1}]
    assert [event["subject"]["turn_index"] for event in events] == [0, 0, 1]
    assert len({event["event_id"] for event in events}) == 3
    assert make({**ROW, "copies": ""}) == make(ROW) == []


@pytest.mark.parametrize(("copies", "said"), [
    ('"text"', "'copies' is not a list"), ("{", "not JSON"), ("[{}]", "'copy.parts' is missing"),
    ('[{"parts": [{}]}]', "'part.text' is missing"), ("[" * 100_000, "not JSON")])
def test_loop_over_something_else_is_told(tmp_path: Path, copies: str, said: str) -> None:
    """What is not a list, or lacks a field, is an error and not silence."""
    with pytest.raises(ValueProblem, match=said):
        mapper(tmp_path, EACH)({**ROW, "copies": copies})


@pytest.mark.parametrize(("value", "row", "made"), [
    ("{from: a}", {"a": 0}, 0),
    ("{from: a, optional: true}", {"a": ""}, None),
    ("{from: a, default: 7}", {}, 7),
    ("{from: \"a.b[-1].c\"}", {"a": {"b": [{"c": 1}, {"c": 2}]}}, 2),
    ("{from: a.b.0}", {"a": {"b": [5]}}, 5),
    ("{from: a.b}", {"a.b": "a column of that name"}, "a column of that name"),
    ('{template: "{a}-{b.c}{{}}"}', {"a": 1, "b": {"c": "x"}}, "1-x{}"),
    ("{from: a, parse: number}", {"a": " 12 "}, 12),
    ("{from: a, parse: number, add: 0.5}", {"a": "1e2"}, 100.5),
    ("{from: a, times: -1, add: 1}", {"a": 0.25}, 0.75),
    ("{from: a, parse: json}", {"a": '{"b": [1]}'}, {"b": [1]}),
    ("{from: a, parse: python_literal}", {"a": "{'b': (1, None)}"}, {"b": (1, None)}),
    ("{from: a, parse: text}", {"a": 5}, "5"),
    ("{from: a, map: {\"true\": yes!}}", {"a": True}, "yes!"),
    ("{from: a, map: {x: 1}, default: 0}", {"a": "y"}, 0),
    ("{from: a, cut: 3}", {"a": "abcdef"}, "abc"),
    ("{from: a, time: epoch_ms}", {"a": "1500"}, "1970-01-01T00:00:01.500000Z"),
    ("{from: a, time: epoch_s}", {"a": 1.25}, "1970-01-01T00:00:01.250000Z"),
    ('{from: a, time: hours, start: "2026-01-01T00:00:00Z"}', {"a": 1.5}, "2026-01-01T01:30:00.000000Z"),
    ("{from: a, time: rfc3339}", {"a": "2026-01-01 10:00:00"}, "2026-01-01T10:00:00.000000Z"),
    ("{const: {from: b}}", {}, {"from": "b"}),
    ("[1, {from: a}, {from: b, optional: true}]", {"a": 2}, [1, 2]),
])
def test_values(tmp_path: Path, value: str, row: dict[str, Any], made: Any) -> None:
    """What each way of making a value gives."""
    text = HEAD + f"events: [{{event_type: feedback.choice, payload: {{label: {value}}}}}]\n"
    assert one(tmp_path, text, {**ROW, **row})["payload"].get("label") == made


@pytest.mark.parametrize(("value", "row", "said"), [
    ("{from: a}", {}, "'a' is missing"),
    ("{from: a, parse: number}", {"a": "many"}, "'many' is not a number"),
    ("{from: a, parse: number}", {"a": "nan"}, "not a finite number"),
    ("{from: a, parse: number}", {"a": True}, "True is not a number"),
    ("{from: a, parse: python_literal}", {"a": "__import__('os')"}, "not a Python literal"),
    ("{from: a, parse: python_literal}", {"a": "(" * 5000}, "not a Python literal"),
    ("{from: a, map: {x: 1}}", {"a": "y"}, "'y' is not in the map"),
    ("{from: a, time: epoch_s}", {"a": 1e30}, "not a time"),
    ("{from: a, time: rfc3339}", {"a": "yesterday"}, "not a time"),
    ('{template: "{a}"}', {"a": [1]}, "not one text or number"),
    ('{template: "{a}"}', {}, "'a' is missing"),
])
def test_values_that_cannot_be_made(tmp_path: Path, value: str, row: dict[str, Any], said: str) -> None:
    """The error names the field and what is wrong, never a traceback."""
    text = HEAD + f"events: [{{event_type: feedback.choice, payload: {{label: {value}}}}}]\n"
    with pytest.raises(ValueProblem, match=said) as caught:
        one(tmp_path, text, {**ROW, **row})
    assert caught.value.field == "payload.label"


def test_rows_that_when_passes_over_give_nothing(tmp_path: Path) -> None:
    """``when`` on the whole row."""
    make = mapper(tmp_path, VOTES + "when: {vote: filled, answer: {in: [r1, r2]}}\n")
    assert len(make(ROW)) == 1
    assert make({**ROW, "vote": ""}) == make({**ROW, "answer": "r9"}) == []


@pytest.mark.parametrize(("text", "line", "said"), [
    (VOTES.replace("map:", "mpa:"), 9, "did you mean 'map'"),
    (VOTES.replace("payload", "paylod"), 9, "did you mean 'payload'"),
    (VOTES.replace("feedback.thumbs", "feedback.thumb"), 7, "did you mean 'feedback.thumbs'"),
    (VOTES.replace("response_id", "respnse_id"), 5, "did you mean 'response_id'"),
    ("mapping: x\nevents: []\n", 2, "events"),
    (VOTES.replace("  occurred_at: {from: at}\n", ""), 6, "'occurred_at' is missing"),
    (VOTES.replace("{from: answer}", '{template: "{answer!r}"}'), 5, "broken template"),
    (VOTES.replace("{from: answer}", '{template: "{answer"}'), 5, "broken template"),
    (VOTES.replace("{from: at}", "{from: at, time: seconds}"), 3, "needs `start`"),
    (VOTES.replace("{from: answer}", "{from: user}"), 5, "store the user's id"),
    (VOTES.replace("{from: answer}", '{template: "r-{user}"}'), 5, "add `hash: true`"),
    (VOTES + "  - {event_type: feedback.thumbs}\n", 10, "names two events"),
])
def test_wrong_mapping_is_refused_with_its_line(tmp_path: Path, text: str, line: int, said: str) -> None:
    """Every mistake is found when the file is read, with line and mend."""
    found = refused(tmp_path, text)
    assert any(where == line and said in what for where, what in found), found


def test_user_ids_elsewhere_are_fine_when_hashed(tmp_path: Path) -> None:
    """A session named after its user keeps its name secret."""
    text = VOTES.replace("{from: answer}", '{template: "{user}/{answer}", hash: true}')
    assert one(tmp_path, text, ROW)["subject"]["response_id"] == pseudonym(b"salt", "jo/r1")

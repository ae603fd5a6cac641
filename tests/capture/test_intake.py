"""From bytes to rows: nothing that comes over the network can do more than be refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from evalloop.capture.intake import BodyError, Broken, Intake, Sender, parse
from evalloop.store.body import same_fact

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
VOTE: dict[str, Any] = {
    "schema": "evalloop.event/1", "event_id": "vote-0001", "event_type": "feedback.thumbs",
    "occurred_at": "2026-01-05T10:00:00Z", "source": {"kind": "end_user"},
    "subject": {"level": "response", "response_id": "r-1"}, "actor": {"user_key": "ada"}, "payload": {"value": 1}}
ANY = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                   lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
                   max_leaves=12)
intake = Intake(b"salt")


def one(item: Any, **sender: Any) -> Any:
    """The verdict of one item."""
    return intake([item], Sender("sk_1", **sender), NOW)[0]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=200) | ANY.map(lambda data: json.dumps(data).encode()), st.booleans())
def test_any_bytes_are_parsed_or_refused(body: bytes, lines: bool) -> None:
    """Each item gets a verdict; what is no event is invalid, with a letter."""
    try:
        items = parse(body, lines=lines)
    except BodyError:
        return
    for verdict in intake(items, Sender("sk_1"), NOW):
        assert verdict.status == "invalid"
        assert verdict.letter is not None
        assert verdict.problems


@settings(max_examples=300, deadline=None)
@given(st.dictionaries(st.sampled_from([*VOTE, "links", "ask", "context", "privacy", "consent"]), ANY, max_size=4),
       st.booleans())
def test_any_field_may_hold_anything(fields: dict[str, Any], public: bool) -> None:
    """A good event with any of its fields replaced is stored, invalid or refused; never an exception."""
    verdict = one({**VOTE, **fields}, public=public)
    assert (verdict.row is None) == (verdict.status in ("invalid", "refused"))


def test_users_are_hashed_also_in_dead_letters() -> None:
    """The user's id is nowhere; what looks like a hash already is kept."""
    good, bad = one(VOTE), one({**VOTE, "payload": {}})
    assert "ada" not in good.row.body
    assert '"ada"' not in bad.letter.body
    key = good.row.user_key
    assert one({**VOTE, "actor": {"user_key": key}}).row.user_key == key


def test_personal_data_is_masked_also_in_dead_letters() -> None:
    """Comments and broken lines alike."""
    text = {"value": 1, "text": "I am ada@example.org"}
    assert "ada@" not in one({**VOTE, "payload": text}).row.body
    assert "ada@" not in one({**VOTE, "payload": {**text, "value": 9}}).letter.body
    assert "ada@" not in one(Broken('{"text": "ada@example.org"', "broken")).letter.body


def test_a_repetition_is_known_whoever_sends_it() -> None:
    """Another key, another clock, another masker: the hash is of what the client said."""
    first, second = one(VOTE), one({**VOTE, "privacy": {"masker": "other@2"}}, skew_s=9999.0)
    assert first.row.body != second.row.body
    assert first.row.body_hash == second.row.body_hash
    assert same_fact(first.row.body, second.row.body)


def test_deep_nesting_is_invalid() -> None:
    """Levels without end are refused, not followed."""
    deep: Any = "x@example.org"
    for _ in range(900):
        deep = [deep]
    assert one({**VOTE, "payload": {"value": 1, "more": deep}}).status in ("invalid", "")

"""Columns of the lake: whatever stands among the values, each is read alike."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from evalloop.records.times import time_text, us_of
from evalloop.store import columns
from evalloop.store.called import SLIM
from evalloop.testing import make_event, make_generation

TIMES = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1)).map(time_text)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=9),
    "timestamp": TIMES | st.sampled_from(["2026-02-30T00:00:00.000000Z", "2026-01-01T24:00:00.000000Z", "2026-01-01",
                                          "2026-01-01T10:00:00+02:00", "20260101T000000Z", ""]),
    "int": st.integers() | st.sampled_from([2**63, 2**63 - 1, -2**63, -2**63 - 1]),
    "real": st.floats() | st.integers(),
    "bool": st.booleans()}
OTHER: dict[str, Any] = {"string": 7, "timestamp": 7, "int": "x", "real": "x", "bool": "x"}


@settings(deadline=None)
@given(st.sampled_from(sorted(VALUES)).flatmap(
    lambda kind: st.tuples(st.just(kind), st.lists(st.none() | VALUES[kind], max_size=8))))
def test_values_of_one_kind_are_read_as_among_others(drawn: tuple[str, list[Any]]) -> None:
    """A column that is taken over at once is the one that is read one by one because something else is there."""
    kind, values = drawn
    at_once, one_by_one = columns.array(values, kind), columns.array([*values, OTHER[kind]], kind)
    assert one_by_one.to_pylist() == [*at_once.to_pylist(), None]
    assert at_once.type == one_by_one.type


@settings(deadline=None)
@given(st.lists(TIMES, min_size=1, max_size=5))
def test_times_are_counted_in_microseconds_and_days(times: list[str]) -> None:
    """Also before 1970; an event without a time that can be read counts from when it came."""
    rows = [(json.dumps({"event_type": "x", "occurred_at": time}), time) for time in times]
    table = columns.arrow([*rows, ('{"event_type": "x", "occurred_at": "?"}', times[0]), ('{"event_type": "x"}', None)])
    micros = [us_of(time) for time in (*times, times[0])]
    assert table.column("at_us").to_pylist() == [*micros, None]
    assert table.column("day").to_pylist() == [*(each // 86_400_000_000 for each in micros), None]


def test_some_columns_are_those_of_the_whole_table() -> None:
    """Also of values that are of another kind than their column."""
    odd: dict[str, Any] = {"event_id": "e", "event_type": "x", "occurred_at": "2026-01-05T00:00:01Z",
                           "subject": {"turn_index": "one"}, "links": {"retracts": "e0", "edit_of": 7}, "actor": {}}
    made = [make_generation().to_dict(), make_event("signal.copied").to_dict(), odd]
    bodies = [json.dumps(each) for each in made]
    assert columns.picked(bodies, SLIM).equals(columns.arrow((body, None) for body in bodies).select(SLIM))

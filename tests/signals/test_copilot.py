"""The log of a code completion through the shipped mapping: the published counts come out of the detectors."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from evalloop.capture.importing import import_rows
from evalloop.capture.mapping import RowMapper, load
from evalloop.capture.sources import JsonlSource
from evalloop.records.event import Event
from evalloop.records.signal import Signal
from evalloop.signals.edits import Edit
from evalloop.signals.implicit import Accept
from evalloop.signals.messages import Rephrase, Reply
from evalloop.store.columns import event_of
from evalloop.store.events import Added
from evalloop.testing import derived_of

ROOT = Path(__file__).parents[2]
LOG = ROOT / "tests" / "data" / "copilot_telemetry" / "events.jsonl.gz"
MAPPING = ROOT / "evalloop" / "demo" / "mappings" / "copilot_telemetry.yaml"
Made = tuple[list[Event], dict[str, list[Signal]]]


@pytest.fixture(scope="module")
def made() -> Made:
    """Events of the log, and what four detectors say of them."""
    events: list[Event] = []
    import_rows(JsonlSource().rows(str(LOG)), str(LOG), RowMapper(load(MAPPING), b"salt"),
                lambda group: events.extend(event_of(row.body, None) for row in group) or Added(len(group)))
    return events, derived_of(events, [Accept(), Edit(), Rephrase(), Reply()])


def by_name(signals: dict[str, list[Signal]], name: str) -> list[Signal]:
    """The signals of one detector."""
    return next(found for key, found in signals.items() if key.partition("@")[0] == name)


def rows(state: str) -> list[dict[str, Any]]:
    """The rows of the log in one state."""
    with gzip.open(LOG, "rt", encoding="utf-8") as file:
        return [row for row in map(json.loads, file) if row["state"] == state]


def test_published_counts(made: Made) -> None:
    """1,150 shown, 710 rejected and 386 accepted, as the study says; every acceptance has its time and five checks."""
    events, signals = made
    assert Counter(each.event_type for each in events) == {
        "generation.completed": 1150, "signal.shown": 1150, "signal.rejected": 710, "signal.accepted": 386,
        "signal.edited": 5 * 386}
    assert Counter(each.polarity for each in by_name(signals, "accept")) == {-1.0: 710, 1.0: 386}


def test_reflexes_are_quarantined(made: Made) -> None:
    """Acceptances quicker than 300 ms have weight 0, counted in the log itself."""
    quick = sum(row["measurements"]["timeSinceDisplayedMs"] < 300 for row in rows("Accepted"))
    assert quick > 0
    assert sum(each.weight == 0 for each in by_name(made[1], "accept")) == quick


def test_edit_fractions(made: Made) -> None:
    """The last of five checks decides: kept, lightly or heavily edited, as counted in the log itself."""
    def band(changed: float) -> tuple[float, float]:
        left = -1 * changed + 1
        return (1.0, 0.5) if left >= 0.9 else (0.3, 0.3) if left >= 0.67 else (-1.0, 0.4)

    expected = Counter(band(row["edit_percentage"][-1]) for row in rows("Accepted"))
    assert sum(expected.values()) == 386
    assert len(expected) == 3
    edits = by_name(made[1], "edit")
    assert Counter((each.polarity, each.weight) for each in edits) == expected
    assert {len(each.event_ids) for each in edits} == {5}


def test_completions_are_no_talk(made: Made) -> None:
    """The code before the cursor is no message: no completion was asked again, approved or complained of."""
    assert {name.partition("@")[0]: len(made[1][name]) for name in made[1] if name[:3] == "rep"} == {
        "rephrase": 0, "reply": 0}

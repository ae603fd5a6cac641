"""The shipped real data as turns and signals, made once."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from evalloop.capture.importing import import_rows
from evalloop.capture.mapping import RowMapper, load
from evalloop.capture.sources import CsvSource, JsonlSource
from evalloop.records.event import Event
from evalloop.records.signal import Signal
from evalloop.signals import evalloop_detectors
from evalloop.signals.turns import Joined
from evalloop.store.columns import event_of
from evalloop.store.events import Added
from evalloop.testing import derived_of, joined_of

DEMO = Path(__file__).parents[2] / "evalloop" / "demo"
FILES = {"realhumaneval": (CsvSource(), "realhumaneval/chat_data.csv.gz"),
         "ukp": (JsonlSource(), "ukp/dialogs.jsonl.gz")}
Derived = tuple[Joined, dict[str, list[Signal]]]


@cache
def real_events(name: str) -> list[Event]:
    """The events of a shipped data set, read once."""
    source, file = FILES[name]
    events: list[Event] = []
    make = RowMapper(load(DEMO / "mappings" / f"{name}.yaml"), b"salt")
    place = str(DEMO / "data" / file)
    import_rows(source.rows(place), place, make,
                lambda made: events.extend(event_of(row.body, None) for row in made) or Added(len(made)))
    return events


def derived(name: str) -> Derived:
    """Turns and signals of a shipped data set."""
    events = real_events(name)
    return joined_of(events), derived_of(events, evalloop_detectors())


@pytest.fixture(scope="session")
def programmers() -> Derived:
    """RealHumanEval."""
    return derived("realhumaneval")


@pytest.fixture(scope="session")
def dialogues() -> Derived:
    """The dialogues with corrections."""
    return derived("ukp")

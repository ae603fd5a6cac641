"""Reads the small exports beside this file as ``evalloop capture --from`` does."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from evalloop import config, loop
from evalloop.capture.importing import Captured
from evalloop.loop.evidence import open_log
from evalloop.records.event import Event

DATA = Path(__file__).parent / "data"


def project(folder: Path) -> loop.Project:
    """An empty project."""
    (folder / "evalloop.toml").write_text("")
    return loop.Project(config.load(folder, {}))


def read(folder: Path, platform: str, name: str, **options: str) -> tuple[Captured, list[Event]]:
    """What became of an export, and every event that is stored then, by time."""
    at = project(folder)
    result = loop.capture(at, str(DATA / name), loop.Reading(platform=platform, options=options))
    with open_log(at) as log:
        return result, sorted(log.events(), key=lambda event: (event.occurred_at, event.event_type))


def kinds(events: list[Event]) -> dict[str, int]:
    """How many events there are of each type."""
    return dict(Counter(event.event_type for event in events))


def only(events: list[Event], native_id: str, event_type: str) -> Any:
    """The one event of that type that came of a native row."""
    (found,) = [event for event in events if event.event_type == event_type
                and event.source["import"]["native_id"] == native_id]
    return found

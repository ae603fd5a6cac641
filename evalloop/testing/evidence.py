"""What detectors need in tests: events as evidence on an engine of this process, and signals as records."""

from __future__ import annotations

import atexit
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from evalloop.records.event import Event
from evalloop.records.signal import Signal

if TYPE_CHECKING:
    from evalloop.contracts import Detector, Evidence
    from evalloop.signals.turns import Joined

RECEIVED = "2026-01-05T23:00:00.000000Z"
"""When events came, but for those that say it themselves or happened later: these came as they happened."""


def evidence_of(events: Iterable[Event]) -> Evidence:
    """The turns and acts of some events, on DuckDB; made once for the same events in the same order."""
    from evalloop.store.body import row_of

    found: Evidence = _gathered(tuple((row_of(event.to_dict(), RECEIVED).body, _received(event)) for event in events))
    return found


def _received(event: Event) -> str:
    return event.received_at or max(RECEIVED, event.occurred_at)


def signals_of(detector: Detector, events: Iterable[Event] | Evidence) -> list[Signal]:
    """What a detector says of some events, by time."""
    from evalloop.signals.derive import records, run

    evidence: Any = evidence_of(events) if isinstance(events, Sequence | tuple) else events
    return list(records(evidence, run(detector, evidence)))


def joined_of(events: Iterable[Event]) -> Joined:
    """The turns of some events as records, and how they were joined."""
    from evalloop.signals.turns import joined

    return joined(evidence_of(events))


def derived_of(events: Iterable[Event], detectors: Iterable[Detector]) -> dict[str, list[Signal]]:
    """What detectors say of some events, by ``name@version``."""
    evidence = evidence_of(events)
    return {f"{each.name}@{each.version}": signals_of(each, evidence) for each in detectors}


@lru_cache(maxsize=32)
def _gathered(rows: tuple[tuple[str, str], ...]) -> Any:
    from evalloop.signals.evidence import gather
    from evalloop.store import columns

    engine = _engine().branch()
    schema = columns.schema()
    return gather(engine, engine.rows([columns.arrow(rows)] if rows else [], schema))


@cache
def _engine() -> Any:
    from evalloop.engine import open_engine

    engine = open_engine("duckdb", threads=1)
    atexit.register(engine.close)
    return engine

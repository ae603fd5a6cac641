"""What the real detectors make of events."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from evalloop.preferences.evidence import Evidence
from evalloop.records.event import Event
from evalloop.signals import evalloop_detectors
from evalloop.signals.derive import derive
from evalloop.signals.turns import join


@pytest.fixture(scope="session")
def gather() -> Callable[..., Evidence]:
    """Events -> evidence."""
    def evidence(*events: Event) -> Evidence:
        turns = join(events).turns
        return Evidence.of(turns, [each for found in derive(turns, evalloop_detectors()).values() for each in found])

    return evidence

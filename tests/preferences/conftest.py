"""What the real detectors make of events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from evalloop.preferences.evidence import Evidence
from evalloop.records.event import Event
from evalloop.signals import evalloop_detectors
from evalloop.signals.derive import derive, records, together
from evalloop.signals.turns import turns
from evalloop.testing import evidence_of

OFTEN = ("thumbs", "rating", "correction", "copy", "regenerate", "edit", "accept")
"""The detectors of the acts in these tests; running all for each test takes long."""


@pytest.fixture(scope="session")
def gather() -> Callable[..., Evidence]:
    """Events -> evidence."""
    def evidence(*events: Event) -> Evidence:
        found: Any = evidence_of(events)
        said = together(derive(found, [each for each in evalloop_detectors() if each.name in OFTEN]))
        return Evidence.of(turns(found), records(found, said))

    return evidence

"""What becomes training data is read a range at a time."""

from __future__ import annotations

from typing import Any

import pytest

from evalloop.loop import training
from evalloop.signals import evalloop_detectors
from evalloop.signals.derive import derive, together
from evalloop.signals.turns import in_order
from evalloop.testing import evidence_of, make_event, make_generation


def test_ranges_give_what_one_reading_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each answer comes once, in order, with its own signals, however few are read at a time."""
    events = []
    for number in range(5):
        name = f"r{number}"
        events.append(make_generation(name, 60 * number, user=f"u{number}", session=f"s{number}"))
        events += [make_event("feedback.thumbs", name, 60 * number + at, user=f"v{at}", payload={"value": -1})
                   for at in range(1, number + 1)]
    evidence: Any = evidence_of(events)
    signals = evidence.engine.view(together(derive(evidence, evalloop_detectors())))
    order = in_order(evidence)

    def read() -> list[tuple[str, list[str]]]:
        return [(turn.response_id, [each.signal_id for each in found.signals[turn.response_id]])
                for found in training._one_by_one(evidence, signals, order) for turn in found.turns.values()]

    whole = read()
    monkeypatch.setattr(training, "AT_ONCE", 2)
    assert read() == whole
    assert [(name, len(given)) for name, given in whole] == [("r0", 0), ("r1", 1), ("r2", 2), ("r3", 3), ("r4", 4)]

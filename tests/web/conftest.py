"""Events for collectors."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from typing import Any

import pytest

pytest.importorskip("uvicorn", reason="needs the extra serve")


@pytest.fixture
def vote() -> Callable[..., dict[str, Any]]:
    """Makes votes that no other test sends."""
    def make(**fields: Any) -> dict[str, Any]:
        return {"schema": "evalloop.event/1", "event_id": str(uuid.uuid4()), "event_type": "feedback.thumbs",
                "occurred_at": "2026-01-05T10:00:00.000000Z", "source": {"kind": "end_user"},
                "subject": {"level": "response", "response_id": "r-1"}, "payload": {"value": -1}, **fields}
    return make

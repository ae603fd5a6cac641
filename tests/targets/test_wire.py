"""What HTTP targets write and read: bodies in JSON, and how long a refusal says to wait."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from evalloop.targets.wire import from_json, retry_after, to_json


def test_retry_after_is_read_in_all_its_forms() -> None:
    """Seconds, milliseconds and dates are understood; nonsense is no wait."""
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    assert retry_after({"Retry-After": "2.5"}) == 2.5
    assert retry_after({"Retry-After-Ms": "300", "Retry-After": "9"}) == 0.3
    assert retry_after({"Retry-After": later}) == pytest.approx(100, abs=5)
    assert retry_after({"Retry-After": "soon"}) is None
    assert retry_after({}) is None
    assert retry_after({"Retry-After": "-3"}) == 0.0


@pytest.mark.parametrize("data", [{"a": ["é", 1.5, None, 2**70]}, {"half": "\ud800"}])
def test_any_request_becomes_json(data: Any) -> None:
    """Text that is no text, and numbers beyond 64 bits, too."""
    assert json.loads(to_json(data)) == data


@pytest.mark.parametrize(("body", "value"), [
    (b'{"a": 1}', {"a": 1}), (b"[Infinity]", [float("inf")]), (b'"\\ud800"', "\ud800")])
def test_answers_are_read_leniently(body: bytes, value: Any) -> None:
    """What ``json`` reads is read."""
    assert from_json(body) == value


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe\x00", b"no"])
def test_an_answer_that_is_no_json_is_a_value_error(body: bytes) -> None:
    """Bytes that are no text, too."""
    with pytest.raises(ValueError, match=r"."):
        from_json(body)

"""POST /v1/events on a real collector: every way to send, and what is answered."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from typing import Any

import httpx
import pytest

Vote = Callable[..., dict[str, Any]]


def statuses(answer: Any) -> list[str]:
    """What became of each event."""
    return [each["status"] for each in answer.json()["results"]]


def test_one_event_is_stored_once(collector: Any, secret: str, vote: Vote) -> None:
    """One object: stored, then already there, then in conflict with another body."""
    event = vote()
    first, again, other = (collector.post(body, secret) for body in (event, event, {**event, "payload": {"value": 1}}))
    assert [each.status_code for each in (first, again, other)] == [200, 200, 409]
    assert [statuses(each) for each in (first, again, other)] == [["stored"], ["already"], ["conflict"]]


def test_results_stand_in_the_order_of_the_batch(collector: Any, secret: str, vote: Vote) -> None:
    """A list is answered with 200 and one result for each event, wrong ones with field and mend."""
    good, bad = vote(), vote(payload={"value": 3})
    answer = collector.post([good, bad, good, 7, {**good, "payload": {"value": 1}}], secret)
    assert answer.status_code == 200
    assert statuses(answer) == ["stored", "invalid", "already", "invalid", "conflict"]
    assert answer.json()["invalid"] == 2
    problem = answer.json()["results"][1]["problems"][0]
    assert problem["field"] == "payload.value"
    assert problem["fix"]


@pytest.mark.parametrize("kind", ["application/x-ndjson", "application/jsonl", "text/plain", "application/json"])
@pytest.mark.parametrize("packed", [True, False])
def test_json_lines_and_gzip(collector: Any, secret: str, vote: Vote, kind: str, packed: bool) -> None:
    """One event on each line, also packed; a broken line is a result of its own."""
    body = "\n".join([json.dumps(vote()), "{broken", "", json.dumps(vote())]).encode()
    headers = {"content_type": kind, **({"content_encoding": "gzip"} if packed else {})}
    answer = collector.post(gzip.compress(body) if packed else body, secret, **headers)
    assert statuses(answer) == ["stored", "invalid", "stored"]


def test_a_beacon_brings_its_key_in_the_address(collector: Any, vote: Vote) -> None:
    """text/plain, no header but the origin: as navigator.sendBeacon sends it."""
    key = collector.key("pk", origins=["https://app.example"])
    answer = httpx.post(f"{collector.url}/v1/events?key={key}", content=json.dumps(vote()),
                        headers={"content-type": "text/plain;charset=UTF-8", "origin": "https://app.example"})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://app.example"
    assert "access-control-allow-credentials" not in answer.headers


@pytest.mark.parametrize(("body", "headers", "status"), [
    (b"", {}, 400),
    (b"{", {}, 400),
    (b"NaN", {}, 400),
    (b"\xff\xfe", {}, 400),
    (b"{}", {"content_type": "application/x-www-form-urlencoded"}, 415),
    (b"{}", {"content_encoding": "br"}, 415),
    (b"{}", {"content_encoding": "gzip"}, 400),
    (gzip.compress(b"[" + b" " * 9_000_000 + b"]"), {"content_encoding": "gzip"}, 413),
    (b" " * 9_000_000, {}, 413),
])
def test_bodies_that_are_not_read(collector: Any, secret: str, body: bytes, headers: dict[str, str],
                                  status: int) -> None:
    """What is no JSON, too large or packed otherwise is refused as a whole, with the mend."""
    answer = collector.post(body, secret, **headers)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert answer.json()["fix"]

"""Who is let in: keys, scopes, origins, tokens, rates, signatures; everybody else is told why not."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from evalloop import loop
from evalloop.capture import tokens, webhooks
from evalloop.records.key import Key
from evalloop.store.keys import KnownKey
from evalloop.web.auth import SOON_S, Doorkeeper

Vote = Callable[..., dict[str, Any]]
PAGE = "https://app.example"


@pytest.fixture(scope="module")
def public(collector: Any) -> str:
    """A publishable key for one page."""
    return collector.key("pk", origins=[PAGE], rate=0.0)


@pytest.mark.parametrize("key", ["", "sk_000000000000_" + "0" * 64, "nonsense", "et_x.y", "Bearer", "pk_é_ü"])
def test_unknown_keys_are_refused(collector: Any, vote: Vote, key: str) -> None:
    """401 with the mend, whatever is sent as a key."""
    answer = httpx.post(collector.url + "/v1/events", params={"key": key}, json=vote())
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize("origin", ["https://evil.example", "http://app.example", "https://app.example.evil.example",
                                    "null", None])
def test_a_foreign_origin_is_refused(collector: Any, public: str, vote: Vote, origin: str | None) -> None:
    """A publishable key works on its pages only."""
    headers = {} if origin is None else {"origin": origin}
    assert collector.post(vote(), public, **headers).status_code == 403
    assert collector.post(vote(), public, origin=PAGE).status_code == 200


def test_wildcards_fit_names_below(collector: Any, vote: Vote) -> None:
    """``https://*.app.example`` fits one below it, not another host that ends like it."""
    key = collector.key("pk", origins=["https://*.app.example"])
    answers = [collector.post(vote(), key, origin=origin).status_code
               for origin in ("https://eu.app.example", "https://evil.com/.app.example", "https://.app.example")]
    assert answers == [200, 403, 403]


def test_a_stolen_publishable_key_reads_nothing(collector: Any, public: str) -> None:
    """Reading, figures and telemetry need a secret key with the scope."""
    headers = {"authorization": f"Bearer {public}", "origin": PAGE}
    for path in ("/v1/events", "/metrics"):
        assert httpx.get(collector.url + path, headers=headers).status_code == 403
    assert collector.post({}, public, "/v1/otlp/v1/traces", origin=PAGE).status_code == 403


@pytest.mark.parametrize("fields", [
    {"event_type": "outcome.task", "payload": {"status": "success"}}, {"event_type": "generation.completed"},
    {"event_type": "privacy.erased"}, {"source": {"kind": "reviewer"}}, {"source": {"kind": "system"}}])
def test_a_publishable_key_adds_feedback_only(collector: Any, public: str, vote: Vote, fields: dict[str, Any]) -> None:
    """Other types, and speaking for others, are refused event by event."""
    answer = collector.post([vote(**fields), vote()], public, origin=PAGE)
    assert [each["status"] for each in answer.json()["results"]] == ["refused", "stored"]


def test_scopes(collector: Any, secret: str, vote: Vote) -> None:
    """A key reads only with the scope read, and writes only with the scope write."""
    reader = collector.key(scopes=["read", "metrics"])
    event = vote(actor={"user_key": "ada"})
    collector.post(event, secret)
    assert collector.post(vote(), reader).status_code == 403
    headers = {"authorization": f"Bearer {reader}"}
    assert httpx.get(collector.url + "/v1/events", headers={"authorization": f"Bearer {secret}"}).status_code == 403
    found, after = [], 0
    while after is not None:
        page = httpx.get(f"{collector.url}/v1/events?after={after}&limit=7", headers=headers).json()
        found += page["events"]
        after = page["next"]
    mine = next(each for each in found if each["event_id"] == event["event_id"])
    assert "ada" not in json.dumps(mine)
    assert mine["source"]["key_id"] == secret.rsplit("_", 1)[0]
    assert "evalloop_events_total" in httpx.get(collector.url + "/metrics", headers=headers).text


def test_a_secret_key_from_a_page_is_refused(collector: Any, secret: str, vote: Vote) -> None:
    """It is no secret any more, and the answer says so."""
    answer = collector.post(vote(), secret, origin=PAGE)
    assert answer.status_code == 403
    assert "revoke" in answer.json()["fix"]


def test_revoked_and_rotated_keys(collector: Any, vote: Vote) -> None:
    """A revoked key is refused within seconds; a rotated one works beside its successor until then."""
    old = collector.key()
    name = old.rsplit("_", 1)[0]
    _, new = loop.rotate_key(collector.project, name, hours=1)
    assert [collector.post(vote(), key).status_code for key in (old, new)] == [200, 200]
    loop.revoke_key(collector.project, name)
    time.sleep(2.2)
    assert [collector.post(vote(), key).status_code for key in (old, new)] == [401, 200]


def test_tokens_bind_response_user_and_types(collector: Any, secret: str, vote: Vote) -> None:
    """A token votes on its response only, for its user, from any page; its events are marked as verified."""
    reader = collector.key(scopes=["read"])
    token = tokens.sign(secret, "r-7", user="ada", types=["feedback.thumbs"])
    mine = vote(subject={"level": "response", "response_id": "r-7"}, actor={"user_key": "somebody else"})
    batch = [mine, vote(), vote(event_type="signal.shared", subject=mine["subject"])]
    answer = collector.post(batch, token, origin="https://any.example")
    assert [each["status"] for each in answer.json()["results"]] == ["stored", "refused", "refused"]
    found = httpx.get(collector.url + "/v1/events", headers={"authorization": f"Bearer {reader}"}).json()["events"]
    stored = next(each for each in found if each["event_id"] == mine["event_id"])
    assert stored["source"]["verified"] is True
    assert stored["actor"]["user_key"] not in ("ada", "somebody else")


def test_expired_and_forged_tokens(collector: Any, secret: str, vote: Vote) -> None:
    """Past its end, with another signature, or with changed claims: 401."""
    good = tokens.sign(secret, "r-1")
    other = tokens.sign("sk_000000000000_" + "1" * 64, "r-1")
    claims, signature = good.split(".")
    for token in (tokens.sign(secret, "r-1", now=time.time() - 4 * 3600), other, f"{claims}x.{signature}",
                  f"{other.split('.')[0]}.{signature}", good[:-2] + "AA"):
        assert collector.post(vote(), token).status_code == 401
    assert collector.post(vote(), good).status_code == 200


def test_rates_are_kept(collector: Any, vote: Vote) -> None:
    """Beyond a key's rate: 429 with the seconds to wait, and nothing is stored."""
    key = collector.key(rate=1.0)
    assert collector.post([vote() for _ in range(10)], key).status_code == 200
    answer = collector.post(vote(), key)
    assert answer.status_code == 429
    assert int(answer.headers["retry-after"]) >= 1


def test_oversize_bodies_of_publishable_keys(collector: Any, public: str, vote: Vote) -> None:
    """64 KiB at most, also packed."""
    answer = collector.post([vote(payload={"value": 1, "text": "x" * 7000}) for _ in range(10)], public, origin=PAGE)
    assert answer.status_code == 413


def test_clocks_that_are_off_are_flagged(collector: Any, secret: str, vote: Vote) -> None:
    """An event of the future, or of a client whose clock is wrong, carries by how much; a forged mark is dropped."""
    reader = collector.key(scopes=["read"])
    future = vote(occurred_at="2096-01-01T00:00:00Z")
    wrong, right = vote(), vote(source={"kind": "end_user", "skew_s": 7, "verified": True})
    collector.post(wrong, secret, x_evalloop_sent_at="2020-01-01T00:00:00Z")
    collector.post([future, right], secret)
    found = httpx.get(collector.url + "/v1/events", headers={"authorization": f"Bearer {reader}"}).json()["events"]
    by_id = {each["event_id"]: each["source"] for each in found}
    assert by_id[future["event_id"]]["skew_s"] > 10**9
    assert by_id[wrong["event_id"]]["skew_s"] < -10**8
    assert set(by_id[right["event_id"]]) == {"kind", "key_id"}


def test_preflights(collector: Any, public: str) -> None:
    """A preflight is answered without a key and without credentials."""
    answer = httpx.options(collector.url + "/v1/events", headers={
        "origin": PAGE, "access-control-request-method": "POST", "access-control-request-headers": "authorization"})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == PAGE
    assert "access-control-allow-credentials" not in answer.headers


def test_a_page_is_known_as_soon_as_its_key_is_made(new_collector: Any, vote: Vote) -> None:
    """Preflights and answers name the page of a new key at once, though keys were read a moment ago; no other page."""
    collector = new_collector()

    def preflight(page: str) -> str | None:
        answer = httpx.options(collector.url + "/v1/events", headers={
            "origin": page, "access-control-request-method": "POST"})
        return answer.headers.get("access-control-allow-origin")

    assert preflight("https://other.example") is None
    key = collector.key("pk", origins=[PAGE])
    assert preflight(PAGE) == PAGE
    assert collector.post(vote(), key, origin=PAGE).headers["access-control-allow-origin"] == PAGE
    assert preflight("https://third.example") is None


def test_strangers_pages_are_looked_for_so_often_only() -> None:
    """Keys are read at most ten times in a fifth of a second, whatever pages ask; a known page costs no look."""
    looks = []
    known = KnownKey(Key("pk_1", "pk", "page", "2026-01-01T00:00:00Z", ("write",), (PAGE,)), b"", b"")

    def load() -> list[KnownKey]:
        looks.append(1)
        return [known]

    door = Doorkeeper(load)
    assert all(door.allows_origin(PAGE) for _ in range(50))
    assert len(looks) == 1
    started = time.monotonic()
    assert not any(door.allows_origin(f"https://s{number}.example") for number in range(500))
    assert 2 <= len(looks) <= 12 * (1 + (time.monotonic() - started) / SOON_S)


def test_webhooks_need_a_true_signature(new_collector: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Signed: stored as an outcome, once; unsigned, wrongly signed or old: 401; an unknown name: 404."""
    monkeypatch.setenv("EVALLOOP_WEBHOOK_GENERIC_SECRET", "s3cret")
    collector = new_collector("--webhook", "generic")
    body = json.dumps({"id": "t-1", "type": "ticket", "status": "success", "at": "2026-01-05T10:00:00Z",
                       "session_id": "s-1", "user_id": "ada"}).encode()

    def send(signature: str | None, name: str = "generic") -> httpx.Response:
        headers = {"content-type": "application/json"} | ({"x-evalloop-signature": signature} if signature else {})
        return httpx.post(f"{collector.url}/v1/webhooks/{name}", content=body, headers=headers)

    now = time.time()
    good = webhooks.sign("s3cret", body, now)
    assert [send(good).json()[status] for status in ("stored", "already")] == [1, 1]
    bad = (None, webhooks.sign("other", body, now), webhooks.sign("s3cret", body, now - 600), "t=1,v1=0", "x")
    assert [send(each).status_code for each in bad] == [401] * 5
    assert send(good, "other").status_code == 404
    with loop.open_events(collector.project) as store:
        event = next(store.events())
    assert event.event_type == "outcome.ticket"
    assert event.session_id == "s-1"
    assert event.user_key not in (None, "ada")

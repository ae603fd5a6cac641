"""Webhooks of a ticket system and a CRM, in the shapes that their documents show.

Zendesk: developer.zendesk.com/api-reference/webhooks/event-types/ticket-events (detail properties; status changed), its
signature: developer.zendesk.com/documentation/webhooks/verifying. HubSpot: developers.hubspot.com/docs/guides/api/app-
management/webhooks (a list of notifications), developers.hubspot.com/docs/guides/crm/private-apps/webhooks
(``object.propertyChange``), its signature v3: developers.hubspot.com/docs/api/webhooks/validating-requests.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import httpx
import pytest

from evalloop import loop
from evalloop.capture.webhooks import Webhook, mapping_of
from evalloop.records.times import now_text


def status_changed(previous: str, current: str, number: int = 1) -> dict[str, Any]:
    """A ticket of Zendesk that changed its status."""
    return {"account_id": 22129848, "type": "zen:event-type:ticket.status_changed", "id": f"2b24ef10-{number}",
            "subject": "zen:ticket:5158", "time": "2026-10-01T10:00:00.123456789Z",
            "zendesk_event_version": "2022-11-06",
            "event": {"previous": previous, "current": current},
            "detail": {"actor_id": "8447388090494", "assignee_id": "8447388090494", "brand_id": "8447346621310",
                       "created_at": "2026-10-01T09:00:00Z", "custom_status": "8447320465790", "description": "Help",
                       "external_id": "s-1", "form_id": "8646151517822", "group_id": "8447320466430", "id": "5158",
                       "is_public": True, "organization_id": "8447346622462", "priority": "LOW", "status": current,
                       "requester_id": "8447388090494", "subject": "Wrong answer", "submitter_id": "8447388090494",
                       "tags": [], "type": "TASK", "updated_at": "2026-10-01T10:00:00Z", "via": {"channel": "web"}}}


def deal_changed(stage: str, **fields: Any) -> dict[str, Any]:
    """A deal of HubSpot that came to a stage."""
    return {"eventId": 100, "subscriptionId": 1234, "portalId": 12345678, "appId": 98765,
            "occurredAt": 1790848800000, "subscriptionType": "deal.propertyChange", "attemptNumber": 0, "objectId": 77,
            "propertyName": "dealstage", "propertyValue": stage, "changeSource": "CRM_UI", **fields}


def outcomes(name: str, *items: dict[str, Any]) -> list[tuple[str, str]]:
    """Type and status of each event, after a look that their ids differ."""
    make = Webhook(name, mapping_of(name), "secret", b"salt").load()
    events = [event for item in items for event in make(item)]
    assert len({event["event_id"] for event in events}) == len(events)
    return [(event["event_type"], event["payload"]["status"]) for event in events]


@pytest.mark.parametrize(("previous", "current", "status"), [
    ("OPEN", "SOLVED", "success"), ("PENDING", "SOLVED", "success"), ("OPEN", "CLOSED", "success"),
    ("SOLVED", "CLOSED", None), ("SOLVED", "OPEN", "failure"), ("SOLVED", "PENDING", "failure"),
    ("NEW", "OPEN", None), ("OPEN", "DELETED", None)])
def test_a_ticket_is_solved_once_and_may_come_back(previous: str, current: str, status: str | None) -> None:
    """Solved is a success, what leaves it again a failure; closing a solved ticket says nothing new."""
    assert outcomes("zendesk", status_changed(previous, current)) == ([("outcome.ticket", status)] if status else [])


def test_a_deal_is_won_or_lost() -> None:
    """In both kinds of subscription; other objects, properties and stages give nothing; equal eventIds are no harm."""
    assert outcomes("hubspot", deal_changed("closedwon"), deal_changed("closedlost", objectId=78),
                    deal_changed("closedwon", subscriptionType="object.propertyChange", objectTypeId="0-3",
                                 objectId=79)) == [("outcome.deal", "success"), ("outcome.deal", "failure"),
                                                   ("outcome.deal", "success")]
    assert outcomes("hubspot", deal_changed("qualifiedtobuy"), deal_changed("closedwon", propertyName="amount"),
                    deal_changed("closedwon", subscriptionType="object.propertyChange", objectTypeId="0-1"),
                    deal_changed("closedwon", subscriptionType="contact.propertyChange")) == []


def test_their_own_signatures_are_checked(new_collector: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """As each of them signs: stored; with another secret: 401. HubSpot sends a list."""
    for name in ("ZENDESK", "HUBSPOT"):
        monkeypatch.setenv(f"EVALLOOP_WEBHOOK_{name}_SECRET", "s3cret")
    collector = new_collector("--webhook", "zendesk", "--webhook", "hubspot")

    def send(name: str, content: Any, secret: str) -> httpx.Response:
        address, body = f"{collector.url}/v1/webhooks/{name}", json.dumps(content)
        at = now_text() if name == "zendesk" else str(int(time.time() * 1000))
        signed = at + body if name == "zendesk" else f"POST{address}{body}{at}"
        signature = base64.b64encode(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest()).decode()
        headers = {"x-zendesk-webhook-signature": signature, "x-zendesk-webhook-signature-timestamp": at} \
            if name == "zendesk" else {"x-hubspot-signature-v3": signature, "x-hubspot-request-timestamp": at}
        return httpx.post(address, content=body, headers={**headers, "content-type": "application/json"})

    contents = {"zendesk": status_changed("OPEN", "SOLVED"), "hubspot": [deal_changed("closedwon")]}
    for name, content in contents.items():
        assert send(name, content, "other").status_code == 401
        assert send(name, content, "s3cret").json()["stored"] == 1
    with loop.open_events(collector.project) as store:
        assert {each.event_type for each in store.events()} == {"outcome.ticket", "outcome.deal"}
        assert [each.session_id for each in store.events() if each.event_type == "outcome.ticket"] == ["s-1"]

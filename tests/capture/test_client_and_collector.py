"""The Python client against the real collector: all it can say is stored; neither one's death loses or doubles it."""

from __future__ import annotations

import socket
import time

from evalloop import loop
from evalloop.capture import Client, Limits
from tests.conftest import start_collector


def stored(running):
    """The events in the collector's store."""
    with loop.open_events(running.project) as store:
        return list(store.events(folded=False))


def test_all_that_a_client_can_say_is_stored(collector, secret, tmp_path):
    """Every helper, as the collector's own checks see it; sent again, nothing is stored twice."""
    client = Client(collector.url, secret, salt="pepper", folder=tmp_path / "outbox", strict=True,
                    consent=["ops", "eval"], app="shop")
    about = {"session": "client-s", "user": "ann", "turn": 1, "segment": {"plan": "pro"}}
    with client.session(**about), client.generation(model="m", input="hello") as made:
        made.output = "hi"
    name = made.response_id
    vote = client.thumbs(name, 1, text="fine", reasons=["short"], **about)
    for sent in (client.rating(name, 4), client.choice(name, "x"), client.comment(name, "mail eve@example.com"),
                 client.correction(name, "42"), client.pairwise(name, "q"), client.retract(vote, name),
                 client.asked(name, "random", 0.1), client.viewed(name, visible_ms=10), client.copied(name, 3, 10),
                 client.shared(name), client.regenerated(name, "r2"), client.stopped(name, 5), client.shown(name),
                 client.accepted(name, 900), client.rejected(name), client.edited(name, 5000, similarity=0.5),
                 client.followup(name, "and?"), client.escalated(session="client-s"),
                 client.outcome("success", task="t"), client.outcome("won", "deal", value=3.5, session="client-s"),
                 client.judged(name, "polite", score=1.0)):
        assert sent
    assert client.flush(20)
    stats = client.stats()
    assert (stats["sent"], stats["refused"]) == (23, 0)
    mine = [each for each in stored(collector) if each.source.get("sdk", "").startswith("evalloop-python")
            and each.context.get("app") == "shop"]
    assert len(mine) == 23
    assert "eve@" not in str([each.to_dict() for each in mine])
    client.event("feedback.thumbs", {"value": 1}, response="twice", event_id="client-twice-1", at=1.0)
    client.event("feedback.thumbs", {"value": 1}, response="twice", event_id="client-twice-1", at=1.0)
    assert client.flush(20)
    assert sum(each.event_id == "client-twice-1" for each in stored(collector)) == 1
    client.close()


def test_a_collector_that_is_killed_and_started_again_has_everything_once(tmp_path):
    """kill -9 while events stream in; the client goes on when it is back, on the same store."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    running = start_collector(tmp_path / "store", "--port", str(port))
    client = Client(running.url, running.key(), folder=tmp_path / "outbox", limits=Limits(interval=0.02))
    for life in range(3):
        for number in range(150):
            client.thumbs(f"r{life}-{number}", 1)
            time.sleep(0.001)
        running.process.kill()
        running.process.wait(10)
        for number in range(50):
            client.thumbs(f"down{life}-{number}", -1)
        running = start_collector(tmp_path / "store", "--port", str(port))
    deadline = time.monotonic() + 30
    while not client.flush(1) and time.monotonic() < deadline:
        time.sleep(0.2)
    client.close()
    found = [each.response_id for each in stored(running)]
    running.stop()
    assert len(found) == len(set(found)) == 600

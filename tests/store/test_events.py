"""The event store: nothing twice, nothing changed, nothing lost."""

from __future__ import annotations

import os
import random
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalloop.errors import ConfigError
from evalloop.records.event import Event
from evalloop.store.body import row_of
from evalloop.store.events import Added, EventStore
from evalloop.store.inbox import write


def vote(number: int, value: int = 1, **fields: Any) -> Event:
    """A vote with an id of its own."""
    given = {"event_id": f"event-{number:05d}", "event_type": "feedback.thumbs",
             "occurred_at": f"2026-01-01T00:{number // 60 % 60:02d}:{number % 60:02d}.000000Z",
             "source": {"kind": "end_user"}, "subject": {"level": "response", "response_id": f"r{number}"},
             "payload": {"value": value}}
    return Event(**{**given, **fields})


@pytest.fixture
def store(tmp_path: Path) -> Iterator[EventStore]:
    """An empty store."""
    with EventStore(str(tmp_path / "state" / "events.sqlite")) as opened:
        yield opened


def test_same_id_and_body_is_accepted_and_not_stored_again(store: EventStore) -> None:
    """A retry does nothing."""
    assert store.add([vote(1)]) == Added(1, 0)
    assert store.add([vote(1), vote(1)]) == Added(0, 2)
    assert [event.event_id for event in store.events()] == ["event-00001"]


def test_same_id_other_body_is_a_conflict(store: EventStore) -> None:
    """The first body stays, the id of the second is returned, its neighbours are stored."""
    store.add([vote(1, 1)])
    assert store.add([vote(1, -1), vote(2)]) == Added(1, 0, ("event-00001",))
    assert [event.payload["value"] for event in store.events()] == [1, 1]


def test_conflict_within_one_call(store: EventStore) -> None:
    """Of two bodies under one id in one call the first is stored."""
    assert store.add([vote(1, 1), vote(1, -1), vote(1, 1)]) == Added(1, 1, ("event-00001",))
    assert store.add([vote(1, 1), vote(1, -1)]) == Added(0, 1, ("event-00001",))


def test_time_of_receipt_is_the_stores_own(store: EventStore) -> None:
    """``received_at`` is set here and is not part of the body."""
    store.add([vote(1, received_at="1999-01-01T00:00:00Z")])
    assert store.add([vote(1, received_at="2001-01-01T00:00:00Z")]) == Added(0, 1)
    received = next(store.events()).received_at
    assert received is not None
    assert received > "2026"


def test_events_come_back_whole_and_by_time(store: EventStore) -> None:
    """What went in comes out, in the order of time, not of arrival."""
    events = [vote(3, links={"siblings": ["a"]}), vote(1, consent={"basis": "none", "purposes": []}), vote(2)]
    store.add(events)
    found = [replace(event, received_at=None).to_dict() for event in store.events()]
    assert found == [event.to_dict() for event in sorted(events, key=lambda event: event.event_id)]


@pytest.mark.parametrize("early", [True, False])
def test_superseded_and_retracted_events_are_folded_away(store: EventStore, early: bool) -> None:
    """Whichever comes first, the fact or what replaces it, only the last state is read; all stay stored."""
    facts = [vote(1, 1), vote(2, 1), vote(3, 1)]
    changes = [vote(11, -1, links={"supersedes": "event-00001"}),
               vote(12, event_type="feedback.retracted", payload={}, links={"retracts": "event-00002"})]
    for group in ([changes, facts] if early else [facts, changes]):
        store.add(group)
    assert [event.event_id for event in store.events()] == ["event-00003", "event-00011", "event-00012"]
    assert sum(store.count().values()) == len(list(store.events(folded=False))) == 5


def test_chain_of_changes_leaves_the_last(store: EventStore) -> None:
    """A vote changed twice is one vote; undoing the second leaves none."""
    store.add([vote(1), vote(2, links={"supersedes": "event-00001"}), vote(3, links={"supersedes": "event-00002"})])
    assert [event.event_id for event in store.events()] == ["event-00003"]
    store.add([vote(4, event_type="feedback.retracted", payload={}, links={"retracts": "event-00003"})])
    assert [event.event_type for event in store.events()] == ["feedback.retracted"]


@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_any_way_of_sending_gives_the_same_store(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Doubled, shuffled and split into calls of any size: the same rows, each once."""
    events = [vote(number, data.draw(st.sampled_from([-1, 1]))) for number in range(data.draw(st.integers(1, 12)))]
    sent = events + data.draw(st.lists(st.sampled_from(events), max_size=12))
    random.Random(data.draw(st.integers(0, 99))).shuffle(sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(sent)), max_size=4)))
    with EventStore(str(tmp_path_factory.mktemp("store") / "e.sqlite")) as store:
        total = Added()
        for start, end in zip([0, *cuts], [*cuts, len(sent)], strict=True):
            total += store.add(sent[start:end])
        assert total == Added(len(events), len(sent) - len(events))
        assert [event.event_id for event in store.events()] == [event.event_id for event in events]


def test_more_than_one_group(store: EventStore) -> None:
    """Calls larger than one commit are counted as a whole."""
    events = [vote(number) for number in range(2500)]
    assert store.add(iter(events)) == Added(2500)
    assert store.add(events[::-1]) == Added(0, 2500)


def test_two_writers_at_once_store_each_event_once(tmp_path: Path) -> None:
    """Concurrent writers of the same events share them out; nothing is lost or doubled."""
    place = str(tmp_path / "e.sqlite")
    events = [vote(number) for number in range(300)]

    def send(seed: int) -> Added:
        mine = random.Random(seed).sample(events, len(events))
        with EventStore(place) as store:
            return sum((store.add(mine[start:start + 50]) for start in range(0, 300, 50)), Added())

    with EventStore(place), ThreadPoolExecutor(3) as pool:
        results = list(pool.map(send, range(3)))
    assert sum(result.stored for result in results) == 300
    assert sum(result.already for result in results) == 600
    with EventStore(place) as store:
        assert sum(store.count().values()) == 300


WRITER = """
import sys
from tests_vote import vote
from evalloop.store.events import EventStore
store = EventStore(sys.argv[1])
for start in range(0, 10**6, 10):
    store.add([vote(number) for number in range(start, start + 10)])
    print(start + 10, flush=True)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_acknowledged_events_survive_a_kill(tmp_path: Path) -> None:
    """What ``add`` counted is there after kill -9 in the middle of the next group."""
    source = Path(__file__).read_text(encoding="utf-8")
    start = source.index("def vote(")
    head = "from typing import Any\nfrom evalloop.records.event import Event\n"
    (tmp_path / "tests_vote.py").write_text(head + source[start:source.index("@pytest.fixture")])
    path = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path / "e.sqlite")], stdout=subprocess.PIPE,
                              text=True, env={**os.environ, "PYTHONPATH": path})
    assert writer.stdout is not None
    told = [int(writer.stdout.readline()) for _ in range(5)][-1]
    writer.kill()
    rest, _ = writer.communicate(timeout=30)
    told = max([told, *map(int, rest.split()[:-1])])
    with EventStore(str(tmp_path / "e.sqlite")) as store:
        found = [event.event_id for event in store.events()]
    assert found[:told] == [f"event-{number:05d}" for number in range(told)]


@pytest.mark.skipif(os.name != "posix", reason="needs file modes")
def test_the_file_is_its_owners(tmp_path: Path) -> None:
    """Events are private: nobody else can read the file or its folder."""
    place = tmp_path / "state" / "e.sqlite"
    with EventStore(str(place)) as store:
        store.add([vote(1)])
        modes = {stat.S_IMODE(each.stat().st_mode) & 0o077 for each in [place.parent, *place.parent.iterdir()]}
    assert modes == {0}


def test_address_that_cannot_be_opened_is_a_config_error(tmp_path: Path) -> None:
    """A wrong address names the setting."""
    (tmp_path / "e.sqlite").write_text("this is not a database, whatever its name says" * 100)
    for address in ("nonsense://x", str(tmp_path / "e.sqlite")):
        with pytest.raises(ConfigError, match="store"):
            EventStore(address)


def test_store_of_a_later_layout_is_refused(tmp_path: Path) -> None:
    """A file that another version wrote is not touched."""
    import sqlite3

    place = str(tmp_path / "e.sqlite")
    EventStore(place).close()
    with sqlite3.connect(place) as connection:
        connection.execute("UPDATE layout SET version = 99")
    with pytest.raises(ConfigError, match="layout 99"):
        EventStore(place)


def test_a_page_waits_for_those_who_write(postgres_address: str) -> None:
    """On PostgreSQL an event with a smaller number may be committed after one with a greater: no page leaves it out."""
    with EventStore(postgres_address) as store, ThreadPoolExecutor(1) as other:
        with store.engine.begin() as slow:
            write(slow, [row_of(vote(1).to_dict(), "2026-01-05T10:00:00.000000Z")])
            store.add([vote(2)])
            page = other.submit(store.page, 0, 10)
            with pytest.raises(TimeoutError):
                page.result(timeout=0.5)
        assert [event["event_id"] for event in page.result(timeout=30)[0]] == ["event-00001", "event-00002"]

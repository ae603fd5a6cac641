"""The lake and its drain: each event once, whole, whatever is killed when."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evalloop.records.event import Event
from evalloop.store import columns
from evalloop.store.body import row_of
from evalloop.store.drain import drain
from evalloop.store.lake import Folder
from evalloop.store.log import EventLog

TODAY = datetime(2026, 1, 9, tzinfo=UTC)
Open = Callable[[], EventLog]


def act(number: int, day: int = 1, **fields: Any) -> Event:
    """An event with an id of its own."""
    given = {"event_id": f"event-{number:05d}", "event_type": "signal.copied",
             "occurred_at": f"2026-01-{day:02d}T00:{number // 60 % 60:02d}:{number % 60:02d}.000000Z",
             "source": {"kind": "end_user"}, "subject": {"level": "response", "response_id": f"r{number}"},
             "actor": {"user_key": f"u{number % 7}", "segment": {"plan": "pro", "seats": 3}},
             "payload": {"chars": number, "total": 100}}
    return Event(**{**given, **fields})


@pytest.fixture
def log(store_address: str, tmp_path: Path) -> Iterator[EventLog]:
    """An empty log."""
    with EventLog(store_address, str(tmp_path / "lake")) as opened:
        yield opened


def held(log: EventLog) -> list[dict[str, Any]]:
    """All events of the log, without their time of receipt."""
    return sorted(({**event.to_dict(), "received_at": ""} for event in log.events()), key=lambda row: row["event_id"])


def as_held(*events: Event) -> list[dict[str, Any]]:
    """The same of events at hand."""
    return sorted(({**event.to_dict(), "received_at": ""} for event in events), key=lambda row: row["event_id"])


def test_settled_days_move_and_the_rest_stays(log: EventLog) -> None:
    """Days that ended long enough ago become files by day; the log is the same before and after."""
    events = [act(number, day) for number, day in enumerate((1, 1, 2, 7, 8, 9))]
    log.store.add(events)
    done = log.drain(2, today=TODAY)
    assert (done.moved, done.parts, done.days) == (4, 3, 3)
    assert [(part.day, part.rows) for part in log.lake.parts()] == [("2026-01-01", 2), ("2026-01-02", 1),
                                                                   ("2026-01-07", 1)]
    assert sum(log.store.count().values()) == 2
    assert held(log) == as_held(*events)
    assert log.count() == 6
    assert log.drain(2, today=TODAY).moved == 0


def test_late_events_become_another_part(log: EventLog) -> None:
    """What comes after its day was moved is a new file of that day."""
    log.store.add([act(1)])
    log.drain(2, today=TODAY)
    log.store.add([act(2)])
    assert held(log) == as_held(act(1), act(2))
    assert log.drain(2, today=TODAY).moved == 1
    assert [part.day for part in log.lake.parts()] == ["2026-01-01"] * 2
    assert held(log) == as_held(act(1), act(2))


def test_event_sent_again_after_its_day_was_moved_is_not_doubled(log: EventLog) -> None:
    """The inbox has forgotten the id, the lake has not; another body under the id is never read."""
    log.store.add([act(1), act(2)])
    log.drain(2, today=TODAY)
    log.store.add([act(1), act(2, payload={"chars": 7})])
    assert held(log) == as_held(act(1), act(2))
    done = log.drain(2, today=TODAY)
    assert (done.moved, done.already, done.conflicts) == (0, 1, ("event-00002",))
    assert held(log) == as_held(act(1), act(2))


def test_each_part_is_read_once_whatever_waits(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """A day without parts is drained without looking into the lake; a whole day sent again costs one look at each
    part, for ids and for bodies, in whatever order it comes."""
    reads: list[str] = []
    real = Folder.read
    monkeypatch.setattr(Folder, "read", lambda self, path, names=None: (reads.append(path), real(self, path, names))[1])
    events = [act(number) for number in range(40)]
    log.store.add(events)
    assert drain(log.lake, log.store.table, "2026-01-08", chunk=5).parts == 8
    assert not reads
    log.store.add([*events[::-3], *events[1::3], *events[2::3], act(99)])
    done = drain(log.lake, log.store.table, "2026-01-08", chunk=5)
    assert (done.already, done.moved, done.parts) == (40, 1, 1)
    assert sorted(reads) == sorted([part.path for part in log.lake.parts() if part.rows == 5] * 2)
    assert held(log) == as_held(*events, act(99))


def test_event_sent_again_while_its_day_is_moved_is_not_doubled(log: EventLog) -> None:
    """What arrives during a drain is left for the next, which knows it."""
    events = [act(number) for number in range(6)]
    log.store.add(events)

    def watch(step: str, rows: int) -> None:
        if step == "committed":
            log.store.add([act(1), act(7)])

    first = drain(log.lake, log.store.table, "2026-01-08", chunk=3, progress=watch)
    assert (first.moved, first.already) == (6, 0)
    assert held(log) == as_held(*events, act(7))
    second = drain(log.lake, log.store.table, "2026-01-08", chunk=3)
    assert (second.moved, second.already) == (1, 1)
    assert held(log) == as_held(*events, act(7))


def test_log_read_while_a_drain_ends_is_whole(log: EventLog, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts and inbox are of one moment: a drain between the two readings hides nothing and doubles nothing."""
    log.store.add([act(1), act(2)])
    real = log.lake.parts

    def then_drained(*given: Any) -> Any:
        found = real(*given)
        monkeypatch.setattr(log.lake, "parts", real)
        with EventLog(log.store.address, log.lake.folder.address) as other:
            assert other.drain(2, today=TODAY).moved == 2
        return found

    monkeypatch.setattr(log.lake, "parts", then_drained)
    assert held(log) == as_held(act(1), act(2))


def test_columns_hold_what_analysis_needs(log: EventLog, tmp_path: Path) -> None:
    """Ids, segments, consent and payload values are columns; times are microseconds in UTC, files zstd by day."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    log.store.add([act(1, consent={"basis": "consent", "purposes": ["eval"]})])
    log.drain(2, today=TODAY)
    (path,) = log.lake.addresses()
    assert Path(path).parent == tmp_path / "lake" / "events" / "day=2026-01-01"
    (row,) = pq.read_table(path, partitioning=None).to_pylist()
    assert (row["chars"], row["total"], row["user_key"]) == (1, 100, "u1")
    assert dict(row["segment"]) == {"plan": "pro", "seats": "3"}
    assert (row["may_eval"], row["may_ops"], row["may_training"]) == (True, False, False)
    file = pq.ParquetFile(path)
    assert file.schema_arrow.field("occurred_at").type == pa.timestamp("us", tz="UTC")
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert os.name != "posix" or Path(path).stat().st_mode & 0o077 == 0


def test_lake_may_be_object_storage(tmp_path: Path) -> None:
    """Any address of fsspec works like a folder."""
    with EventLog(str(tmp_path / "events.sqlite"), f"memory://lake-{tmp_path.name}") as log:
        log.store.add([act(1), act(2, 2)])
        assert log.drain(2, today=TODAY).parts == 2
        assert held(log) == as_held(act(1), act(2, 2))
        assert len(log.lake.folder.files("events/*/*.parquet")) == 2


def test_erasing_a_user_rewrites_only_his_parts(log: EventLog) -> None:
    """Rows of one user leave the lake for good; other parts keep their files."""
    import pyarrow.compute as pc

    log.store.add([act(1, 1), act(2, 1), act(1 + 7, 2), act(3, 3)])
    log.drain(2, today=TODAY)
    before = set(log.lake.addresses())

    def others(table: Any) -> Any:
        own = pc.equal(table.column("user_key"), "u1")
        return table.filter(pc.invert(own)) if pc.any(own).as_py() else None

    assert log.lake.rewrite(others) == 2
    assert held(log) == as_held(act(2, 1), act(3, 3))
    assert len(before & set(log.lake.addresses())) == 1
    assert sorted(log.lake.folder.files("events/*/*.parquet")) == [part.path for part in log.lake.parts()]


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)
JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=6)


@settings(max_examples=60, deadline=None)
@given(payload=st.dictionaries(st.sampled_from(["value", "chars", "text", "status", "input", "output", "success", "x"]),
                               JSON), text=TEXT)
def test_any_event_is_rebuilt_exactly(payload: dict[str, Any], text: str) -> None:
    """Whatever a payload holds, columns are made and the event comes back as it was."""
    event = act(1, payload=payload, context={"release": text}, event_type="generation.completed")
    table = columns.arrow([(row_of(event.to_dict(), "").body, "2026-01-01T00:00:00.000000Z")])
    assert [each.to_dict() for each in columns.rebuilt(table)] == [
        {**event.to_dict(), "received_at": "2026-01-01T00:00:00.000000Z"}]
    assert table.column("release").to_pylist() == [text]


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_way_of_sending_and_draining_gives_the_same_log(tmp_path_factory: pytest.TempPathFactory,
                                                            data: st.DataObject) -> None:
    """Doubled, shuffled, late and split, with drains in between: each event once."""
    events = [act(number, data.draw(st.integers(1, 4))) for number in range(data.draw(st.integers(1, 10)))]
    sent = data.draw(st.permutations(events + data.draw(st.lists(st.sampled_from(events), max_size=8))))
    folder = tmp_path_factory.mktemp("log")
    with EventLog(str(folder / "e.sqlite"), str(folder / "lake")) as log:
        for start in range(0, len(sent), 3):
            log.store.add(sent[start:start + 3])
            if data.draw(st.booleans()):
                drain(log.lake, log.store.table, "2026-01-08", chunk=data.draw(st.integers(1, 4)))
        assert held(log) == as_held(*events)


STEPS = ("announced", "written", "named", "deleted", "listed", "committed")
DRAIN = """
import os, signal, sys
from datetime import UTC, datetime
from evalloop.store.log import EventLog
place, lake, step, number = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
seen = []
def watch(name, rows):
    seen.append(name)
    if seen.count(step) > number:
        os.kill(os.getpid(), signal.SIGKILL)
EventLog(place, lake).drain(2, today=datetime(2026, 1, 9, tzinfo=UTC), progress=watch)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs kill -9")
def test_kill_at_any_step_loses_and_doubles_nothing(store_address: str, log: EventLog, tmp_path: Path) -> None:
    """kill -9 at each step of a part, and between two: the log is whole at once, and the next drain ends it."""
    events = []
    for round_, (step, number) in enumerate([*((step, 0) for step in STEPS), ("committed", 1)]):
        fresh = [act(round_ * 10 + number, 1 + number % 3) for number in range(6)]
        log.store.add([*fresh, *events[::2]])  # and some that are in the lake already
        events += fresh
        killed = subprocess.run([sys.executable, "-c", DRAIN, store_address, str(tmp_path / "lake"), step, str(number)],
                                capture_output=True, text=True, timeout=60, check=False)
        assert killed.returncode == -signal.SIGKILL, killed.stderr
        assert held(log) == as_held(*events), f"after a kill at {step}"
    log.drain(2, today=TODAY)
    assert held(log) == as_held(*events)
    assert sum(log.store.count().values()) == 0
    assert sum(part.rows for part in log.lake.parts()) == len(events)
    log.drain(2, today=datetime(2036, 1, 1, tzinfo=UTC))
    files = Folder(str(tmp_path / "lake")).files("events/*/*") + [
        str(each) for each in (tmp_path / "lake" / "events").rglob(".*.tmp")]
    assert sorted(files) == [part.path for part in log.lake.parts()], "unfinished files are taken away"

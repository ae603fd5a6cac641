"""The outbox: lines come out as they went in, whatever happens to the process or the disk."""

from __future__ import annotations

import os
import subprocess
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from evalloop.store.outbox import SEGMENT_BYTES, Outbox

LINES = st.lists(st.binary(min_size=1, max_size=60).filter(lambda line: b"\n" not in line), max_size=12)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(LINES, st.integers(1, 9), st.integers(1, 120), st.booleans()), max_size=8))
def test_lines_come_out_once_and_in_order(tmp_path_factory, steps):
    """Any mix of adding, taking a part, and ending the process."""
    folder = tmp_path_factory.mktemp("outbox")
    outbox, expected, taken = Outbox(folder), [], []
    for lines, limit, size, restart in steps:
        assert outbox.append(lines) == len(lines)
        expected += lines
        found = outbox.peek(limit, size)
        assert len(found) <= limit
        assert found or not len(outbox)
        outbox.advance(len(found))
        taken += found
        if restart and not len(outbox):
            outbox.close()
            outbox = Outbox(folder)
    while found := outbox.peek(100):
        outbox.advance(len(found))
        taken += found
    assert taken == expected
    outbox.close()
    assert not list(folder.glob("*.ndjson"))


def test_what_waits_is_adopted_by_the_next_and_a_torn_line_is_cut(tmp_path):
    """A process that was killed within a line leaves the lines before it."""
    first = Outbox(tmp_path)
    first.append([b"one", b"two"])
    first.close()
    (path,) = tmp_path.glob("*.ndjson")
    path.write_bytes(path.read_bytes() + b"thr")
    second = Outbox(tmp_path)
    assert second.adopt() == 2
    assert second.peek(10) == [b"one", b"two"]
    second.append([b"four"])
    second.advance(2)
    assert second.peek(10) == [b"four"]


def test_the_file_of_a_living_process_is_left_alone(tmp_path):
    """Its lock is free when it ends, however it ends."""
    code = ("import sys, time; from pathlib import Path; from evalloop.store.outbox import Outbox\n"
            "box = Outbox(Path(sys.argv[1])); box.append([b'x']); print('on', flush=True); time.sleep(60)")
    child = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    child.stdout.readline()
    outbox = Outbox(tmp_path)
    assert outbox.adopt() == 0
    child.kill()
    child.communicate()
    assert outbox.adopt() == 1


def test_long_outboxes_use_several_files_that_go_one_by_one(tmp_path):
    """A file is closed at its limit and removed when its lines were taken."""
    outbox = Outbox(tmp_path)
    line = b"x" * 100_000
    outbox.append([line] * 90)
    assert len(list(tmp_path.glob("*.ndjson"))) == 90 * 100_001 // SEGMENT_BYTES + 1
    while found := outbox.peek(50, 10_000_000):
        outbox.advance(len(found))
    assert len(list(tmp_path.glob("*.ndjson"))) == 1
    assert sum(path.stat().st_size for path in tmp_path.glob("*.ndjson")) == 0


def test_limits_refuse_and_say_how_many_were_kept(tmp_path):
    """The folder's limit counts what other processes left there too."""
    (tmp_path / "other.ndjson").write_bytes(b"y" * 500 + b"\n")
    holder = Outbox(tmp_path)
    holder.adopt()
    outbox = Outbox(tmp_path, max_bytes=1000)
    outbox.adopt()
    assert outbox.append([b"z" * 99] * 10) == 4
    assert Outbox(None, max_memory=1000).append([b"z" * 99] * 20) == 10


def test_a_full_disk_leaves_no_half_line(tmp_path, monkeypatch):
    """The write that failed is cut off; lines go to memory and come out in order."""
    outbox = Outbox(tmp_path)
    outbox.append([b"first"])
    segment = outbox._segments[0]
    real = segment.file

    class Full:
        def __getattr__(self, name):
            return getattr(real, name)

        def write(self, data):
            real.write(bytes(data)[:2])
            raise OSError(28, "No space left on device")

    segment.file = Full()
    assert outbox.append([b"second"]) == 1
    assert "No space left" in outbox.fault
    segment.file = real
    assert outbox.append([b"third"]) == 1
    (path, *_) = sorted(tmp_path.glob("*.ndjson"), key=os.path.getmtime)
    assert path.read_bytes() == b"first\n"
    found = []
    while lines := outbox.peek(10):
        outbox.advance(len(lines))
        found += lines
    assert found == [b"first", b"second", b"third"]

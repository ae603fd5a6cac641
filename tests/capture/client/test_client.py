"""The Python client: what a product hands over arrives, once, whole, masked, and never at the product's cost."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import logging
import multiprocessing
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from evalloop.capture import Client, Limits
from evalloop.capture.client import event_id
from evalloop.capture.importing import problems
from tests.capture.client.conftest import start

CONSENT = ("ops", "analytics", "eval")


def test_every_helper_makes_an_event_that_is_valid(make_client, collector, monkeypatch):
    """Each method of the client gives an id, and its event fits the schema of its type."""
    made = []
    client = make_client()
    monkeypatch.setattr(client._sender, "put", made.append)
    about = {"session": "s", "user": "u", "turn": 2, "segment": {"plan": "pro"}, "consent": CONSENT,
             "context": {"variant": "b"}}
    vote = client.thumbs("r", 1, text="fine", reasons=["short"], **about)
    ids = [vote, client.thumbs("r", False, supersedes=vote), client.rating("r", 4), client.choice("r", "wrong"),
           client.comment("r", "too long"), client.correction("r", "42"), client.pairwise("r", "q", tie=False),
           client.retract(vote, "r"), client.asked("r", "random", 0.1), client.viewed("r", visible_ms=10),
           client.copied("r", 3, 10), client.shared("r"), client.regenerated("r", "r2"), client.stopped("r", 5),
           client.shown("r"), client.accepted("r", 900), client.rejected("r"), client.edited("r", 5000, similarity=0.5),
           client.followup("r", "and?"), client.escalated(session="s"), client.outcome("success", task="t"),
           client.outcome("won", "deal", value=3.5, session="s"), client.judged("r", "polite", score=1.0)]
    assert len(set(ids)) == len(ids) == len(made)
    from evalloop.capture.client.events import make

    events = [make(each, b"pepper") for each in made]
    assert [list(problems(event)) for event in events] == [[]] * len(events)
    assert events[0]["payload"] == {"value": 1, "text": "fine", "reasons": ["short"]}
    assert events[1]["payload"]["value"] == -1
    assert events[1]["links"] == {"supersedes": vote}
    assert events[12]["links"] == {"regenerate_of": "r"}
    assert events[12]["subject"]["response_id"] == "r2"


def test_a_generation_and_its_vote_arrive_together(client, collector):
    """The with block reports question, answer, model and times; the vote names the same response."""
    messages = [{"role": "user", "content": "what is 2+2?"}]
    with client.session("s1", user="ann", consent=CONSENT), \
            client.generation(model="m", input=messages, context={"variant": "b"}) as generation:
        messages.append({"role": "user", "content": "later"})
        generation.output = "4"
        generation.usage = {"total_tokens": 7}
    client.thumbs(generation.response_id, 1, session="s1", user="ann")
    assert client.flush()
    made, vote = collector.events()
    assert made["payload"]["input"] == {"messages": [{"role": "user", "content": "what is 2+2?"}]}
    assert made["payload"]["output"] == {"messages": [{"role": "assistant", "content": "4"}]}
    assert made["context"] == {"variant": "b", "model_requested": "m"}
    assert made["consent"] == {"basis": "consent", "purposes": ["analytics", "eval", "ops"]}
    assert made["subject"] == {"level": "response", "response_id": generation.response_id, "session_id": "s1"}
    assert vote["subject"] == made["subject"]
    assert vote["actor"] == made["actor"]
    assert collector.state()["keys"][0] == "Bearer sk_test"
    assert client.last_response() == generation.response_id


def test_users_leave_only_as_a_hash(client, make_client, collector, tmp_path):
    """HMAC-SHA256 with the salt, as the importers make it; without a salt the user is left out."""
    client.thumbs("r1", 1, user="ann@example.com")
    bare = make_client(salt="", folder=tmp_path / "bare")
    bare.thumbs("r2", 1, user="ann@example.com")
    assert client.flush()
    assert bare.flush()
    first, second = collector.events()
    assert first["actor"] == {"user_key": hmac.new(b"pepper", b"ann@example.com", hashlib.sha256).hexdigest()}
    assert first["actor"]["user_key"] == client.user_key("ann@example.com")
    assert second["actor"] == {"anon": True}
    assert bare.stats()["users_left_out"] == 1


def test_personal_data_is_masked_before_it_touches_the_disk(make_client, tmp_path):
    """Neither the outbox nor the wire holds an address that a comment or an answer had."""
    client = make_client(url="http://127.0.0.1:9")
    client.comment("r", "write to eve@example.com", segment={"mail": "eve@example.com"})
    with client.generation(input="I am eve@example.com") as generation:
        generation.output = {"role": "assistant", "content": [{"type": "text", "text": "hi eve@example.com"}]}
    assert not client.flush(1)
    stored = b"".join(path.read_bytes() for path in (tmp_path / "outbox").glob("*.ndjson"))
    assert stored.count(b"[email]") == 4
    assert b"eve@" not in stored


def test_ids_are_version_7_and_sort_by_time():
    """Version and variant bits, unique, in the order of their millisecond."""
    ids = []
    for _ in range(5):
        ids.append(event_id())
        time.sleep(0.002)
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", x) for x in ids)
    assert ids == sorted(ids)
    assert abs(int(ids[0].replace("-", "")[:12], 16) / 1000 - time.time()) < 60
    assert len({event_id() for _ in range(10_000)}) == 10_000


def test_ids_differ_after_a_fork_and_a_seed():
    """Two processes of one origin, and a product that seeds the shared generator, make different ids."""
    import random

    def ids():
        random.seed(1)
        return {event_id()[14:] for _ in range(50)}

    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, json.dumps(sorted(ids())).encode())
        os._exit(0)
    os.waitpid(child, 0)
    assert not ids() & ids()
    assert not ids() & set(json.loads(os.read(read, 100_000)))


def test_errors_of_the_client_never_reach_the_product(make_client, collector, caplog):
    """Wrong arguments, objects that cannot be copied and unknown types are counted; good events still arrive."""
    class Wild:
        def __str__(self):
            raise RuntimeError("no text")

    client = make_client(strict=False)
    with caplog.at_level(logging.WARNING, "evalloop.capture"):
        assert client.thumbs("r", 3) == ""
        assert client.thumbs() == ""
        assert client.comment("r", Wild()) == ""
        with client.generation(input=Wild()) as generation:
            generation.output = Wild()
        client.event("no.such.type", response="r")
        client.thumbs("r", 1, text=float("nan"))
        assert client.flush()
    stats = client.stats()
    assert (stats["errors"], stats["refused"], stats["sent"]) == (5, 1, 1)
    assert "a vote is 1 or -1" in caplog.text
    with pytest.raises(ValueError, match="a vote"):
        make_client().thumbs("r", 3)


def test_an_exception_of_the_product_passes_through(client, collector):
    """The generation is reported with the error, and the error goes on."""
    with pytest.raises(ZeroDivisionError), client.generation(model="m"):
        raise ZeroDivisionError
    assert client.flush()
    (made,) = collector.events()
    assert (made["payload"]["finish_reason"], made["payload"]["error"]) == ("error", "ZeroDivisionError")


def test_the_decorator_reports_every_kind_of_function(client, collector):
    """Plain, async, generator and async generator: results unchanged, one generation each."""
    @client.trace
    def answer(question):
        return question.upper()

    @client.trace(model="m")
    async def answer_later(question, tone="kind"):
        return f"{question} {tone}"

    @client.trace
    def pieces(question):
        yield from question

    @client.trace
    async def pieces_later(question):
        for piece in question:
            yield piece

    async def all_of_them():
        return await answer_later("b"), [piece async for piece in pieces_later("dd")]

    assert answer("a") == "A"
    assert asyncio.run(all_of_them()) == ("b kind", ["d", "d"])
    assert list(pieces("cc")) == ["c", "c"]
    assert client.flush()
    made = collector.events("generation.completed")
    outputs = {each["context"]["surface"]: each["payload"]["output"]["messages"][0]["content"] for each in made}
    assert outputs == {"answer": "A", "answer_later": "b kind", "pieces": "cc", "pieces_later": "dd"}
    assert made[0]["payload"]["input"]["messages"] == [{"role": "user", "content": "a"}]
    assert all("first_token_ms" in each["payload"] for each in made if each["context"]["surface"].startswith("pieces"))


def test_async_code_is_served_without_blocking(make_client, collector):
    """Sessions of tasks do not mix, and aflush and async with work."""
    async def one(client, name):
        with client.session(name):
            await asyncio.sleep(0)
            async with client.generation() as generation:
                await asyncio.sleep(0.01)
                generation.output = name
            assert client.last_response() == generation.response_id

    async def main():
        async with make_client() as client:
            await asyncio.gather(*(one(client, f"s{number}") for number in range(20)))
            assert await client.aflush()

    asyncio.run(main())
    pairs = {(each["subject"]["session_id"], each["payload"]["output"]["messages"][0]["content"])
             for each in collector.events()}
    assert pairs == {(f"s{number}", f"s{number}") for number in range(20)}


def test_batches_are_bounded_and_packed(make_client, collector):
    """200 events go in batches of at most 50, in order, and the connection is kept."""
    client = make_client()
    for number in range(200):
        client.comment(f"r{number:03d}", "word " * 20)
    assert client.flush()
    state = collector.state()
    assert [each["subject"]["response_id"] for each in state["events"]] == [f"r{number:03d}" for number in range(200)]
    assert 4 <= state["requests"] <= 8


def test_events_wait_on_disk_while_the_collector_is_away_and_are_replayed(make_client, tmp_path):
    """Nothing is lost between two lives of a collector on one port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    client = make_client(url=f"http://127.0.0.1:{port}")
    for number in range(120):
        client.thumbs(f"r{number}", 1)
    assert not client.flush(2)
    assert client.stats()["waiting"] == 120
    collector = start(port)
    try:
        deadline = time.monotonic() + 10
        while client.stats()["waiting"] and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(collector.events()) == 120
        client.close()
        assert not list((tmp_path / "outbox").glob("*.ndjson"))
    finally:
        collector.stop()


def test_a_busy_collector_is_left_alone_as_long_as_it_asks(client, collector):
    """503 with Retry-After: no request before that, then all events arrive."""
    collector.mode(status=503, retry_after=1.2, times=1)
    began = time.monotonic()
    client.thumbs("r", 1)
    assert not client.flush(1)
    assert not client.flush(0.3)
    assert collector.state()["requests"] == 1
    while client.stats()["waiting"] and time.monotonic() < began + 10:
        time.sleep(0.05)
    assert time.monotonic() - began >= 1.1
    assert len(collector.events()) == 1
    assert client.stats()["retries"] == 1


@pytest.mark.parametrize("status", [401, 403, 500, 429])
def test_no_answer_but_a_refusal_of_the_events_loses_them(make_client, collector, tmp_path, status):
    """A wrong key, an error or a limit leaves events in the outbox for the next client."""
    collector.mode(status=status)
    client = make_client()
    client.thumbs("r", 1)
    assert not client.flush(1)
    client.close(0.2)
    collector.mode()
    again = make_client()
    again.thumbs("q", 1)
    assert again.flush()
    assert {each["subject"]["response_id"] for each in collector.events()} == {"r", "q"}
    assert again.stats()["adopted"] == 1


def test_a_batch_that_is_too_large_is_halved_and_one_event_that_is_refused_is_kept_beside(make_client, collector,
                                                                                       tmp_path):
    """413: smaller batches; the single event that cannot pass is counted and written to a file, the others arrive."""
    collector.mode(max_body=4000)
    client = make_client(strict=False)
    for number in range(20):
        client.comment(f"r{number}", "x" * (6000 if number == 7 else 300))
    assert client.flush(10)
    assert len(collector.events()) == 19
    assert client.stats()["refused"] == 1
    (kept,) = (tmp_path / "outbox" / "refused.jsonl").read_text().splitlines()
    assert json.loads(kept)["subject"]["response_id"] == "r7"


def test_memory_is_bounded_and_what_is_dropped_is_counted(make_client):
    """With a full queue, and without a disk, events are dropped and counted; the product is not held up."""
    client = make_client(url="http://127.0.0.1:9", folder=None,
                         limits=Limits(queue=100, memory_bytes=50_000, event_bytes=10_000), strict=False)
    client.comment("r", "y" * 8000)
    client.thumbs("big", 1, reasons=["z" * 20_000])
    began = time.monotonic()
    for number in range(3000):
        client.thumbs(f"r{number}", 1)
    assert time.monotonic() - began < 2
    client.flush(0.5)
    stats = client.stats()
    assert stats["too_large"] == 1
    assert stats["dropped"] > 2000
    assert stats["captured"] + stats["dropped"] + stats["too_large"] == 3002
    assert stats["waiting"] == stats["captured"]


def test_a_disk_that_fails_is_no_loss_while_there_is_memory(make_client, collector, tmp_path):
    """A folder that cannot be made: events wait in memory and arrive; stats says why."""
    (tmp_path / "file").write_text("not a folder")
    client = make_client(folder=tmp_path / "file" / "outbox")
    collector.mode(status=503, times=1, retry_after=0.1)
    client.thumbs("r", 1)
    client.flush(1)
    assert "waiting in memory" in client.stats()["outbox"]
    time.sleep(0.2)
    assert client.flush()
    assert len(collector.events()) == 1


def run(code, *arguments, kill_after=None, timeout=30):
    """A product in a process of its own; killed hard when it has printed a line, if asked."""
    process = subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    if kill_after is not None:
        time.sleep(kill_after)
        process.kill()
    process.communicate(timeout=timeout)
    return line


PRODUCT = """
import sys, time
from evalloop.capture import Client, Limits
url, folder, first, count = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
client = Client(url, "sk", folder=folder, limits=Limits(interval=0.05))
for number in range(first, first + count):
    client.thumbs(f"r{number}", 1)
print("done", flush=True)
"""


def test_a_killed_process_loses_nothing_that_was_on_the_disk(make_client, collector, tmp_path):
    """kill -9 while the collector is away: the next process sends what the dead one left, once."""
    run(PRODUCT + "time.sleep(60)", "http://127.0.0.1:9", tmp_path / "outbox", 0, 300, kill_after=0.5)
    client = make_client()
    client.thumbs("mine", 1)
    assert client.flush(10)
    assert len(collector.events()) == 301
    assert client.stats()["adopted"] == 300


def test_kills_at_random_moments_lose_and_double_nothing(make_client, collector, tmp_path):
    """Products are killed while they write and send; each event that reached the disk is there once at the end."""
    loop = PRODUCT.replace('client.thumbs(f"r{number}", 1)',
                           'client.thumbs(f"r{number}", 1); client.flush(0) if number % 7 == 0 else time.sleep(0.002)')
    loop = loop.replace("client = Client", 'print("on", flush=True)\nclient = Client')
    for life in range(6):
        run(loop, collector.url, tmp_path / "outbox", life * 10_000, 5000, kill_after=0.15 + 0.07 * life)
    client = make_client()
    client.thumbs("last", 1)
    assert client.flush(10)
    names = [each["subject"]["response_id"] for each in collector.events()]
    assert len(names) == len(set(names)) > 6
    for life in range(6):
        numbers = sorted(int(name[1:]) for name in names if name != "last" and int(name[1:]) // 10_000 == life)
        assert numbers == list(range(life * 10_000, life * 10_000 + len(numbers))), "a gap"


def test_several_processes_share_one_folder(collector, tmp_path, make_client):
    """Four products at once, the collector away: nobody takes another's file; afterwards each event is there once."""
    children = [subprocess.Popen([sys.executable, "-c", PRODUCT, "http://127.0.0.1:9", str(tmp_path / "outbox"),
                                  str(number * 1000), "250"], stdout=subprocess.DEVNULL) for number in range(4)]
    assert [child.wait(60) for child in children] == [0] * 4
    client = make_client()
    client.thumbs("mine", 1)
    assert client.flush(10)
    assert len(collector.events()) == 1001


def test_what_was_captured_is_sent_at_exit(collector, tmp_path):
    """A short script needs no close; one that ends right after the last event either."""
    run(PRODUCT, collector.url, tmp_path / "outbox", 0, 30)
    assert len(collector.events()) == 30


def test_a_forked_child_sends_its_own_events_and_no_others(make_client, collector):
    """Parent and child go on after fork (as web servers do that load the product first); nothing is doubled."""
    client = make_client()
    client.thumbs("before", 1)
    child = os.fork()
    if child == 0:
        try:
            client.thumbs("child", 1)
            os._exit(0 if client.flush(10) else 1)
        finally:
            os._exit(2)
    assert os.waitpid(child, 0)[1] == 0
    client.thumbs("parent", 1)
    assert client.flush(10)
    state = collector.state()
    assert sorted(each["subject"]["response_id"] for each in state["events"]) == ["before", "child", "parent"]
    assert state["received"] == 3


def in_worker(client, name):
    """What a worker of multiprocessing does."""
    client.thumbs(name, 1)


def test_workers_of_multiprocessing_flush_when_they_end(make_client, collector):
    """They end without atexit; their events arrive all the same."""
    client = make_client()
    workers = [multiprocessing.get_context("fork").Process(target=in_worker, args=(client, f"w{n}")) for n in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(20)
    client.thumbs("parent", 1)
    assert client.flush(10)
    assert {each["subject"]["response_id"] for each in collector.events()} >= {"w0", "w1", "parent"}


def test_threads_share_a_client(client, collector):
    """Eight threads: nothing lost, nothing doubled."""
    threads = [threading.Thread(target=lambda name: [client.thumbs(f"{name}-{n}", 1) for n in range(100)], args=(name,))
               for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client.flush(10)
    assert len(collector.events()) == 800
    assert client.stats()["sent"] == client.stats()["captured"] == 800


def test_a_client_without_an_address_does_nothing(monkeypatch):
    """No thread, no folder, no error: the product runs on a developer's machine."""
    monkeypatch.delenv("EVALLOOP_URL", raising=False)
    client = Client()
    assert not client.enabled
    with client.generation() as generation:
        generation.output = "x"
    assert client.thumbs(generation.response_id, 1)
    assert client.flush()
    client.close()
    assert client.stats()["captured"] == 0


def test_content_can_be_left_out(make_client, collector):
    """``content=False`` sends counts and ids, never a question or an answer."""
    client = make_client(content=False)
    with client.generation(model="m", input="secret question") as generation:
        generation.output = "secret answer"
    assert client.flush()
    assert "secret" not in json.dumps(collector.events())


def test_importing_the_client_loads_only_the_standard_library():
    """Beside evalloop itself and pluggy."""
    code = ("import sys; before = set(sys.modules); from evalloop.capture import Client; "
            "print(*sorted({name.partition('.')[0] for name in set(sys.modules) - before}))")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60,
                          cwd=Path(__file__).parents[3])
    loaded = set(done.stdout.split()) - set(sys.stdlib_module_names) - {"evalloop", "pluggy"}
    assert not {name for name in loaded if not name.startswith("_")}

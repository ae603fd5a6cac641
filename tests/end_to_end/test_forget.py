"""A user who is forgotten: no byte that the project keeps holds the user's words or id."""

from __future__ import annotations

import html
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evalloop import config, loop
from evalloop.errors import EmptyError
from evalloop.loop.evidence import open_log
from evalloop.store.vectors import key_of

WORDS = "My brother's parcel went to Quux Street & never came"
PROMPT = "Where is the parcel for the old lighthouse in Zanzibar?"
EVALSET = """\
evalset: parcels
graders: [{contains: "sorry"}]
cases:
  - id: parcel-0001
    cluster: parcels
    input: {messages: [{role: user, content: "PROMPT"}]}
    provenance: {events: [ada-vote-1], complaint: "WORDS"}
  - id: parcel-0002
    cluster: parcels
    input: {messages: [{role: user, content: "Do you sell boots in size 50?"}]}
    provenance: {events: [bob-vote-1]}
"""


def events(user: str, day: int, prompt: str, text: str) -> list[dict[str, Any]]:
    """An answer (which does not name its user) and the user's vote on it."""
    common = {"schema": "evalloop.event/1", "occurred_at": f"2026-01-{day:02d}T10:00:00Z",
              "consent": {"basis": "consent", "purposes": ["ops", "eval"]},
              "subject": {"level": "response", "response_id": f"{user}-r{day}", "session_id": f"{user}-s{day}"}}
    return [{**common, "event_id": f"{user}-answer-{day}", "event_type": "generation.completed",
             "source": {"kind": "system"}, "payload": {
                 "input": {"messages": [{"role": "user", "content": prompt}]},
                 "output": {"messages": [{"role": "assistant", "content": "It is on its way."}]}}},
            {**common, "event_id": f"{user}-vote-{day}", "event_type": "feedback.thumbs",
             "source": {"kind": "end_user"}, "actor": {"user_key": user}, "payload": {"value": -1, "text": text}}]


def send(project: loop.Project, batch: list[dict[str, Any]]) -> None:
    """As a collector takes them, users hashed."""
    from datetime import UTC, datetime

    from evalloop.capture.intake import Intake, Sender

    verdicts = Intake(loop.salt_of(project))(batch, Sender("sk_1", erases=True), datetime.now(UTC))
    with loop.open_events(project) as store:
        store.write([each.row for each in verdicts if each.row], [each.letter for each in verdicts if each.letter])


@pytest.fixture
def project(tmp_path: Path) -> loop.Project:
    """Two users in inbox, lake, signals, dead letters, cases, a run and a report."""
    return filled(tmp_path)


def filled(tmp_path: Path, store: str = "") -> loop.Project:
    """Such a project in a folder."""
    (tmp_path / "evalloop.toml").write_text(f"settle_days = 0\nstore = {json.dumps(store)}\n")
    (tmp_path / "evalsets").mkdir()
    (tmp_path / "evalsets" / "parcels.evalset.yaml").write_text(
        EVALSET.replace("PROMPT", PROMPT).replace("WORDS", WORDS))
    made = loop.Project(config.load(tmp_path, {}))
    send(made, events("ada", 1, PROMPT, WORDS) + events("bob", 1, "Do you sell boots in size 50?", "No, I meant 51"))
    loop.derive_signals(made)
    loop.drain(made)
    send(made, [*events("ada", 2, PROMPT, WORDS), *events("bob", 2, "When do you open?", "wrong"),
                {**events("ada", 3, PROMPT, WORDS)[1], "event_type": "no.such"}])
    loop.derive_signals(made)
    (tmp_path / ".evalloop" / "runs").mkdir()
    (tmp_path / ".evalloop" / "runs" / "r.jsonl").write_text(json.dumps({"prompt": PROMPT, "case": "x"}) + "\n")
    (tmp_path / "report.html").write_text(f"<p>{html.escape(WORDS)}</p>")
    (tmp_path / "notes.md").write_text(f"> {WORDS}\n")
    return made


def holders(root: Path) -> list[str]:
    """The files that hold a word of the user, Parquet unpacked."""
    import pyarrow.parquet as pq

    found = []
    for path in root.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            if path.suffix == ".parquet":
                data += json.dumps(pq.ParquetFile(path).read().to_pylist(), default=str).encode()
            if any(word in data for word in (b"Quux", b"Zanzibar", b"ada-vote", b"ada-answer")):
                found.append(str(path.relative_to(root)))
    return found


def test_no_artefact_holds_the_users_words(project: loop.Project) -> None:
    """All bytes of the project: inbox with its log, lake, cases, run, report, notes; other users keep all."""
    root = project.config.root
    assert len(holders(root)) >= 6
    assert loop.forget_user(project, "ada", dry_run=True).counts == {"events": 4, "cases": 1}
    done = loop.forget_user(project, "ada")
    assert holders(root) == []
    assert done.left == ()
    assert done.counts["inbox"] == done.counts["lake"] == 2
    assert done.counts["dead_letters"] == done.counts["cases"] == 1
    cases = loop.load_evalset(project, root / "evalsets" / "parcels.evalset.yaml").cases
    assert [case.id for case in cases] == ["parcel-0002"]
    with open_log(project) as log:
        left = [event.event_id for event in log.events() if event.event_type != "privacy.erased"]
    assert sorted(left) == ["bob-answer-1", "bob-answer-2", "bob-vote-1", "bob-vote-2"]
    with pytest.raises(EmptyError):
        loop.forget_user(project, "ada")


def answer(**subject: str) -> dict[str, Any]:
    """An answer that names no user, with a prompt of ada's."""
    made = events("ada", 8, PROMPT, WORDS)[0]
    return {**made, "event_id": "ada-answer-8", "subject": {"level": "response", "response_id": "r8", **subject}}


def act(user: str, source: str = "end_user", **subject: str) -> dict[str, Any]:
    """A vote or a review by somebody."""
    made = events(user, 8, PROMPT, "no")[1]
    return {**made, "event_id": f"{user}-vote-8", "source": {"kind": source},
            "subject": {"level": "response", **subject}}


@pytest.fixture
def empty(tmp_path: Path) -> loop.Project:
    """A project without events."""
    (tmp_path / "evalloop.toml").write_text("")
    return loop.Project(config.load(tmp_path, {}))


@pytest.mark.parametrize("name", [
    {"response_id": "r8"}, {"provider_response_id": "p8"}, {"response_id": "p8"}, {"message_id": "m8"},
    {"message_id": "r8"}, {"trace_id": "a" * 32}, {"trace_id": "a" * 32, "span_id": "b" * 16}])
def test_an_answer_that_names_nobody_goes_with_who_alone_acted_on_it(empty: loop.Project, name: dict[str, str]) -> None:
    """By whichever of its names the act speaks of it; a reviewer's act makes it nobody else's, and goes with it."""
    known = answer(provider_response_id="p8", message_id="m8", trace_id="a" * 32, span_id="b" * 16)
    send(empty, [known, act("ada", **name), act("rita", "reviewer", response_id="r8")])
    done = loop.forget_user(empty, "ada")
    assert (done.counts["inbox"], done.left) == (3, ())
    assert holders(empty.config.root) == []


@pytest.mark.parametrize(("acts", "left"), [
    ([act("ada", response_id="r8"), act("bob", provider_response_id="p8")], True),
    ([act("ada", session_id="s8", response_id="r9"), act("bob", session_id="s8", response_id="r9")], True),
    ([act("ada", session_id="s8", response_id="r9"), act("bob", session_id="s8", response_id="r8")], True),
    ([act("ada", session_id="s8", response_id="r8"), act("bob", session_id="s8", response_id="r9")], False)])
def test_an_answer_that_may_be_anothers_stays_and_is_named(empty: loop.Project, acts: list[dict[str, Any]],
                                                          left: bool) -> None:
    """Two users acted on an answer, or in its session where nobody acted on it: whose it is, is not known."""
    send(empty, [answer(session_id="s8", provider_response_id="p8"), *acts])
    done = loop.forget_user(empty, "ada")
    assert done.counts["inbox"] == (1 if left else 2)
    assert [each.endswith("too: r8") for each in done.left] == [True] * left
    loop.forget_user(empty, "bob")
    assert holders(empty.config.root) == []


def test_who_reviews_takes_no_answer_along(empty: loop.Project) -> None:
    """A reviewer who is forgotten loses the reviews; an act on an answer by a name that two share means neither."""
    two = [answer(message_id="1"), {**answer(message_id="1", response_id="r9"), "event_id": "ada-answer-9"}]
    send(empty, [*two, act("rita", "reviewer", response_id="r8"), act("ada", message_id="1")])
    assert loop.forget_user(empty, "rita").counts["inbox"] == 1
    assert loop.forget_user(empty, "ada").counts["inbox"] == 1
    assert holders(empty.config.root) != []


def test_what_names_nobody_about_an_answer_of_the_user_goes_too(empty: loop.Project) -> None:
    """The generation says whose the answer is, though another user voted on it."""
    judged = {**act("x", "llm_judge", response_id="r8"), "event_id": "ada-vote-9", "actor": {}}
    send(empty, [{**answer(), "actor": {"user_key": "ada"}}, act("bob", response_id="r8"), judged])
    assert loop.forget_user(empty, "ada").counts["inbox"] == 2
    assert holders(empty.config.root) == []


LONE = "Why was my flute from Quux Street sent to Zanzibar, ada@example.org?"
PARCELS = ["my parcel never came to the {} door", "the parcel is late, it was to come by {}", "where is the {} parcel?"]
PRICES = ["the {} boots cost more than the page says", "why is the price of {} boots so high?", "wrong {} price again"]
KINDS = ("red", "blue", "green", "wide", "long", "small", "heavy", "plain", "old", "new")


def test_themes_hold_nothing_of_the_user(project: loop.Project) -> None:
    """Members, quotes, exemplars, names and vectors of themes, of two weeks, and a digest that was written."""
    texts = [line.format(kind) for line in (*PARCELS, *PRICES) for kind in KINDS]
    for number, text in enumerate(texts):
        send(project, events(f"u{number}", 5 + 7 * (number % 2), f"question {number}", text))
    for day in (6, 13):
        send(project, events("ada", day, PROMPT, LONE) + events("eve", day, "Where?", "where is the red parcel?"))
    themes = loop.find_clusters(project)
    root = project.config.root
    with open_log(project) as log:
        key = next(str(each.actor["user_key"]) for each in log.events() if each.event_id == "ada-vote-6")
    owned = {each.failure_id for each in loop.failures(project) if each.user_key == key}
    members = {member for each in themes.clusters for member in each.member_ids}
    assert owned & members, "the user is in the themes"
    held = [text for each in themes.clusters for text in (*each.exemplars, *each.quotes)]
    assert any("Quux" in text for text in held), "and quoted"
    quote = "Why was my flute from Quux Street sent to Zanzibar, [email]?"
    (root / "digest.html").write_text(f"<blockquote>{html.escape(quote)}</blockquote>")
    done = loop.forget_user(project, "ada")
    assert done.counts["theme_weeks"] >= 1
    assert holders(root) == []
    assert b"flute" not in b"".join(path.read_bytes() for path in root.rglob("*") if path.is_file())
    left = loop.known_clusters(project)
    assert not owned & {member for each in left for member in each.member_ids}
    assert "where is the red parcel?" in {text for each in left for text in (*each.exemplars, *each.quotes)}
    keys = [path.read_bytes() for path in root.rglob("keys.bin")]
    assert not any(key_of(text) in each for each in keys for text in (LONE, WORDS))
    again = loop.find_clusters(project)
    assert {each.cluster_id for each in again.clusters if each.size} & {each.cluster_id for each in left}


def test_an_event_that_asks_for_it(project: loop.Project) -> None:
    """``privacy.erased`` with the user's key is carried out by ``forget --pending``, once."""
    send(project, [{**events("ada", 4, PROMPT, WORDS)[1], "event_type": "privacy.erased", "event_id": "erase-ada-1",
                    "subject": {"level": "user", "task_id": "x"}, "payload": {}}])
    assert len(loop.forget_pending(project)) == 1
    assert holders(project.config.root) == []
    assert loop.forget_pending(project) == []


def test_events_past_their_age_are_pruned(project: loop.Project) -> None:
    """By age, and by the end that an event names for itself, in inbox and lake."""
    event = events("bob", 5, "When?", "wrong")[1]
    send(project, [{**event, "event_id": "bob-ends-1", "occurred_at": "2096-01-01T00:00:00Z",
                    "privacy": {"expires_at": "2026-02-01T00:00:00Z"}}])
    assert loop.prune_store(project, days=0) == {"inbox": 1, "dead_letters": 0, "lake": 0}
    counts = loop.prune_store(project, days=1)
    assert (counts["inbox"], counts["lake"]) == (4, 4)


def test_dead_letters_are_listed_and_replayed(project: loop.Project) -> None:
    """A letter that is still no event stays; the verb says so."""
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([sys.executable, "-m", "evalloop", *arguments], cwd=project.config.root,
                              capture_output=True, text=True, timeout=60)

    shown = run("deadletter", "list")
    assert "event_type" in shown.stdout
    assert shown.stdout.endswith("\n1 dead letter\n")
    assert run("deadletter", "replay").returncode == 4
    letters, _ = loop.dead_letters(project, limit=5)
    with loop.open_events(project) as store, store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE dead_letters SET body = replace(body, 'no.such', 'signal.shared')")
    assert run("deadletter", "replay").stdout == "1 stored, 0 still no events\n"
    assert letters[0].times == 1
    assert json.loads(run("store", "stats", "--json").stdout)["dead_letters"] == 0


def test_nothing_is_left_in_postgresql(tmp_path: Path, postgres_address: str) -> None:
    """The same for a team's database: no row of any table, and no file, holds a word of the user."""
    project = filled(tmp_path, postgres_address)
    assert "Quux" in all_rows(postgres_address)
    loop.forget_user(project, "ada")
    assert not [word for word in ("Quux", "Zanzibar", "ada-vote", "ada-answer") if word in all_rows(postgres_address)]
    assert holders(tmp_path) == []
    with open_log(project) as log:
        left = [event.event_id for event in log.events() if event.event_type != "privacy.erased"]
    assert sorted(left) == ["bob-answer-1", "bob-answer-2", "bob-vote-1", "bob-vote-2"]


def all_rows(address: str) -> str:
    """Everything that a database shows."""
    from sqlalchemy import MetaData, create_engine, select

    engine, metadata = create_engine(address.replace("postgresql://", "postgresql+psycopg://")), MetaData()
    metadata.reflect(engine)
    with engine.connect() as connection:
        return repr([tuple(row) for table in metadata.tables.values() for row in connection.execute(select(table))])

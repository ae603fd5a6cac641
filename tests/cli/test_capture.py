"""``evalloop capture`` and ``evalloop signals`` through the command line, on real and on broken data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalloop.capture.importing import Watcher
from evalloop.cli.main import run
from evalloop.testing import make_event, make_generation

DEMO = Path(__file__).parents[2] / "evalloop" / "demo"
CHATS = str(DEMO / "data" / "realhumaneval" / "chat_data.csv.gz")
MAPPING = str(DEMO / "mappings" / "realhumaneval.yaml")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project as the current folder."""
    (tmp_path / "evalloop.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def vote(number: int, value: int = 1, **fields: Any) -> dict[str, Any]:
    """A native event."""
    return {"schema": "evalloop.event/1", "event_id": f"event-{number:04d}", "event_type": "feedback.thumbs",
            "occurred_at": "2026-01-01T00:00:00Z", "source": {"kind": "end_user"},
            "subject": {"level": "response", "response_id": f"r{number}"}, "payload": {"value": value}, **fields}


def write(folder: Path, *rows: Any) -> str:
    """A file of native events."""
    (folder / "votes.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return "votes.jsonl"


def test_real_data_from_file_to_report(capsys: pytest.CaptureFixture[str]) -> None:
    """Import, import again, derive: the counts of the data set, and the rates by model."""
    assert run(["capture", CHATS, "--mapping", MAPPING, "--json"]) == 0
    first = json.loads(capsys.readouterr().out)
    assert (first["rows"], first["stored"], first["invalid"]) == (1055, 1549, 0)
    assert run(["capture", CHATS, "--mapping", MAPPING]) == 0
    assert "stored 0, already there 1,549, in conflict 0" in capsys.readouterr().out
    assert run(["signals", "--json", "--by", "model_answered"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["events"], report["turns"], report["users"]) == (1549, 1055, 107)
    copied = {each["value"]: each["share"]["share"] for each in report["groups"] if each["detector"] == "copy@2"}
    assert copied["GPT-4o (chat)"] == pytest.approx(0.375)
    assert run(["signals", "--detector", "copy"]) == 0
    shown = capsys.readouterr().out
    assert "copy@2" in shown
    assert "capture rate" in shown
    assert "rephrase" not in shown


def test_bad_rows_exit_4_and_good_rows_stay(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The place, field and mend are printed; --skip-invalid exits 0 with the same words."""
    place = write(project, vote(1), vote(2, 7), vote(3))
    assert run(["capture", place]) == 4
    shown = capsys.readouterr()
    assert "votes.jsonl:2: payload.value: 7 is not allowed" in shown.err
    assert "stored 2" in shown.out
    assert run(["capture", place, "--skip-invalid"]) == 0
    assert "rows refused 1" in capsys.readouterr().out


@pytest.mark.parametrize(("more", "stored", "says"), [
    ([], 20_000, "    kept: the events of the first 20,000 rows, perhaps of more\n"
                 "    go on with: the same command; it stores nothing twice\n"),
    ([], 0, "    kept: perhaps some events\n    go on with: the same command; it stores nothing twice\n"),
    (["--query", "t", "--cursor", "id", "--mapping", MAPPING, "--restart"], 1,
     "    kept: the events of the first 1 row, perhaps of more\n"
     "    go on with: the same command without --restart; it reads on from the last row that it noted\n"),
    (["--dry-run"], 0, "")])
def test_interrupted_import_says_what_is_kept(more: list[str], stored: int, says: str, monkeypatch: pytest.MonkeyPatch,
                                              capsys: pytest.CaptureFixture[str]) -> None:
    """Ctrl-C: exit 2, how many rows are stored for sure, and how to go on."""
    def interrupted(*_: Any, watcher: Watcher, **__: Any) -> None:
        watcher.stored(stored)
        raise KeyboardInterrupt

    monkeypatch.setattr("evalloop.cli.capture.capture", interrupted)
    assert run(["capture", "votes.jsonl", *more]) == 2
    assert capsys.readouterr().err == f"interrupted\n{says}"


def test_conflict_exits_4(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A fact that was changed behind its id is not taken."""
    assert run(["capture", write(project, vote(1))]) == 0
    assert run(["capture", write(project, vote(1, -1))]) == 4
    assert "stored already with another content" in capsys.readouterr().err


def test_dry_run_stores_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The first event is shown, no file is made."""
    assert run(["capture", CHATS, "--mapping", MAPPING, "--dry-run"]) == 0
    assert "generation.completed" in capsys.readouterr().out
    assert not (project / ".evalloop").exists()


def test_personal_data_never_reaches_the_disk(project: Path) -> None:
    """No file of the state folder holds the address of a comment or the id of a user."""
    (project / "c.csv").write_text("who,what\njo.doe,write to jo@example.org or +49 30 901820\n")
    (project / "m.yaml").write_text("""\
mapping: comments
events:
  - event_type: feedback.comment
    occurred_at: "2026-01-01T00:00:00Z"
    source: {kind: end_user}
    subject: {level: response, response_id: {from: "@row"}}
    actor: {user_key: {from: who}}
    payload: {text: {from: what}}
""")
    assert run(["capture", "c.csv", "--mapping", "m.yaml"]) == 0
    held = b"".join(path.read_bytes() for path in (project / ".evalloop").rglob("*") if path.is_file())
    assert b"[email]" in held
    assert not [word for word in (b"jo@example.org", b"901820", b"jo.doe") if word in held]


def test_terminal_is_safe_from_the_file(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Escape codes in a broken row are shown, not obeyed."""
    place = write(project, vote(1, source={"kind": "\x1b[2J"}))
    assert run(["capture", place]) == 4
    shown = capsys.readouterr()
    assert "\x1b" not in shown.err + shown.out


@pytest.mark.parametrize(("args", "code", "said"), [
    (["capture", "nothing.csv"], 4, "no such file"),
    (["capture", "evalloop.toml"], 4, "no source reads this"),
    (["capture", "empty.jsonl"], 5, "no rows in empty.jsonl"),
    (["capture", "empty.json"], 5, "no rows in empty.json"),
    (["capture", "empty.csv"], 5, "no rows in empty.csv"),
    (["capture", "empty.jsonl", "--mapping", "gone.yaml"], 4, "gone.yaml"),
    (["signals"], 5, "import events first"),
    (["signals", "--detector", "cpoy"], 4, "did you mean 'copy'"),
])
def test_nothing_to_do_and_wrong_use(project: Path, capsys: pytest.CaptureFixture[str], args: list[str], code: int,
                                     said: str) -> None:
    """Exit codes tell wrong use from nothing to do, with the mend."""
    for kind in ("jsonl", "json", "csv"):
        (project / f"empty.{kind}").write_text("")
    assert run(args) == code
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("more", [[], ["--dry-run"]])
def test_rows_that_are_no_events_get_one_answer(project: Path, capsys: pytest.CaptureFixture[str],
                                                more: list[str]) -> None:
    """The commonest first mistake: a table without its mapping. One broken event among others is another matter."""
    (project / "chats.csv").write_text("id,source,answer\n" + "1,web,Yes.\n" * 30)
    assert run(["capture", "chats.csv", *more]) == 4
    assert capsys.readouterr().err == (
        "error: chats.csv: these rows are no events\n    fix: say how rows become events: --mapping FILE, or "
        "--from PLATFORM for an export that `evalloop capture --list` shows\n")
    assert run(["capture", write(project, {"vote": 1}, {"event_type": "feedback.thumbs"}), *more]) == 4
    assert "votes.jsonl:2: key 'event_id' is missing" in capsys.readouterr().err


def test_errors_of_a_row_are_shown_whole(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A row's errors are not cut off in the middle, and those that are hidden are counted."""
    rows = [{"event_type": "feedback.thumbs"}] * 7
    assert run(["capture", write(project, *rows), "--json"]) == 4
    every = [each["line"] for each in json.loads(capsys.readouterr().out)["errors"]]
    assert run(["capture", "votes.jsonl"]) == 4
    said = [line for line in capsys.readouterr().err.splitlines() if not line.startswith("    fix")]
    per_row = every.count(1)
    assert per_row * 7 == len(every) > 20
    listed = -(-20 // per_row) * per_row
    assert len(said) == listed + 1
    assert said[-1] == f"... and {len(every) - listed} more"


def test_notes_of_the_schema_are_for_users(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What an id is for is said in plain words."""
    assert run(["capture", write(project, {"event_type": "feedback.thumbs"})]) == 4
    assert "add event_id: ... (an id of its own for each event" in capsys.readouterr().err


def test_a_key_that_no_event_has_is_told(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``--by nonsense`` groups all under (none): stderr says so, with the known keys."""
    write(project, make_generation().to_dict(), make_event("feedback.thumbs", payload={"value": 1}).to_dict())
    assert run(["capture", "votes.jsonl"]) == 0
    assert run(["signals", "--by", "varaint"]) == 0
    assert "warning: no answer has varaint in its context: did you mean 'variant'?" in capsys.readouterr().err


def test_a_plugin_that_is_broken_is_told(project: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not only ``evalloop plugins`` says it: a missing detector would change what is counted."""
    (project / "evalloop.toml").write_text('plugins = ["nope"]\n')
    assert run(["capture", write(project, vote(1))]) == 0
    assert "plugin nope is broken and left out: nothing at 'nope'" in caplog.text

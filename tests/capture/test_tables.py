"""Rows of a database become events: streamed, and gone on with after a kill."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from evalloop import config, loop
from evalloop.capture.importing import Watcher
from evalloop.errors import UsageError

MAPPING = Path(__file__).parent.parent / "data" / "ratings.yaml"
ROWS = "SELECT * FROM ratings"


def fill(address: str, rows: int, *, wrong: int = 0) -> str:
    """A table of ratings; ``wrong`` rows at its end have six stars. Returns the address."""
    url = address.replace("postgresql://", "postgresql+psycopg://")
    with create_engine(url).begin() as connection:
        connection.execute(text("CREATE TABLE ratings (id BIGINT PRIMARY KEY, answer TEXT, user_id INTEGER, "
                                "stars NUMERIC(2,1), region TEXT, at TIMESTAMP)"))
        connection.execute(
            text("INSERT INTO ratings VALUES (:id, :answer, :user, :stars, 'eu', :at)"),
            [{"id": number, "answer": f"r-{number}", "user": number % 7, "at": "2026-01-01 09:00:00",
              "stars": 6 if number > rows - wrong else number % 5 + 1} for number in range(1, rows + 1)])
    return address


@pytest.fixture
def project(tmp_path: Path) -> loop.Project:
    """A project with the mapping of the ratings."""
    (tmp_path / "evalloop.toml").write_text("")
    shutil.copy(MAPPING, tmp_path)
    return loop.Project(config.load(tmp_path, {}))


@pytest.fixture(params=["sqlite", "postgresql"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shop.sqlite'}"
    given: str = request.getfixturevalue("postgres_address")
    return given


def reading(project: loop.Project, **more: object) -> loop.Reading:
    """By the mapping, from the bookmark on."""
    return loop.Reading(project.config.root / "ratings.yaml", query=ROWS, cursor="id", **more)  # type: ignore[arg-type]


def test_rows_of_a_table_become_events(project: loop.Project, address: str) -> None:
    """Numbers and times of a database are read as they are; a bad row costs only itself; what stays is named."""
    result = loop.capture(project, fill(address, 50, wrong=1), reading(project))
    assert (result.stored, result.invalid) == (49, 1)
    assert (result.left_out["region"].rows, result.left_out["region"].reason) == (50, "kept in the product")
    assert "lies outside 1 to 5" in str(result.errors[0])


def test_import_goes_on_where_it_stopped(project: loop.Project, address: str) -> None:
    """The next import reads only from the last row on; --restart reads all, and stores nothing twice."""
    fill(address, 30)
    loop.capture(project, address, reading(project))
    again = loop.capture(project, address, reading(project))
    assert (again.rows, again.already) == (1, 1)
    whole = loop.capture(project, address, reading(project, restart=True))
    assert (whole.rows, whole.stored, whole.already) == (30, 0, 30)


def test_killed_import_is_taken_up_again(project: loop.Project, postgres_address: str) -> None:
    """kill -9 in the middle: the second run goes on from the bookmark, and every rating is there once."""
    fill(postgres_address, 20_000)
    folder = project.config.root
    command = [sys.executable, "-m", "evalloop", "capture", postgres_address, "--query", ROWS, "--cursor", "id",
               "--mapping", "ratings.yaml", "--json"]
    bookmarks = folder / ".evalloop" / "imports"
    first = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not list(bookmarks.glob("[!.]*.json")) and first.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    first.kill()
    first.wait()
    with loop.evidence.event_store(project) as store:
        kept = store.count().get("feedback.rating", 0)
    second = json.loads(subprocess.run(command, cwd=folder, capture_output=True, check=True).stdout)
    with loop.evidence.event_store(project) as store:
        assert store.count() == {"feedback.rating": 20_000}
    assert second["rows"] <= 20_000
    assert second["stored"] <= 20_000 - kept  # what was being written when the kill came is finished
    if first.returncode == -9:
        assert second["rows"] < 20_000


def test_password_is_not_shown(project: loop.Project, tmp_path: Path) -> None:
    """An address in a message has no password; a wrong query says what the database said."""
    for watcher in (None, Watcher(expected=lambda rows: None)):  # on a terminal the rows are counted first
        with pytest.raises(UsageError, match="no such table"):
            loop.capture(project, f"sqlite:///{tmp_path}/none.sqlite", reading(project), watcher=watcher)
    from evalloop.store.sqlrows import Query
    assert "secret" not in Query("postgresql://me:secret@db/shop", "t").place


def test_unknown_cursor_names_the_columns(project: loop.Project, tmp_path: Path) -> None:
    """A cursor that the query does not give is refused with those that it does."""
    address = fill(f"sqlite:///{tmp_path / 'x.sqlite'}", 1)
    with pytest.raises(UsageError, match=r"columns: id, answer|no such column"):
        loop.capture(project, address, loop.Reading(project.config.root / "ratings.yaml", query=ROWS, cursor="nr"))

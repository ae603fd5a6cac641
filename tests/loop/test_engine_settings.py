"""The engine's settings: what is wrong with one is said before anything is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import duckdb
import pytest

from evalloop import loop
from evalloop.engine import open_engine
from evalloop.errors import ConfigError
from evalloop.loop.evidence import _first_of_each, add_events
from evalloop.signals.derive import run
from evalloop.store import columns
from evalloop.store.body import row_of
from evalloop.testing import evidence_of, make_event, make_generation


@pytest.mark.parametrize(("settings", "says"), [
    ('engine = "snowflake"', "no engine called 'snowflake'"),
    ('engine_options = ["spark.executor.memory"]', "'spark.executor.memory' is no setting of Spark"),
    ('engine_options = ["memory=4g"]', "'memory=4g' is no setting of Spark"),
    ('engine_memory = "lots"', "'lots' is no size of memory"),
    ('engine_memory = "0GB"', "not enough memory"),
    ('engine_memory = "1KB"', "not enough memory"),
    ('lake = "foo://x"', "protocol not known: foo"),
    ('lake = "a\\u0000b"', "NUL in its name")])
def test_a_wrong_setting_is_named(settings: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine nobody knows, and an option without a value or of something else."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evalloop.toml").write_text(settings + "\n")
    (tmp_path / "events.jsonl").write_text(json.dumps(make_generation().to_dict()) + "\n")
    project = loop.open_project()
    with pytest.raises(ConfigError, match=says):
        loop.failures(project)


def test_a_detector_that_needs_too_much_memory_is_told_as_such() -> None:
    """The engine was short of memory, the detector is not broken: the setting is the mend."""
    class Large:
        name, version, kind = "large", "1", "implicit"

        def detect(self, evidence: Any) -> Any:
            raise duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate")

    with pytest.raises(ConfigError, match="not enough memory: Out of Memory"), open_engine(threads=1):
        run(Large(), evidence_of([make_generation()]))


def test_a_lake_without_its_package_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Object storage needs a package of its own: the mend names it."""
    def missing(address: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evalloop.toml").write_text('lake = "s3://bucket/lake"\n')
    with pytest.raises(ConfigError, match="pip install s3fs"):
        loop.failures(loop.open_project())


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no folder that nobody can write")
def test_a_lake_that_cannot_be_made_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The drain names the setting."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evalloop.toml").write_text('lake = "/proc/x"\nsettle_days = 0\n')
    project = loop.open_project()
    add_events(project, [make_generation()])
    with pytest.raises(ConfigError, match="/proc/x cannot hold the lake"):
        loop.drain(project)


def test_options_reach_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set is given on by name, a value may hold further signs of equality."""
    from evalloop.loop.evidence import open_evidence

    given: dict[str, str] = {}
    monkeypatch.setattr("evalloop.engine.backend.Spark", lambda address, **options: given.update(options) or 1 / 0)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evalloop.toml").write_text('engine = "local[1]"\nengine_options = ["spark.executor.memory=8g", '
                                            '"spark.executor.extraJavaOptions=-Da=b"]\n')
    with pytest.raises(ZeroDivisionError), open_evidence(loop.open_project()):
        pass
    assert given == {"spark.executor.memory": "8g", "spark.executor.extraJavaOptions": "-Da=b"}


def test_another_gap_between_sessions_derives_signals_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kept signals hold for one ``session_gap``: an answer that was copied ends a session, when the gap is shorter."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evalloop.toml").write_text("")
    add_events(loop.open_project(), [
        make_generation(session=None), make_event("signal.copied", second=5, payload={"chars": 13}),
        make_generation("r2", 600, session=None), make_generation("r3", 90_000, session=None)])

    def ended(gap: float) -> list[str]:
        project = loop.open_project(session_gap=gap)
        with loop.open_evidence(project) as bench:
            (found,) = bench.records(loop.detectors_of(project, ["abandon"])).values()
            return [each.response_id for each in found]

    assert [ended(1800), ended(300), ended(1800)] == [[], ["r1"], []]


def test_of_two_bodies_under_one_id_the_same_is_read_in_any_order() -> None:
    """The rows of a warehouse have no order: two events of one id and time must not change places between analyses."""
    events = [make_generation(prompt=prompt).to_dict() for prompt in ("one", "two")]
    bodies = [row_of(event, "2026-01-05T23:00:00Z").body for event in events]
    with open_engine(threads=1) as engine:
        read = [engine.arrow(_first_of_each(engine.rows([columns.arrow((body, None) for body in given)],
                                                        columns.schema()))).column("prompt").to_pylist()
                for given in (bodies, bodies[::-1])]
    assert read == [["one"], ["one"]]

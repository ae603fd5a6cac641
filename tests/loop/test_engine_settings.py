"""The engine's settings: what is wrong with one is said before anything is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalloop import loop
from evalloop.errors import ConfigError
from evalloop.testing import make_generation


@pytest.mark.parametrize(("settings", "says"), [
    ('engine = "snowflake"', "no engine called 'snowflake'"),
    ('engine_options = ["spark.executor.memory"]', "'spark.executor.memory' is no setting of Spark"),
    ('engine_options = ["memory=4g"]', "'memory=4g' is no setting of Spark"),
    ('engine_memory = "lots"', "'lots' is no size of memory")])
def test_a_wrong_setting_is_named(settings: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An engine nobody knows, and an option without a value or of something else."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "evalloop.toml").write_text(settings + "\n")
    (tmp_path / "events.jsonl").write_text(json.dumps(make_generation().to_dict()) + "\n")
    project = loop.open_project()
    with pytest.raises(ConfigError, match=says):
        loop.failures(project)


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

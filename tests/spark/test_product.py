"""The product's own commands say the same on Spark as on DuckDB, of real dialogues with reviewers' judgments.

They take eight minutes, whatever the size, for it is Spark's planning: run EVALLOOP_SPARK_COMMANDS=1 tox -e spark.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from evalloop.cli.main import run

pytest.importorskip("pyspark", reason="needs the extra spark: tox -e spark")
if not os.environ.get("EVALLOOP_SPARK_COMMANDS"):
    pytest.skip("takes eight minutes: EVALLOOP_SPARK_COMMANDS=1 tox -e spark", allow_module_level=True)
DEMO = Path(str(resources.files("evalloop"))) / "demo"
QUICK = {"spark.sql.codegen.wholeStage": "false", "spark.sql.codegen.factoryMode": "NO_CODEGEN",
         "spark.sql.adaptive.enabled": "false", "spark.sql.shuffle.partitions": "1"}
"""To compile each query takes longer than to run it on few rows."""


@pytest.fixture(scope="module")
def captured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with real dialogues, of which nothing is derived yet."""
    folder = tmp_path_factory.mktemp("project")
    with gzip.open(DEMO / "data/ukp/dialogs.jsonl.gz", "rt", encoding="utf-8") as file:
        (folder / "dialogs.jsonl").write_text("".join(file))
    (folder / "evalloop.toml").write_text("")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run(["capture", "dialogs.jsonl", "--mapping", str(DEMO / "mappings/ukp.yaml")]) == 0
    return folder


@pytest.fixture
def told(captured: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Callable[[str], list[Any]]:
    """What the commands say on an engine, each engine in a copy of the project."""

    def on(engine: str) -> list[Any]:
        folder = tmp_path / engine
        shutil.copytree(captured, folder)
        monkeypatch.chdir(folder)
        settings = {"engine": engine, "engine_options": [f"{name}={value}" for name, value in QUICK.items()]}
        Path("evalloop.toml").write_text("".join(f"{name} = {json.dumps(value)}\n" for name, value in settings.items()))
        return [said(capsys, name) for name in ("fit", "weights", "report", "rate")]

    return on


def said(capsys: Any, name: str) -> Any:
    """The JSON of one verb of ``evalloop signals``."""
    capsys.readouterr()
    assert run(["signals", name, "--json"]) in (0, 5)
    found = json.loads(capsys.readouterr().out)
    return {key: value for key, value in found.items() if key != "fitted_at"} if isinstance(found, dict) else found


def test_every_command_says_the_same(told: Callable[[str], list[Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    """The fitted score, weights, what detectors are worth, and rates, to the last digit."""
    if shutil.which("java") is None:
        if os.environ.get("CI"):
            pytest.fail("no Java: .ci/run installs Debian's package default-jre-headless")
        pytest.skip("needs Java 17 or later (Debian: default-jre-headless)")
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC")
    here, there = told("duckdb"), told("local[1]")
    assert here[0]["surfaces"]
    assert here == there

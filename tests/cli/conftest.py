"""A project with real feedback, from captured events to candidates."""

from __future__ import annotations

import gzip
import json
import shutil
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from evalloop.cli.main import run

DEMO = Path(str(resources.files("evalloop"))) / "demo"


@pytest.fixture(scope="session")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with the dialogs of real users captured, clustered and grown; never change it."""
    folder = tmp_path_factory.mktemp("grown")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        (folder / "evalloop.toml").write_text("min_cluster = 3\n")
        with gzip.open(DEMO / "data/ukp/dialogs.jsonl.gz", "rt", encoding="utf-8") as file:
            (folder / "dialogs.jsonl").write_text("".join(list(file)[-200:]))
        assert run(["capture", "dialogs.jsonl", "--mapping", str(DEMO / "mappings/ukp.yaml")]) == 0
        assert run(["cluster"]) == 0
        assert run(["grow", "--evalset", "chat", "--per-cluster", "3"]) == 0
    return folder


@pytest.fixture
def project(grown: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that project as the current folder."""
    folder = tmp_path / "project"
    shutil.copytree(grown, folder)
    monkeypatch.chdir(folder)
    return folder


def listed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    """The candidates that wait."""
    capsys.readouterr()
    run(["review", "--list", "--json"])
    rows: list[dict[str, Any]] = json.loads(capsys.readouterr().out)
    return rows

"""The built-in plugins of every other kind keep the contracts of the kit (graders: tests/graders)."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from evalloop import plugins
from evalloop.records.call import Request
from evalloop.records.variant import Variant
from evalloop.testing import (
    ClustererContract,
    DetectorContract,
    EmbedderContract,
    ExporterContract,
    LabelerContract,
    Offline,
    RendererContract,
    SourceContract,
    TargetContract,
    TrainingFormatContract,
    make_event,
    make_generation,
)

HOST = plugins.load(builtin_only=True)
ROWS = [{"id": "1", "text": "one"}, {"id": "2", "text": "two"}]



def write_rows(name: str, folder: Path) -> str:
    """Two rows in the format of a source."""
    place = folder / f"rows.{name}"
    if name == "csv":
        with place.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, ["id", "text"])
            writer.writeheader()
            writer.writerows(ROWS)
    elif name == "parquet":
        import pyarrow
        import pyarrow.parquet

        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), place)
    elif name == "json":
        place.write_text(json.dumps(ROWS), encoding="utf-8")
    else:
        place.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return str(place)


class TestSources(SourceContract):
    """Files; the source ``datasets`` has places of its own and tests beside it."""

    @pytest.fixture(autouse=True, params=[name for name in HOST.names("sources") if name != "datasets"])
    def _take(self, request: pytest.FixtureRequest) -> None:
        self.source = HOST.get("sources", request.param)

    def place(self, folder: Path) -> str:
        return write_rows(self.source.name, folder)


SAID = [
    make_generation("r1", 0, prompt="how do I sort a long list"),
    *(make_event(kind, second=number, payload=payload, **fields) for number, (kind, payload, fields) in enumerate([
        ("feedback.thumbs", {"value": -1}, {}), ("feedback.rating", {"value": 4, "min": 1, "max": 5}, {}),
        ("feedback.comment", {"text": "this is wrong"}, {}), ("feedback.correction", {"ideal": "call sort()"}, {}),
        ("signal.copied", {"chars": 9}, {}), ("signal.regenerated", {}, {"links": {"regenerate_of": "r2"}}),
        ("signal.edited", {"delay_ms": 9, "similarity": 0.5}, {}), ("signal.shared", {}, {}),
        ("signal.accepted", {"time_to_accept_ms": 900}, {}), ("signal.stopped", {}, {}),
        ("response.viewed", {"focused_ms": 40_000}, {}), ("signal.escalated", {}, {}),
        ("outcome.task", {"status": "failure"}, {})], 1)),
    make_generation("r2", 60, prompt="no, how do I sort a long list, that is wrong"),
    make_event("signal.copied", "r2", 61), make_generation("later", 9000, session="s9", user="u9")]


class TestDetectors(DetectorContract):
    """Every built-in detector, on a turn about which everything is said that can be said."""

    events = SAID

    @pytest.fixture(autouse=True, params=HOST.names("detectors"))
    def _take(self, request: pytest.FixtureRequest) -> None:
        self.detector = HOST.get("detectors", request.param)


class TestTargets(TargetContract):
    """Every built-in target; models are asked of the model server."""

    request = Request("case-1", ({"role": "user", "content": "hi"},))

    @pytest.fixture(autouse=True, params=HOST.names("targets"))
    def _take(self, request: pytest.FixtureRequest, shared_server: Any, tmp_path: Path) -> None:
        (tmp_path / "recorded.jsonl").write_text('{"id": "case-1", "output": "hello"}\n', encoding="utf-8")
        (tmp_path / "mine.py").write_text("def shout(text):\n    return text.upper()\n", encoding="utf-8")
        options = {"litellm": {"base_url": shared_server.base_url}, "openai": {"base_url": shared_server.base_url},
                   "python": {"callable": "mine.py:shout"}, "replay": {"path": "recorded.jsonl"},
                   "command": {"argv": ["cat"]},
                   "http": {"url": f"{shared_server.base_url}/chat/completions", "output": "choices[0].message.content",
                            "body": {"model": "m", "messages": [{"role": "user", "content": "hi"}]}}}
        self.target = HOST.get("targets", request.param)
        self.variant = Variant("v", request.param, model="test", options=options[request.param])
        self.services = Offline(tmp_path, frozenset({"mine.py:shout"}), allowed_commands=frozenset({"cat"}))


class TestEmbedders(EmbedderContract):
    """Every built-in embedder that needs no model of somebody's."""

    @pytest.fixture(autouse=True, params=[name for name in HOST.names("embedders")
                                          if name not in ("litellm", "sentence-transformers")])
    def _take(self, request: pytest.FixtureRequest) -> None:
        self.embedder = HOST.get("embedders", request.param)


class TestClusterers(ClustererContract):
    """Every built-in clusterer."""

    @pytest.fixture(autouse=True, params=HOST.names("clusterers"))
    def _take(self, request: pytest.FixtureRequest) -> None:
        self.clusterer = HOST.get("clusterers", request.param)


class TestLabelers(LabelerContract):
    """Every built-in labeler that needs no model."""

    @pytest.fixture(autouse=True, params=[name for name in HOST.names("labelers") if name != "llm"])
    def _take(self, request: pytest.FixtureRequest) -> None:
        self.labeler = HOST.get("labelers", request.param)


class TestRenderers(RendererContract):
    """Every built-in renderer."""

    @pytest.fixture(autouse=True, params=HOST.names("renderers"))
    def _take(self, request: pytest.FixtureRequest) -> None:
        self.renderer = HOST.get("renderers", request.param)


class TestExporters(ExporterContract):
    """Every built-in exporter."""

    @pytest.fixture(autouse=True, params=HOST.names("exporters"))
    def _take(self, request: pytest.FixtureRequest) -> None:
        self.exporter = HOST.get("exporters", request.param)


class TestTrainingFormats(TrainingFormatContract):
    """Every built-in format of training data."""

    @pytest.fixture(autouse=True, params=HOST.names("training_formats"))
    def _take(self, request: pytest.FixtureRequest) -> None:
        self.form = HOST.get("training_formats", request.param)

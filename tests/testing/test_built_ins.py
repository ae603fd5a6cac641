"""The built-in plugins of every other kind keep the contracts of the kit (graders: tests/graders)."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from evalloop import plugins
from evalloop.records.call import Request
from evalloop.records.event import Event
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
    make_turn,
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


EVENTS = [
    ("feedback.thumbs", {"value": -1}), ("feedback.rating", {"value": 4, "min": 1, "max": 5}),
    ("feedback.comment", {"text": "this is wrong"}), ("feedback.correction", {"text": "call sort()"}),
    ("signal.copied", {"chars": 9}), ("signal.regenerated", {}), ("signal.edited", {"delay_ms": 9, "similarity": 0.5}),
    ("signal.accepted", {"time_to_accept_ms": 900}), ("signal.shared", {}), ("signal.stopped", {}),
    ("signal.escalated", {}), ("outcome.task", {"status": "failure"}),
]


def event(number: int, kind: str, payload: dict) -> Event:
    """An event about the response of the sample turn."""
    return Event(f"e{number}", kind, f"2026-01-05T10:00:{number:02d}Z", {"system": "test"},
                 {"response_id": "r1", "session_id": "s1"}, payload=payload)


class TestDetectors(DetectorContract):
    """Every built-in detector, on a turn about which everything is said that can be said."""

    turns = (make_turn(
        prompt="how do I sort a long list",
        generation=event(0, "generation.completed", {"text": "call sorted()"}),
        events=tuple(event(number, *each) for number, each in enumerate(EVENTS, 1)),
        following="no, how do I sort a long list, that is wrong", following_at="2026-01-05T10:00:30Z"),)

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
    """Every built-in embedder."""

    @pytest.fixture(autouse=True, params=HOST.names("embedders"))
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

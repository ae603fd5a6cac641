"""The contracts of the other kinds catch broken plugins."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from evalloop import engine
from evalloop.contracts import Label
from evalloop.records.call import Reply, Request
from evalloop.records.variant import Variant
from evalloop.testing import contracts, make_event, make_generation

EMPTY = {"type": "object", "additionalProperties": False}


class Lines:
    """A good source: one JSON object on each line."""

    name, version = "lines", "1"

    def matches(self, place):
        return place.endswith(".lines")

    def rows(self, place):
        for number, line in enumerate(Path(place).read_text(encoding="utf-8").splitlines(), 1):
            yield number, json.loads(line)


class Votes:
    """A good detector: every event is a vote against."""

    name, version, kind = "votes", "1", "explicit"

    def detect(self, evidence):
        votes = evidence.of_type("feedback.thumbs")
        ibis = engine.ibis
        return votes.select("response_id", "at_us", event_ids=ibis.array([votes.event_id]), weight=ibis.literal(1.0),
                            polarity=ibis.literal(-1.0))


class Hashed:
    """A good embedder: sums of pseudo-random word vectors."""

    name, version = "hashed", "1"

    def embed(self, texts):
        rows = [np.random.default_rng(sum(map(ord, text)) + 1).normal(size=16) for text in texts]
        rows = [row / np.linalg.norm(row) for row in rows]
        return np.asarray(rows, dtype=np.float32).reshape(len(texts), 16)


class Nearest:
    """A good clusterer for the sample: the largest coordinate is the group."""

    name, version = "nearest", "1"

    def cluster(self, vectors, *, seed=0):
        raw = vectors.argmax(axis=1) if len(vectors) else np.zeros(0, dtype=np.int64)
        groups, sizes = np.unique(raw, return_counts=True)
        order = {int(group): rank for rank, group in enumerate(groups[np.argsort(-sizes)])}
        return np.asarray([order[int(each)] for each in raw], dtype=np.int64)


class Firsts:
    """A good labeler: the number of the group, with its first text."""

    name, version = "firsts", "1"

    def label(self, texts, groups, vectors):
        return {int(group): Label(f"group {group}", quotes=(texts[int(np.flatnonzero(groups == group)[0])],))
                for group in set(groups.tolist()) - {-1}}


class Parrot:
    """A good target: says what it was asked."""

    name, version, schema = "parrot", "1", EMPTY

    def open(self, variant, services):
        return self

    async def call(self, request):
        return Reply(request.messages[-1]["content"])

    async def close(self):
        pass


class Words:
    """A good renderer: the names of both sides and the number of clusters."""

    name, version, suffix = "words", "1", ".txt"

    def render(self, data):
        return f"{data.comparison.baseline} {data.comparison.candidate} {len(data.comparison.clusters)}"


class Ids:
    """A good exporter: one case id on each line."""

    name, version, suffix = "ids", "1", ".txt"

    def export(self, run, trials, place):
        ids = [trial.case_id for trial in trials]
        place.write_text("".join(f"{each}\n" for each in ids), encoding="utf-8")
        return len(ids)


class SourceOf(contracts.SourceContract):
    """Two lines."""

    def place(self, folder):
        path = folder / "x.lines"
        path.write_text('{"a": 1}\n{"a": 2}\n', encoding="utf-8")
        return str(path)


EVENTS = [make_generation(), make_event("feedback.thumbs", payload={"value": -1})]
CONTRACTS = {
    Lines: (SourceOf, "source", {}),
    Votes: (contracts.DetectorContract, "detector", {"events": EVENTS}),
    Hashed: (contracts.EmbedderContract, "embedder", {}),
    Nearest: (contracts.ClustererContract, "clusterer", {}),
    Firsts: (contracts.LabelerContract, "labeler", {}),
    Parrot: (contracts.TargetContract, "target", {
        "variant": Variant("v", "parrot"), "request": Request("c", ({"role": "user", "content": "hi"},))}),
    Words: (contracts.RendererContract, "renderer", {}),
    Ids: (contracts.ExporterContract, "exporter", {}),
}


def failing(good: type, **members) -> list[str]:
    """The checks that a plugin fails, once its members were changed."""
    base, attribute, given = CONTRACTS[good]
    contract = base()
    for name, value in {**given, attribute: type("Changed", (good,), members)()}.items():
        setattr(contract, name, value)
    found = []
    for name in [each for each in dir(contract) if each.startswith("test_")]:
        try:
            getattr(contract, name)()
        except Exception:
            found.append(name)
    return found


@pytest.mark.parametrize("good", CONTRACTS)
def test_a_good_plugin_passes(good):
    """Nothing to complain about."""
    assert failing(good) == []


@pytest.mark.parametrize("good", CONTRACTS)
def test_a_plugin_without_a_name_is_caught(good):
    """Name and version are texts."""
    assert [name for name in failing(good, version="") if name.startswith("test_has_the_members")]


def against(keep=True, polarity=-1.0, evidence=None, drift=None):
    """A detector that does something wrong."""
    def detect(self, given):
        ibis, votes = engine.ibis, given.of_type("feedback.thumbs")
        ids = ibis.array([votes.event_id if evidence is None else ibis.literal(evidence)])
        found = votes.select("response_id", "at_us", event_ids=ids, polarity=ibis.literal(polarity),
                             weight=ibis.literal(1.0 - next(drift) if drift else 1.0))
        return found.filter(ibis.literal(keep))
    return detect


def counting():
    """A new text each time."""
    numbers = iter(range(10**6))
    return lambda *given, **named: f"base cand {next(numbers)}"


@pytest.mark.parametrize(("good", "members", "check"), [
    (Lines, {"matches": lambda self, place: True}, "test_knows_its_places"),
    (Lines, {"rows": lambda self, place: [(0, {"a": 1})]}, "test_rows_are_numbered_mappings"),
    (Lines, {"rows": lambda self, place: [(1, ["a"])]}, "test_rows_are_numbered_mappings"),
    (Votes, {"kind": "loud"}, "test_has_the_members_of_a_detector"),
    (Votes, {"detect": against(keep=False)}, "test_signals_are_well_formed"),
    (Votes, {"detect": against(polarity=-2.0)}, "test_signals_are_well_formed"),
    (Votes, {"detect": against(evidence="never-seen")}, "test_signals_are_well_formed"),
    (Votes, {"detect": against(drift=iter((0.1, 0.2, 0.3, 0.4)))}, "test_order_of_events_does_not_matter"),
    (Hashed, {"embed": lambda self, texts: 2 * Hashed().embed(texts)}, "test_rows_are_unit_vectors"),
    (Hashed, {"embed": lambda self, texts: Hashed().embed(texts).astype(float)}, "test_rows_are_unit_vectors"),
    (Hashed, {"embed": lambda self, texts: Hashed().embed([chr(65 + place) for place in range(len(texts))])},
     "test_says_the_same_twice"),
    (Hashed, {"embed": lambda self, texts: np.stack(list(Hashed().embed(texts)))}, "test_accepts_no_texts"),
    (Nearest, {"cluster": lambda self, vectors, seed=0: np.zeros(len(vectors), dtype=int)},
     "test_finds_planted_groups"),
    (Nearest, {"cluster": lambda self, vectors, seed=0: np.full(len(vectors), -1)}, "test_finds_planted_groups"),
    (Nearest, {"cluster": lambda self, vectors, seed=0: 2 - Nearest().cluster(vectors)},
     "test_groups_are_numbered_by_size"),
    (Nearest, {"cluster": lambda self, vectors, seed=0: Nearest().cluster(vectors[2:])}, "test_accepts_few_rows"),
    (Firsts, {"label": lambda self, texts, groups, vectors: {0: Label("x")}}, "test_labels_every_group"),
    (Firsts, {"label": lambda self, texts, groups, vectors: {n: Label("x" * 61) for n in (0, 1, 2)}},
     "test_labels_every_group"),
    (Firsts, {"label": lambda self, texts, groups, vectors: {n: Label("x", quotes=("made up",)) for n in (0, 1, 2)}},
     "test_quotes_come_from_the_group"),
    (Parrot, {"schema": {"type": "object"}}, "test_has_the_members_of_a_target"),
    (Words, {"suffix": "txt"}, "test_has_the_members_of_a_renderer"),
    (Words, {"render": counting()}, "test_renders_the_same_twice"),
    (Words, {"render": lambda self, data: f"base cand {data.comparison.clusters[0].cluster}"},
     "test_encodes_what_users_wrote"),
    (Ids, {"export": lambda self, run, trials, place: Ids().export(run, trials, place) + 1},
     "test_writes_what_it_counts"),
])
def test_a_broken_promise_is_caught(good, members, check):
    """Each kind of mistake fails the check that is about it."""
    assert check in failing(good, **members)

"""The contracts of the other kinds of plugin objects, as tests that a subclass inherits."""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evalloop.contracts import (
    Clusterer,
    Detector,
    Embedder,
    Exporter,
    Label,
    Labeler,
    Platform,
    Plugin,
    RawRow,
    Renderer,
    Services,
    Source,
    Target,
)
from evalloop.errors import RecordError
from evalloop.records.call import Reply, Request
from evalloop.records.event import Event
from evalloop.records.signal import Signal
from evalloop.records.variant import Variant
from evalloop.store import yaml
from evalloop.store.schema import check, validate
from evalloop.testing.evidence import signals_of
from evalloop.testing.fakes import HOSTILE, Offline
from evalloop.testing.samples import PAYLOAD, make_report, make_run, make_trials

if TYPE_CHECKING:
    from evalloop.contracts import Vectors

KINDS = ("explicit", "implicit", "outcome")
TEXTS = ("the citation is broken", "a link in the citation is dead", "it is too slow", "it takes far too long", "nice")


def check_names(given: Plugin, contract: type) -> None:
    """Fails unless the object has the members of its contract, a name and a version."""
    assert isinstance(given, contract), f"{type(given).__name__} lacks members of {contract.__name__}"
    for member in (given.name, given.version):
        assert isinstance(member, str), "name and version are texts"
        assert member, "name and version are not empty"


class SourceContract:
    """A source reads ``place`` (made by the subclass) row by row, and leaves ``foreign`` places to others."""

    source: Source
    foreign: str = "somewhere.unknown-ending"

    def place(self, folder: Path) -> str:
        """Writes a place with at least one row into ``folder`` and returns its address."""
        raise NotImplementedError

    def test_has_the_members_of_a_source(self) -> None:
        """The object has every member."""
        check_names(self.source, Source)

    def test_knows_its_places(self) -> None:
        """It matches its own place and not a foreign one."""
        with tempfile.TemporaryDirectory() as folder:
            assert self.source.matches(self.place(Path(folder)))
        assert not self.source.matches(self.foreign)

    def test_rows_are_numbered_mappings(self) -> None:
        """Rows come with rising numbers from 1, as mappings of plain data, and the same when read again."""
        with tempfile.TemporaryDirectory() as folder:
            place = self.place(Path(folder))
            rows, again = list(self.source.rows(place)), list(self.source.rows(place))
        assert rows, "the place has at least one row"
        assert rows == again
        numbers = [number for number, _ in rows]
        assert numbers[0] >= 1, "numbers start at 1"
        assert numbers == sorted(set(numbers)), "numbers rise"
        for _, row in rows:
            assert isinstance(row, Mapping), f"the sample place holds a broken row: {row}"
            json.dumps(dict(row), default=str)


class PlatformContract:
    """A platform's mapping is sound, and an export (``place``, read by ``source``) gives the same rows each time."""

    platform: Platform
    source: Source

    def place(self, folder: Path) -> str:
        """Writes an export with at least one good row into ``folder`` and returns its address."""
        raise NotImplementedError

    def test_has_the_members_of_a_platform(self) -> None:
        """The object has every member, and its mapping is one."""
        check_names(self.platform, Platform)
        assert validate("mapping", yaml.load(self.platform.mapping).data) == []

    def test_rows_are_mappings_and_the_same_again(self) -> None:
        """What the mapping reads are rows of plain data."""
        with tempfile.TemporaryDirectory() as folder:
            place = self.place(Path(folder))
            rows, again = (list(self.platform.rows(self.source.rows(place))) for _ in range(2))
        assert rows, "the export has at least one row"
        assert rows == again
        for _, row in rows:
            assert isinstance(row, Mapping), f"the sample export holds a broken row: {row}"

    def test_broken_rows_pass_through(self) -> None:
        """What is not the platform's own never raises."""
        broken = RecordError("broken", file="x", line=1)
        rows: list[RawRow] = [(1, broken), (2, {}), (3, {"id": None, "data": []})]
        assert [row for _, row in self.platform.rows(iter(rows)) if isinstance(row, RecordError)] == [broken]


class DetectorContract:
    """A detector finds at least one signal in ``events``."""

    detector: Detector
    events: Sequence[Event]

    def signals(self) -> list[Signal]:
        """What the detector finds."""
        return signals_of(self.detector, self.events)

    def test_has_the_members_of_a_detector(self) -> None:
        """The object has every member and a known kind."""
        check_names(self.detector, Detector)
        assert self.detector.kind in KINDS

    def test_signals_are_well_formed(self) -> None:
        """Each signal names its detector and kind, its figures are in range, and its evidence exists."""
        known = {event.event_id for event in self.events}
        found = self.signals()
        assert found, "the sample events hold a signal"
        for signal in found:
            assert signal.detector == f"{self.detector.name}@{self.detector.version}"
            assert signal.kind == self.detector.kind
            assert -1 <= signal.polarity <= 1
            assert 0 <= signal.weight <= 1
            assert signal.event_ids, "a signal names its evidence"
            assert set(signal.event_ids) <= known, "evidence are events of the log"

    def test_order_of_events_does_not_matter(self) -> None:
        """The same events the other way round give the same signals, each with an id of its own."""
        found = self.signals()
        assert found == signals_of(self.detector, list(self.events)[::-1])
        assert len({signal.signal_id for signal in found}) == len(found), "ids are unique"

    def test_finds_nothing_in_nothing(self) -> None:
        """No events, no signals."""
        assert signals_of(self.detector, []) == []


class EmbedderContract:
    """An embedder turns any texts into unit vectors."""

    embedder: Embedder
    texts: Sequence[str] = TEXTS

    def test_has_the_members_of_an_embedder(self) -> None:
        """The object has every member."""
        check_names(self.embedder, Embedder)

    def test_rows_are_unit_vectors(self) -> None:
        """One finite float32 row of length 1 for each text, hostile ones too."""
        import numpy as np

        texts = [*self.texts, *HOSTILE]
        vectors = np.asarray(self.embedder.embed(texts))
        assert vectors.ndim == 2
        assert vectors.shape[0] == len(texts)
        assert vectors.dtype == np.float32
        assert np.isfinite(vectors).all()
        assert np.allclose(np.linalg.norm(vectors[: len(self.texts)], axis=1), 1, atol=1e-3)

    def test_says_the_same_twice(self) -> None:
        """The same texts give the same vectors, and equal texts equal rows."""
        import numpy as np

        texts = [*self.texts, self.texts[0]]
        first, second = self.embedder.embed(texts), self.embedder.embed(texts)
        assert np.allclose(first, second, atol=1e-5)
        assert np.allclose(first[0], first[-1], atol=1e-5)

    def test_accepts_no_texts(self) -> None:
        """No texts, no rows."""
        assert len(self.embedder.embed([])) == 0


class ClustererContract:
    """A clusterer finds groups that lie far apart."""

    clusterer: Clusterer
    sizes: Sequence[int] = (60, 40, 25)

    def vectors(self) -> Vectors:
        """Unit vectors around as many directions as there are sizes, the same in every call."""
        import numpy as np

        random = np.random.default_rng(7)
        rows = [np.eye(16)[group] + random.normal(0, 0.05, 16) for group, n in enumerate(self.sizes) for _ in range(n)]
        array = np.asarray(rows, dtype=np.float32)
        return np.asarray(array / np.linalg.norm(array, axis=1, keepdims=True), dtype=np.float32)

    def test_has_the_members_of_a_clusterer(self) -> None:
        """The object has every member."""
        check_names(self.clusterer, Clusterer)

    def test_finds_planted_groups(self) -> None:
        """No group mixes two planted ones, and at most a tenth is left over."""
        import numpy as np

        labels = np.asarray(self.clusterer.cluster(self.vectors(), seed=0))
        planted = np.repeat(np.arange(len(self.sizes)), self.sizes)
        assert labels.shape == planted.shape
        for group in set(labels.tolist()) - {-1}:
            assert len(set(planted[labels == group].tolist())) == 1, f"group {group} mixes planted groups"
        assert (labels == -1).mean() <= 0.1

    def test_groups_are_numbered_by_size(self) -> None:
        """Groups count from 0 by falling size."""
        import numpy as np

        labels = np.asarray(self.clusterer.cluster(self.vectors(), seed=0))
        sizes = [int((labels == group).sum()) for group in range(int(labels.max()) + 1)]
        assert sizes == sorted(sizes, reverse=True)
        assert 0 not in sizes

    def test_says_the_same_for_a_seed(self) -> None:
        """The same vectors and seed give the same groups."""
        vectors = self.vectors()
        first, second = self.clusterer.cluster(vectors, seed=3), self.clusterer.cluster(vectors, seed=3)
        assert list(first) == list(second)

    def test_accepts_few_rows(self) -> None:
        """None, one and two rows give as many labels."""
        for n in (0, 1, 2):
            assert len(self.clusterer.cluster(self.vectors()[:n], seed=0)) == n


class LabelerContract:
    """A labeler names groups; ``texts``, ``groups`` and ``vectors()`` may be replaced."""

    labeler: Labeler
    texts: Sequence[str] = (*TEXTS[:4], *HOSTILE[:9])
    groups: Sequence[int] = (0, 0, 1, 1, *[-1] * 5, *[2] * 4)

    def labels(self) -> dict[int, Label]:
        """The labels of the sample."""
        import numpy as np

        vectors = np.eye(len(self.texts), dtype=np.float32)
        return dict(self.labeler.label(self.texts, np.asarray(self.groups, dtype=np.int64), vectors))

    def test_has_the_members_of_a_labeler(self) -> None:
        """The object has every member."""
        check_names(self.labeler, Labeler)

    def test_labels_every_group(self) -> None:
        """Each group but -1 has one label: at most 60 characters on one line."""
        found = self.labels()
        assert set(found) == set(self.groups) - {-1}
        for label in found.values():
            assert 1 <= len(label.label) <= 60
            assert len(label.label.splitlines()) == 1

    def test_quotes_come_from_the_group(self) -> None:
        """The letters of a quote stand in one text of the group itself; it may be cut and cleaned."""
        for group, label in self.labels().items():
            own = [_letters(text) for text, each in zip(self.texts, self.groups, strict=True) if each == group]
            assert all(any(_letters(quote) in text for text in own) for quote in label.quotes)


def _letters(text: str) -> str:
    return re.sub(r"\W", "", text)


class TargetContract:
    """A target answers ``request`` for ``variant``; both are given by the subclass."""

    target: Target
    variant: Variant
    request: Request
    services: Services = Offline()

    async def answers(self, n: int) -> list[Reply]:
        """``n`` answers at once from one open target."""
        caller = self.target.open(self.variant, self.services)
        try:
            return list(await asyncio.gather(*(caller.call(self.request) for _ in range(n))))
        finally:
            await caller.close()

    def test_has_the_members_of_a_target(self) -> None:
        """The object has every member, and the schema refuses an unknown option."""
        check_names(self.target, Target)
        assert check(self.target.schema, dict(self.variant.options)) == []
        assert check(self.target.schema, {**self.variant.options, "no_such_option": 1})

    def test_answers(self) -> None:
        """An answer is a Reply that survives JSON."""
        (reply,) = asyncio.run(self.answers(1))
        assert isinstance(reply.text, str)
        assert Reply.from_dict(json.loads(json.dumps(reply.to_dict(), allow_nan=False))) == reply

    def test_answers_many_at_once(self) -> None:
        """Eight calls in one event loop all come back."""
        assert len(asyncio.run(self.answers(8))) == 8


class RendererContract:
    """A renderer writes a comparison in which users wrote hostile text."""

    renderer: Renderer

    def test_has_the_members_of_a_renderer(self) -> None:
        """The object has every member, and the suffix is a file ending."""
        check_names(self.renderer, Renderer)
        assert re.fullmatch(r"\.[a-z0-9.]+", self.renderer.suffix)

    def test_renders_the_same_twice(self) -> None:
        """The same data gives the same text, which names both sides."""
        text = self.renderer.render(make_report("plain"))
        assert text == self.renderer.render(make_report("plain"))
        assert "base" in text
        assert "cand" in text

    def test_encodes_what_users_wrote(self) -> None:
        """No escape sequence, no bidirectional control and, in HTML, no script of theirs comes through."""
        text = self.renderer.render(make_report(PAYLOAD))
        assert "\x1b" not in text
        assert "\u202e" not in text
        if self.renderer.suffix in (".html", ".md", ".xml"):
            assert "<script>alert(1)" not in text


class ExporterContract:
    """An exporter writes the trials of a run."""

    exporter: Exporter

    def export(self, folder: Path, *, empty: bool = False, **run: Any) -> tuple[int, Path]:
        """Rows written, and where."""
        place = folder / f"out{self.exporter.suffix}"
        return self.exporter.export(make_run(**run), [] if empty else make_trials(PAYLOAD), place), place

    def test_has_the_members_of_an_exporter(self) -> None:
        """The object has every member, and the suffix is a file ending."""
        check_names(self.exporter, Exporter)
        assert re.fullmatch(r"\.[a-z0-9.]+", self.exporter.suffix)

    def test_writes_what_it_counts(self) -> None:
        """The number of rows is right for a run with trials and for one without, and the file is there."""
        with tempfile.TemporaryDirectory() as folder:
            rows, place = self.export(Path(folder))
            assert 0 < rows <= 3
            assert place.exists()
        with tempfile.TemporaryDirectory() as folder:
            assert self.export(Path(folder), empty=True)[0] == 0

    def test_writes_the_same_twice(self) -> None:
        """The same run gives the same bytes."""
        with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
            first, second = self.export(Path(one))[1], self.export(Path(two))[1]
            if first.is_file():
                assert first.read_bytes() == second.read_bytes()

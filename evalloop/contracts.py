"""What the objects look like that hooks return.

Members written as properties may be plain class attributes of the object.

Every plugin object has a ``name`` (unique among its kind) and a ``version`` (a text that changes whenever its results
may change). Objects are stateless between calls. Options arrive as plain mappings that were checked against the
object's ``schema`` (a JSON Schema of draft 2020-12 that refuses unknown keys).
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from evalloop.errors import RecordError
from evalloop.records.run import Grade

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evalloop.records.call import Price, Reply, Request
    from evalloop.records.case import Case
    from evalloop.records.notice import Notice
    from evalloop.records.preference import Judged, Preference, RubricRating
    from evalloop.records.report import Comparison
    from evalloop.records.run import Run, Trial
    from evalloop.records.variant import Variant

    Vectors = NDArray[np.float32]
    Labels = NDArray[np.int64]


@runtime_checkable
class Plugin(Protocol):
    """What every plugin object has."""

    name: str
    version: str


RawRow = tuple[int, Mapping[str, Any] | RecordError]
"""A line or row number, and the row or what is wrong with it."""


@runtime_checkable
class Source(Plugin, Protocol):
    """Reads raw rows from a place (a file, a folder, an address)."""

    def matches(self, place: str) -> bool:
        """True when this source can read ``place`` (by its suffix or scheme)."""

    def rows(self, place: str) -> Iterator[RawRow]:
        """(line or row number from 1, raw row) in the order of the place.

        A broken row comes as a RecordError in its place (returned, not raised), so that reading can go on.
        """


class Evidence(Protocol):
    """What a detector reads: Ibis tables on an engine; ``docs/engine.md`` lists their columns."""

    @property
    def engine(self) -> Any:
        """The engine that holds the tables: ``keep``, ``batches``, ``apply`` and more; see ``evalloop.engine``."""

    @property
    def events(self) -> Any:
        """All events that count, with the columns of the lake."""

    @property
    def turns(self) -> Any:
        """One row for each response, with its session and what came next."""

    @property
    def acts(self) -> Any:
        """The events that speak of a response, each with ``response_id``."""

    @property
    def counts(self) -> Mapping[str, int]:
        """events, about, orphans, session_level, internal, doubled, turns."""

    def of_type(self, *types: str) -> Any:
        """The acts of some event types."""

    def words(self) -> Any:
        """event_id, said, answered: the user's words of an event, and the answer to them."""

    def dialogue(self) -> Any:
        """Turns with ``prompt``, ``response`` and the user's next message ``following``."""


@runtime_checkable
class Platform(Plugin, Protocol):
    """Feedback as another platform exports it: a mapping file, and what a mapping cannot say about the rows."""

    @property
    def mapping(self) -> Path:
        """The mapping file that makes events of the platform's rows."""

    def rows(self, rows: Iterator[RawRow]) -> Iterator[RawRow]:
        """The rows that the mapping reads, made of those in the export: the same ones, unless the platform writes one
        vote twice, many votes in one row, or needs to know of other rows. Errors pass through; nothing raises."""


@runtime_checkable
class Detector(Plugin, Protocol):
    """Derives signals of one sort from turns and acts. Recomputable: the same events give the same signals and ids.

    A detector is a set of Ibis expressions, so that it runs where the data is, on any engine; ``docs/engine.md`` lists
    the columns of its tables. What must be read by Python (texts) goes through ``evidence.engine.apply`` in batches.
    """

    kind: str
    """explicit, implicit or outcome."""

    def detect(self, evidence: Evidence) -> Any:
        """An Ibis table with one row for each signal: response_id, event_ids (array of text), polarity in [-1, 1],
        weight in [0, 1], at_us (microseconds since 1970), and where they are known user_key, text and reason."""


@runtime_checkable
class Embedder(Plugin, Protocol):
    """Turns texts into vectors."""

    def embed(self, texts: Sequence[str]) -> Vectors:
        """(n texts, d) float32, rows of unit length."""


@runtime_checkable
class Clusterer(Plugin, Protocol):
    """Groups vectors; finds the number of groups itself."""

    def cluster(self, vectors: Vectors, *, seed: int = 0) -> Labels:
        """(n,) group numbers from 0 by falling size; -1 is "other"."""


@dataclass(frozen=True)
class Label:
    """The name of a group as people see it (at most 60 characters), key phrases, and its most central texts."""

    label: str
    keywords: tuple[str, ...] = ()
    quotes: tuple[str, ...] = ()
    category: str | None = None


@runtime_checkable
class Labeler(Plugin, Protocol):
    """Names groups of texts."""

    def label(self, texts: Sequence[str], groups: Labels, vectors: Vectors) -> Mapping[int, Label]:
        """One Label for each group number except -1."""


@dataclass(frozen=True)
class Imported:
    """A foreign suite as evalset entries, and each part of it that was not carried over.

    ``suite`` holds keys of suite.yaml beside the cases. ``cases`` are (line or row number, entry of an evalset file);
    an entry may lack ``id`` and ``cluster``. ``recordings`` are outputs that the place holds, by the name of who made
    them, as (position in ``cases``, text). ``problems`` name what was left out, where, and why.
    """

    name: str
    cases: Sequence[tuple[int, Mapping[str, Any]]]
    suite: Mapping[str, Any] = field(default_factory=dict)
    recordings: Mapping[str, Sequence[tuple[int, str]]] = field(default_factory=dict)
    problems: Sequence[RecordError] = ()


@runtime_checkable
class Importer(Plugin, Protocol):
    """Turns a suite of another tool into an evalset."""

    @property
    def fields(self) -> frozenset[str]:
        """What a user may point to a column of the place: any of id, input, expected, choices, output."""

    def matches(self, place: str) -> bool:
        """True when the place looks like this tool's own; never raises."""

    def read(self, place: str, fields: Mapping[str, str]) -> Imported:
        """The suite at ``place``; ``fields`` names columns. Raises RecordError(s) when nothing can be read."""


class Caller(Protocol):
    """An open target, ready for calls; used by many tasks of one event loop at once."""

    async def call(self, request: Request) -> Reply:
        """One answer. Raises TargetError (``retryable`` and ``retry_after`` say whether trying again may help)."""

    async def close(self) -> None:
        """Gives back connections."""


@runtime_checkable
class Target(Plugin, Protocol):
    """Makes outputs for a variant.

    A target whose answers depend on more than the request and the variant (local code, a file) sets
    ``cacheable = False``, and its answers are never kept in the call cache.

    A target with options that are templates names them in ``templates`` (a frozenset); the runner fills their slots for
    each case, with the same names as in a prompt, into ``Request.options``.
    """

    @property
    def schema(self) -> Mapping[str, Any]:
        """JSON Schema of ``variant.options``."""

    def open(self, variant: Variant, services: Services) -> Caller:
        """A caller for this variant; raises ConfigError when an option is missing. Called inside the event loop."""


@runtime_checkable
class KnowsPrices(Protocol):
    """A target that can say before a call what a variant's model costs."""

    def price(self, variant: Variant) -> Price | None:
        """The price; None when it is not known, and then a run with a budget of money is refused."""


class Services(Protocol):
    """What targets and graders may use of the host."""

    root: Path
    """The project folder; relative paths of a variant lie under it."""

    allowed: frozenset[str]
    """Python callables (``module:name``) that the project's own config allows."""

    allowed_commands: frozenset[str]
    """Command lines, as a shell would write them, that the project's own config allows."""
    allowed_keys: frozenset[str]
    """``NAME@host``: keys of the environment that the project's own config lets go to that host."""

    judge_model: str
    """The model that ``complete`` asks unless it is told another; empty when none is set."""

    async def complete(self, messages: Sequence[Mapping[str, Any]], *, model: str | None = None,
                       params: Mapping[str, Any] | None = None) -> Reply:
        """One answer of the judge model (cached, budgeted); raises TargetError."""

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One vector for each text, by the configured embedder."""


@dataclass(frozen=True)
class GradeContext:
    """What a grader sees: the case, the reply (``output`` is its text), the host's services, and all graders by name.

    A grader that holds others asks them through ``evalloop.grading.apply``, so that ``not`` and thresholds hold inside.
    """

    case: Case
    reply: Reply
    services: Services
    graders: Mapping[str, Grader] = field(default_factory=dict)

    @property
    def output(self) -> str:
        """The text that is graded."""
        return self.reply.text


Verdict = Grade | bool | float | None
"""What a grader may return: bool = pass or fail, number in [0, 1] = score, None = not gradable."""


@runtime_checkable
class Grader(Plugin, Protocol):
    """Judges one output."""

    deterministic: bool
    """True when the same input always gives the same verdict; checked on a sample in every run."""

    @property
    def schema(self) -> Mapping[str, Any]:
        """JSON Schema of the options (an object)."""

    @property
    def short(self) -> str | None:
        """The option that a bare value fills (``- contains: x``); None when there is none."""

    @property
    def needs(self) -> frozenset[str]:
        """Any of expected, context, judge, embedding: what the case or host must offer.

        A case needs no ``expected`` when the option named by ``short`` is given.
        """

    def grade(self, context: GradeContext, options: Mapping[str, Any]) -> Verdict | Awaitable[Verdict]:
        """The verdict on ``context.output``; may be a coroutine. Never raises for a strange output."""


@runtime_checkable
class ChecksOptions(Protocol):
    """A grader that can find more wrong with its options than its schema can (a pattern that does not compile)."""

    def problems(self, case: Case, options: Mapping[str, Any]) -> Sequence[str]:
        """What is wrong, one text each; asked when an evalset is read, after the schema was satisfied."""


@dataclass(frozen=True)
class ReportData:
    """What a renderer gets: the comparison, and where runs were compared their headers, trials and cases.

    ``others`` are comparisons of further candidates with the same baseline; all were adjusted for many looks together.
    ``width`` is that of the terminal the text is for; None in a file or a pipe.
    """

    comparison: Comparison
    runs: tuple[Run, ...] = ()
    trials: Mapping[str, Sequence[Trial]] = field(default_factory=dict)
    cases: Mapping[str, Case] = field(default_factory=dict)
    title: str = "evalloop report"
    others: tuple[Comparison, ...] = ()
    width: int | None = None


@runtime_checkable
class Renderer(Plugin, Protocol):
    """Writes a report in one format."""

    suffix: str
    """File ending, such as ``.html``."""

    def render(self, data: ReportData) -> str:
        """The whole report as text."""


@runtime_checkable
class Exporter(Plugin, Protocol):
    """Writes the trials of a run in a foreign format."""

    suffix: str

    def export(self, run: Run, trials: Iterable[Trial], place: Path) -> int:
        """Writes ``place`` and returns the number of rows."""


@dataclass(frozen=True)
class TrainingData:
    """What a training format gets: preference pairs, judged answers, and ratings by criterion (which have no split)."""

    pairs: Sequence[Preference] = ()
    judged: Sequence[Judged] = ()
    ratings: Sequence[RubricRating] = ()

    def of_split(self, split: str) -> TrainingData:
        """The rows of one split, train or heldout; ratings belong to train."""
        return TrainingData([each for each in self.pairs if each.split == split],
                            [each for each in self.judged if each.split == split],
                            self.ratings if split == "train" else ())


@runtime_checkable
class TrainingFormat(Plugin, Protocol):
    """Writes training data as one trainer reads it."""

    about: str
    """What the format is, in a few words."""

    def write(self, data: TrainingData, folder: Path) -> Mapping[str, int]:
        """Writes files into ``folder`` (made if need be) and returns the rows of each split that has some."""


@runtime_checkable
class Channel(Plugin, Protocol):
    """Takes notices to users."""

    def matches(self, place: str) -> bool:
        """True when this channel delivers to ``place`` (by its ending or scheme)."""

    def send(self, notice: Notice, place: str, options: Mapping[str, str]) -> None:
        """Delivers one notice before it returns; EvalloopError when it did not arrive. May be asked twice for one."""

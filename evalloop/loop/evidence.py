"""Signals: events become evidence and failures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalloop.errors import ConfigError, EmptyError, UsageError
from evalloop.loop.project import Progress, Project
from evalloop.loop.warehouse import WarehouseEvents

if TYPE_CHECKING:
    from evalloop.contracts import Detector
    from evalloop.records.event import Event
    from evalloop.records.failure import Failure
    from evalloop.records.signal import Signal
    from evalloop.records.turn import Turn
    from evalloop.signals.evidence import Evidence
    from evalloop.signals.report import SignalReport
    from evalloop.store.conflicts import Conflict
    from evalloop.store.derived import SignalFiles
    from evalloop.store.drain import Drained
    from evalloop.store.events import EventStore
    from evalloop.store.log import EventLog


def add_events(project: Project, events: Iterable[Event]) -> None:
    """Stores events that evalloop itself makes; on the disk when this returns."""
    with event_store(project) as store:
        store.add(events)


def event_store(project: Project) -> EventStore:
    """The project's inbox."""
    from evalloop.store.events import EventStore

    return EventStore(store_address(project))


def store_address(project: Project) -> str:
    """The database of the project: that of the settings, or a SQLite file in the state folder."""
    return project.config.store or str(project.config.state_dir / "events.sqlite")


def has_events(project: Project) -> bool:
    """True when the project has a store of events; looking makes none."""
    return bool(project.config.store or (project.config.state_dir / "events.sqlite").is_file())


def open_log(project: Project) -> EventLog:
    """The project's whole log of events: lake and inbox."""
    from evalloop.store.log import EventLog

    return EventLog(store_address(project), project.config.lake or str(project.config.state_dir / "lake"))


def drain(project: Project, progress: Callable[[str, int], None] = lambda step, rows: None) -> Drained:
    """Moves the days that are complete (setting ``settle_days``) from the inbox into the lake."""
    with open_log(project) as log:
        return log.drain(project.config.settle_days, progress=progress)


def conflicts(project: Project) -> list[Conflict]:
    """The events that stay in the inbox, unread: the lake has another body under the id of each."""
    with open_log(project) as log:
        return log.conflicts()


def settle_conflicts(project: Project, ids: Collection[str] = (), *, accepted: bool) -> int:
    """Ends conflicts (default: all): events of the inbox take the place of the lake's, or are dropped; how many."""
    with open_log(project) as log:
        found = {each.event_id: each for each in log.conflicts()}
        if unknown := sorted({*ids} - found.keys()):
            raise UsageError(f"{unknown[0]!r} is no event in conflict with the lake",
                             fix="evalloop store conflicts lists them")
        if not found:
            raise EmptyError("no event is in conflict with the lake")
        chosen = [found[name] for name in sorted({*ids} or found)]
        log.settle(chosen, accepted=accepted)
        return len(chosen)


@contextmanager
def open_evidence(project: Project) -> Iterator[Workbench]:
    """The project's turns and acts on its engine (settings ``engine``, ``engine_memory``), and its signals."""
    from evalloop.engine import open_engine
    from evalloop.signals.evidence import VERSION, gather
    from evalloop.store import columns
    from evalloop.store.derived import SignalFiles

    config = project.config
    with (open_log(project) as log, log.snapshot() as events, open_engine(
            config.engine, memory=config.engine_memory, scratch=config.state_dir / "tmp",
            options=_options(config.engine_options)) as engine):
        schema = columns.schema()
        waiting = engine.rows(events.inbox, schema)
        every = engine.parquet(events.addresses, schema).union(waiting) if events.addresses else waiting
        digest = events.digest
        if config.warehouse:
            more = WarehouseEvents(project)
            held = engine.rows(more, schema)
            every, digest = every.union(_first_of_each(held.anti_join(every, "event_id"))), f"{digest} {more.digest}"
        project.progress("turns and acts", 0, 0)
        evidence = gather(engine, every, idle_s=config.session_gap)
        project.progress("turns and acts", 1, 1)
        yield Workbench(evidence, SignalFiles(config.state_dir / "signals"),
                        f"{digest} {VERSION} {config.session_gap:g}", project.progress)


def _options(given: Sequence[str]) -> dict[str, str]:
    """``spark.executor.memory=8g`` and so on, by name."""
    pairs = [text.partition("=") for text in given]
    wrong = next((text for text, (name, _, value) in zip(given, pairs, strict=True)
                  if not name.startswith("spark.") or not value), None)
    if wrong is not None:
        raise ConfigError(f"{wrong!r} is no setting of Spark", key="engine_options",
                          fix="write NAME=VALUE, as spark.executor.memory=8g")
    return {name.strip(): value.strip() for name, _, value in pairs}


def _first_of_each(events: Any) -> Any:
    """Each event once, where a warehouse holds it twice: of two bodies the earlier, and the same in any order."""
    from evalloop.engine import ibis

    window = ibis.window(group_by=events.event_id, order_by=[events.at_us, events.body, events.received_at])
    numbered = events.mutate(copy=ibis.row_number().over(window))
    return numbered.filter(numbered.copy == 0).drop("copy")


@dataclass(frozen=True)
class Workbench:
    """Evidence, and the files in which the signals derived from it are kept; ``digest`` names the events, ``progress``
    hears of each detector."""

    evidence: Evidence
    files: SignalFiles
    digest: str
    progress: Progress

    def signals(self, detectors: Sequence[Detector]) -> dict[str, Any]:
        """The signals of each detector by ``name@version``; only those are derived whose version or events changed."""
        found = {}
        for number, detector in enumerate(detectors):
            self.progress("signals", number, len(detectors))
            name = f"{detector.name}@{detector.version}"
            found[name] = self._of(detector, name)
        self.progress("signals", len(detectors), len(detectors))
        return found

    def records(self, detectors: Sequence[Detector]) -> dict[str, list[Signal]]:
        """The same as records, each list by time."""
        from evalloop.signals.derive import records

        return {name: list(records(self.evidence, found)) for name, found in self.signals(detectors).items()}

    def _of(self, detector: Detector, name: str) -> Any:
        from evalloop.signals.build import arrow_schema
        from evalloop.signals.derive import run

        engine = self.evidence.engine
        kept = self.files.fresh(name, self.digest)
        if kept is not None:
            return engine.parquet(kept, arrow_schema())
        found = run(detector, self.evidence)
        self.files.replace(name, self.digest, engine.count(found), lambda folder: engine.write(found, folder))
        return found


def detectors_of(project: Project, names: Iterable[str] = ()) -> list[Detector]:
    """The named detectors (default: all), with the thresholds of the project's settings."""
    from evalloop.signals.threshold import with_thresholds

    every = with_thresholds([project.host.get("detectors", name) for name in project.host.names("detectors")],
                            project.config.thresholds)
    wanted = list(names)
    for name in wanted:
        project.host.get("detectors", name)
    return [each for each in every if not wanted or each.name in wanted]


def derive_signals(project: Project, detectors: Iterable[str] = (), *, by: str | None = None) -> SignalReport:
    """Derives signals (of all or the named detectors) where they changed, keeps them, and says what they are worth.

    ``by`` names a key of the events' context (such as ``model_answered``): rates are then given for each of its values.
    """
    from evalloop.signals.report import report

    chosen = detectors_of(project, detectors)
    with open_evidence(project) as bench:
        need_turns(bench.evidence)
        signals = bench.signals(chosen)
        kinds = {name: detector.kind for name, detector in zip(signals, chosen, strict=True)}
        return report(bench.evidence, signals, kinds, by=by)


def failures(project: Project, *, history: bool = True, words: bool = True) -> list[Failure]:
    """The turns that let a user down, with what each counts in shares (0: quarantined), and with the turns before them
    unless ``history`` is not wanted; without ``words`` ids, users, times and weights alone."""
    from evalloop.loop.trust import weigh_failures

    return list(weigh_failures(project, history=history, words=words).failures)


@contextmanager
def each_turn(project: Project, only: Callable[[Evidence], Any] = lambda evidence: None) -> Iterator[Iterator[Turn]]:
    """All turns as records with their events, or those that a table made of the evidence names: one is in memory."""
    from evalloop.signals.turns import turns

    with open_evidence(project) as bench:
        need_turns(bench.evidence)
        yield turns(bench.evidence, only(bench.evidence))


def need_turns(evidence: Evidence) -> None:
    """EmptyError where no event speaks of a response."""
    if not evidence.engine.count(evidence.turns.limit(1)):
        raise EmptyError("no event speaks of a response", fix="import events first: evalloop capture FILE --mapping M")

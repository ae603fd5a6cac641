"""Capture and signals: files become events, events become evidence and failures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from evalloop.errors import EmptyError, UsageError
from evalloop.loop.project import Project

if TYPE_CHECKING:
    from evalloop.capture.importing import Captured
    from evalloop.contracts import Detector, Source
    from evalloop.records.event import Event
    from evalloop.records.failure import Failure
    from evalloop.records.signal import Signal
    from evalloop.records.turn import Turn
    from evalloop.signals.report import SignalReport
    from evalloop.signals.turns import Joined
    from evalloop.store.drain import Drained
    from evalloop.store.events import EventStore
    from evalloop.store.log import EventLog

def capture(project: Project, place: str, mapping: Path | None = None, *, dry_run: bool = False,
            progress: Callable[[int], None] | None = None) -> Captured:
    """Imports the rows of a place as events; without a mapping file the rows are events already.

    ``dry_run`` makes and checks the events but stores nothing. ``progress`` hears the number of rows now and then.
    """
    from evalloop.capture.importing import import_rows
    from evalloop.capture.mapping import RowMapper, load, native
    from evalloop.store.events import Added
    from evalloop.store.salt import project_salt

    source = _source_of(project, place)
    file = load(mapping) if mapping else None
    salt = b"" if dry_run or not file else project_salt(project.config.state_dir, project.config.salt)
    mapper = RowMapper(file, salt) if file else None
    columns = mapper.columns if mapper else frozenset()
    rows = source.rows(place)
    if dry_run:
        return import_rows(rows, place, mapper or native, lambda _: Added(), columns=columns, progress=progress)
    with _event_store(project) as store:
        return import_rows(rows, place, mapper or native, store.add, columns=columns, progress=progress)


def add_events(project: Project, events: Iterable[Event]) -> None:
    """Stores events that evalloop itself makes; on the disk when this returns."""
    with _event_store(project) as store:
        store.add(events)


def _source_of(project: Project, place: str) -> Source:
    if not Path(place).exists() and "://" not in place:
        raise UsageError(f"{place}: no such file or folder", fix="check the path")
    for source in project.host.all("sources"):
        if source.matches(place):
            found: Source = source
            return found
    raise UsageError(f"{place}: no source reads this", fix=f"sources: {', '.join(project.host.names('sources'))}")


def _event_store(project: Project) -> EventStore:
    from evalloop.store.events import EventStore

    return EventStore(store_address(project))


def store_address(project: Project) -> str:
    """The database of the project: that of the settings, or a SQLite file in the state folder."""
    return project.config.store or str(project.config.state_dir / "events.sqlite")


def open_log(project: Project) -> EventLog:
    """The project's whole log of events: lake and inbox."""
    from evalloop.store.log import EventLog

    return EventLog(store_address(project), project.config.lake or str(project.config.state_dir / "lake"))


def drain(project: Project, progress: Callable[[str, int], None] = lambda step, rows: None) -> Drained:
    """Moves the days that are complete (setting ``settle_days``) from the inbox into the lake."""
    with open_log(project) as log:
        return log.drain(project.config.settle_days, progress=progress)


def derive_signals(project: Project, detectors: Iterable[str] = (), *, by: str | None = None) -> SignalReport:
    """Derives all signals anew (or those of the named detectors), stores them, and says what they are worth.

    ``by`` names a key of the events' context (such as ``model_answered``): rates are then given for each of its values.
    """
    from evalloop.signals.report import report

    names = list(detectors) or project.host.names("detectors")
    chosen = [project.host.get("detectors", name) for name in names]
    with _event_store(project) as store:
        joined, signals = _derive(project, chosen)
        for name, found in signals.items():
            store.replace_signals(name, found)
    with open_log(project) as log:
        events = log.count()
    kinds = {name: detector.kind for name, detector in zip(signals, chosen, strict=True)}
    return report(joined, signals, kinds, events=events, by=by)


def failures(project: Project) -> list[Failure]:
    """The turns that let a user down, with what each counts in shares (0: quarantined)."""
    from evalloop.loop.trust import weigh_failures

    return list(weigh_failures(project).failures)


def derived(project: Project) -> tuple[Sequence[Turn], list[Signal]]:
    """All turns, and the signals of all detectors on them, derived anew."""
    joined, signals = derive_all(project)
    return joined.turns, [each for found in signals.values() for each in found]


def derive_all(project: Project) -> tuple[Joined, dict[str, list[Signal]]]:
    """All turns with how they were joined, and the signals of all detectors by ``name@version``."""
    return _derive(project, project.host.all("detectors"))


def _derive(project: Project, detectors: Iterable[Detector]) -> tuple[Joined, dict[str, list[Signal]]]:
    from evalloop.signals.derive import derive
    from evalloop.signals.turns import join

    with open_log(project) as log:
        events = list(log.events())
    replaced = {event.links.get("retracts") or event.links.get("supersedes") for event in events}
    joined = join(event for event in events if event.event_id not in replaced)
    if not joined.turns:
        raise EmptyError("no event speaks of a response", fix="import events first: evalloop capture FILE --mapping M")
    return joined, derive(joined.turns, detectors)

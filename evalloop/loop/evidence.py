"""Signals: events become evidence and failures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

from evalloop.errors import EmptyError
from evalloop.loop.project import Project

if TYPE_CHECKING:
    from evalloop.contracts import Detector
    from evalloop.records.event import Event
    from evalloop.records.failure import Failure
    from evalloop.records.signal import Signal
    from evalloop.records.turn import Turn
    from evalloop.signals.report import SignalReport
    from evalloop.signals.turns import Joined
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
    with event_store(project) as store:
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

"""Runs detectors over the evidence."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from evalloop import engine as door
from evalloop.errors import PluginError
from evalloop.records.signal import Signal
from evalloop.signals.build import SIGNAL, completed, detector_id

if TYPE_CHECKING:
    from evalloop.contracts import Detector, Evidence

Table = Any


def derive(evidence: Evidence, detectors: Iterable[Detector]) -> dict[str, Table]:
    """The signals of each detector by ``name@version``, each a table that is kept; PluginError when one breaks or lies.

    A signal that a detector gives twice is kept once.
    """
    return {detector_id(each): run(each, evidence) for each in detectors}


def run(detector: Detector, evidence: Evidence) -> Table:
    """The signals of one detector, kept."""
    engine = evidence.engine
    try:
        found = completed(detector, evidence, detector.detect(evidence))
        kept = engine.keep(found.distinct(on="signal_id", keep="first") if _may_repeat(detector) else found)
        odd = next(engine.records(_wrong(kept)), None)
    except Exception as error:
        raise PluginError(f"detector {detector.name!r} broke: {type(error).__name__}: {error}", plugin=detector.name,
                          version=detector.version, fix="leave it out with --detector, or mend it") from error
    if odd:
        raise PluginError(f"detector {detector.name!r} gives polarity {odd['polarity']}, weight {odd['weight']}",
                          plugin=detector.name, version=detector.version,
                          fix="polarity lies in [-1, 1], weight in [0, 1]")
    return kept


@door.built_once
def _wrong(signals: Table) -> Table:
    """A signal out of bounds, if there is one."""
    sound = signals.polarity.between(-1, 1) & signals.weight.between(0, 1)
    return signals.filter(~sound.fill_null(False)).limit(1)


def _may_repeat(detector: Detector) -> bool:
    return not type(detector).__module__.startswith("evalloop.signals")


def together(signals: Mapping[str, Table]) -> Table:
    """The signals of all detectors as one table."""
    first, *rest = signals.values()
    return first.union(*rest) if rest else first


def records(evidence: Evidence, signals: Table, order: Table | None = None) -> Iterator[Signal]:
    """Signals as records, streamed, by time; with ``order`` (``turns.in_order``) turn by turn in that order."""
    ordered = signals.order_by("at_us", "signal_id") if order is None else signals.inner_join(
        order, "response_id").order_by("number", "at_us", "signal_id")
    for row in evidence.engine.records(ordered.select(*SIGNAL)):
        yield Signal.from_dict(as_record(row))


def as_record(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row of signals as the fields of a record."""
    from evalloop.records.times import time_of_us

    given = {name: row[name] for name in SIGNAL if name not in ("at_us", "day")}
    return {**given, "occurred_at": time_of_us(row["at_us"]), "event_ids": list(row["event_ids"])}


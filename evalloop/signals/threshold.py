"""Thresholds of detectors: fields with a default and where it comes from, which a project may set otherwise."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields, is_dataclass, replace
from difflib import get_close_matches
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, cast

from evalloop.errors import ConfigError

if TYPE_CHECKING:
    from evalloop.contracts import Detector


@dataclass(frozen=True)
class Threshold:
    """One threshold: ``detector.field``, its value, its default, the source of the default, and its bounds.
    ``under`` names the field of the same detector that it may not exceed."""

    name: str
    value: float
    default: float
    source: str
    low: float = 0
    high: float = inf
    under: str = ""


def threshold(default: float, source: str, *, low: float = 0, high: float = inf, under: str = "") -> Any:
    """A field of a detector's dataclass that the setting ``thresholds`` may change, within [``low``, ``high``], and to
    no more than the field ``under``."""
    return field(default=default, metadata={"source": source, "low": low, "high": high, "under": under})


def thresholds(detectors: Iterable[Detector]) -> Iterator[Threshold]:
    """The thresholds of some detectors."""
    for detector in detectors:
        given: Any = detector
        for each in fields(given) if is_dataclass(given) else ():
            if "source" in each.metadata:
                yield Threshold(f"{detector.name}.{each.name}", getattr(given, each.name),
                                cast("float", each.default), **each.metadata)


def with_thresholds(detectors: Iterable[Detector], given: Iterable[str]) -> list[Detector]:
    """The detectors with the values of ``given`` (texts ``copy.full=0.9``).

    A detector with other values has another version (``2+3f9a1c``), so that its signals are derived anew. ConfigError
    names what does not exist, is no number, is out of its bounds or above what it must not exceed.
    """
    known = list(detectors)
    changes = _changes({each.name: each for each in thresholds(known)}, given)
    changed = [_changed(each, changes[each.name]) if each.name in changes else each for each in known]
    by_name = {each.name: each for each in thresholds(changed)}
    for each in by_name.values():
        _ordered(each, by_name)
    return changed


def _changes(names: Mapping[str, Threshold], given: Iterable[str]) -> dict[str, dict[str, float]]:
    """The values by detector and field."""
    changes: dict[str, dict[str, float]] = {}
    for text in given:
        told, _, number = text.partition("=")
        if (name := told.strip()) not in names:
            close = get_close_matches(name, names, n=1)
            raise ConfigError(f"no threshold called {name!r}", key="thresholds",
                              fix=f"did you mean {close[0]!r}?" if close else f"thresholds: {', '.join(names)}")
        detector, _, part = name.partition(".")
        changes.setdefault(detector, {})[part] = _within(names[name], _number(number, text))
    return changes


def _number(text: str, given: str) -> float:
    with suppress(ValueError):
        if isfinite(number := float(text)):
            return number
    raise ConfigError(f"{given!r} gives no number", key="thresholds", fix="write detector.threshold=0.5")


def _within(known: Threshold, number: float) -> float:
    if known.low <= number <= known.high:
        return number
    limits = f"at least {known.low:,}" + (f" and at most {known.high:,}" if known.high < inf else "")
    raise ConfigError(f"{known.name} = {number:g} is out of range", key="thresholds", fix=f"give {limits}")


def _ordered(low: Threshold, every: Mapping[str, Threshold]) -> None:
    if not low.under:
        return
    high = every[f"{low.name.partition('.')[0]}.{low.under}"]
    if low.value > high.value:
        raise ConfigError(f"{low.name} = {low.value:g} is above {high.name} = {high.value:g}", key="thresholds",
                          fix=f"give {low.name} at most what {high.name} is, or set both")


def _changed(detector: Any, values: dict[str, float]) -> Any:
    digest = hashlib.sha256(repr(sorted(values.items())).encode()).hexdigest()[:6]
    return replace(detector, **values, version=f"{detector.version}+{digest}")

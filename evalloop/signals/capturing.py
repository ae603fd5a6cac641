"""How much is captured, where and when: by day, surface and segment, and what a surface stopped sending."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from math import exp
from typing import TYPE_CHECKING, Any, ClassVar

from evalloop import engine as door
from evalloop.records.base import Record
from evalloop.signals.build import DAY_US
from evalloop.signals.population import NONE
from evalloop.signals.report import Share, share_of_sums, tier

if TYPE_CHECKING:
    from evalloop.contracts import Evidence
    from evalloop.engine import Engine
    from evalloop.stats import UnitSums

Table = Any
EPOCH = date(1970, 1, 1)
LEVEL = 0.001
GENERATION = "generation.completed"


@dataclass(frozen=True)
class Slice(Record):
    """The turns with ``by`` = ``value``: capture rate of their sessions with its tier, rate of explicit signals.

    ``orphans`` are the responses that events speak of and that never came; the events say of which slice they are.
    """

    NESTED: ClassVar[Mapping[str, type[Record]]] = {"capture": Share, "explicit": Share}

    by: str
    value: str
    turns: int
    capture: Share
    tier: str
    explicit: Share
    orphans: int


@dataclass(frozen=True)
class Gap(Record):
    """``surface`` sent ``event_type`` on earlier days and none since ``since``, where ``expected`` would have come.

    ``p`` is the chance of none in so many turns at the earlier rate, with the spread over days that it had.
    """

    surface: str
    event_type: str
    since: str
    turns: int
    expected: float
    p: float


def slices(evidence: Evidence, signals: Table) -> tuple[Slice, ...]:
    """Capture by day (UTC), by surface and by each key of the users' segments, by the signals of all detectors."""
    engine = evidence.engine
    keyed = engine.keep(_keyed(evidence, signals))
    answered = keyed.filter(keyed.answered)
    sessions = answered.group_by("by", "value", "session_id").aggregate(hit=answered.usable.max(),
                                                                        unit=answered.unit.min())
    captured, spoken = (_sums(engine, each) for each in (sessions, answered.mutate(hit=answered.spoken)))
    lost = keyed.filter(~keyed.answered).group_by("by", "value").aggregate(n=door.ibis._.count())
    orphans = {(row["by"], row["value"]): row["n"] for row in engine.records(lost)}
    return tuple(_slice(*key, captured.get(key), spoken.get(key), orphans.get(key, 0))
                 for key in sorted({*captured, *orphans}))


def keyed_turns(evidence: Evidence, signals: Table) -> Table:
    """Turns with what users did about them: ``usable`` (an implicit signal) and ``spoken`` (an explicit one), 0 or 1.

    Events on a session as a whole are left out; an orphan is where its first event says.
    """
    ibis = door.ibis
    heard = signals.group_by("response_id").aggregate(
        usable=_any((signals.kind == "implicit") & (signals.weight > 0) & (signals.polarity != 0)),
        spoken=_any(signals.kind == "explicit"))
    turns = evidence.turns.filter(evidence.turns.response_id != "session " + evidence.turns.session_id)
    joined = turns.left_join(heard, "response_id").drop("response_id_right")
    return joined.select(
        "session_id", "day", "surface", "segment", answered=joined.event_id.notnull(),
        usable=joined.usable.fill_null(0), spoken=joined.spoken.fill_null(0),
        unit=ibis.coalesce(joined.user_key, joined.session_id))


def _keyed(evidence: Evidence, signals: Table) -> Table:
    """A row for each slice of each turn."""
    ibis = door.ibis
    turns = evidence.engine.view(keyed_turns(evidence, signals))
    kept = ("session_id", "answered", "usable", "spoken", "unit")
    days = turns.select(*kept, by=ibis.literal("day"), value=turns.day.cast("string"))
    surfaces = turns.select(*kept, by=ibis.literal("surface"), value=turns.surface.fill_null(NONE))
    keys = turns.select(*kept, "segment", key=turns.segment.keys().unnest())
    segments = keys.select(*kept, by=ibis.literal("segment ") + keys.key, value=keys.segment[keys.key])
    return days.union(surfaces, segments)


def _any(value: Any) -> Any:
    return door.ibis.ifelse(value, 1, 0).max().cast("int64")


def _sums(engine: Engine, rows: Table) -> dict[tuple[str, str], UnitSums]:
    from evalloop import stats

    return {(row.pop("by"), row.pop("value")): stats.UnitSums(**row)
            for row in engine.records(sums_by_unit(rows, "by", "value"))}


def sums_by_unit(rows: Table, *keys: str) -> Table:
    """The sums of ``hit`` (0 or 1) by ``unit`` that an interval clustered by unit is made of (``stats.UnitSums``)."""
    units = rows.group_by(*keys, "unit").aggregate(n=rows.count(), hits_of=rows.hit.sum().cast("int64"))
    total = {"rows": units.n, "hits": units.hits_of, "rows_squared": units.n * units.n,
             "rows_hits": units.n * units.hits_of, "hits_squared": units.hits_of * units.hits_of}
    return units.group_by(*keys).aggregate(
        units=units.count(), **{name: value.sum().cast("int64") for name, value in total.items()})


def _slice(by: str, value: str, captured: UnitSums | None, spoken: UnitSums | None, orphans: int) -> Slice:
    capture, explicit = (share_of_sums(each) for each in (captured, spoken))
    shown = (EPOCH + timedelta(days=int(value))).isoformat() if by == "day" else value
    return Slice(by, shown, explicit.n, capture, tier(capture.share), explicit, orphans)


def gaps(evidence: Evidence) -> tuple[Gap, ...]:
    """What a surface stopped sending: earlier there, none since, and not by chance (p < 0.001 / pairs looked at).

    An act counts on the day on which it was done, however long after its answer, and never before it: clocks differ.
    """
    engine, turns = evidence.engine, evidence.turns
    answered = turns.filter(turns.event_id.notnull()).select("response_id", "day", where=turns.surface.fill_null(NONE))
    volume: defaultdict[str, Counter[int]] = defaultdict(Counter)
    for row in engine.records(answered.group_by("where", "day").aggregate(n=answered.count())):
        volume[row["where"]][row["day"]] = row["n"]
    acts = evidence.acts.filter(evidence.acts.event_type != GENERATION)
    acts = acts.select("response_id", "event_type", day=(acts.at_us // DAY_US).cast("int64"))
    acts = acts.inner_join(answered.rename(answer_day="day"), "response_id")
    acts = acts.mutate(day=door.ibis.greatest(acts.day, acts.answer_day))
    sent: defaultdict[tuple[str, str], Counter[int]] = defaultdict(Counter)
    for row in engine.records(acts.group_by("where", "event_type", "day").aggregate(n=acts.count())):
        sent[row["where"], row["event_type"]][row["day"]] = row["n"]
    found = (_gap(surface, kind, counts, volume[surface]) for (surface, kind), counts in sorted(sent.items()))
    return tuple(gap for gap in found if gap and gap.p < LEVEL / len(sent))


def _gap(surface: str, kind: str, counts: Counter[int], volume: Counter[int]) -> Gap | None:
    last = max(counts)
    before = [day for day in volume if day <= last]
    since = sorted(day for day in volume if day > last)
    if not since:
        return None
    rate = counts.total() / sum(volume[day] for day in before)
    means = {day: rate * volume[day] for day in before}
    spread = sum((counts[day] - mean) ** 2 / mean for day, mean in means.items()) / max(len(before) - 1, 1)
    turns = sum(volume[day] for day in since)
    expected = rate * turns
    first = (EPOCH + timedelta(days=since[0])).isoformat()
    return Gap(surface, kind, first, turns, expected, exp(-expected / max(spread, 1.0)))

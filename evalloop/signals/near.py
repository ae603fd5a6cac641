"""The part of a log that can say whose some events are: what shares a name with them, far less than the log."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import TYPE_CHECKING, Any

from evalloop import engine as door
from evalloop.signals.resolve import LINKS, TO_ACTS

if TYPE_CHECKING:
    from evalloop.engine import Engine

Table = Any
GENERATION = "generation.completed"
NAMES = ("event_id", "response_id", "provider_response_id", "message_id", "trace_id", "span_id", "session_id",
         "task_id", *LINKS)
ROUNDS = 2
"""Answers of the same names, then answers of their sessions."""


def near(engine: Engine, log: Table, some: Table) -> Table:
    """The events of the log that have a name in common with ``some`` of them, with an answer that has, or with an
    answer of its session; what links to these, and what they link to.

    Whoever acts on an answer names it, or its session, by one of its names, so that nothing else can say whose it is.
    """
    names = engine.keep(_names(some))
    for _ in range(ROUNDS):
        names = engine.keep(_with_answers(names, log))
    found = engine.keep(_sharing(log, names))
    return log.semi_join(engine.keep(_with_linked(log, found)), "event_id")


@door.built_once
def _names(events: Table) -> Table:
    """(name) of the events, of whatever kind."""
    ibis = door.ibis
    every = events.select(name=ibis.array([events[column] for column in NAMES]).unnest())
    return every.filter(every.name.notnull()).distinct()


@door.built_once
def _with_answers(names: Table, log: Table) -> Table:
    """The names and those of answers that share one, and of acts that are linked to."""
    met = _sharing(log.filter(log.event_type == GENERATION), names).select("event_id").union(
        names.select(event_id="name"))
    return names.union(_names(log.semi_join(met, "event_id")), distinct=True)


@door.built_once
def _sharing(events: Table, names: Table) -> Table:
    """(event_id, edit_of, rephrase_of) of the events that have one of the names."""
    ids = _all(events.semi_join(names, events[column] == names.name).select("event_id", *TO_ACTS)
               for column in (*NAMES, "replaces"))
    return ids.distinct()


@door.built_once
def _with_linked(log: Table, found: Table) -> Table:
    """(event_id) of what was found, of what links to it and of what it links to."""
    ids = found.select("event_id")
    linking = (log.semi_join(ids, log[name] == ids.event_id).select("event_id") for name in TO_ACTS)
    linked = (found.filter(found[name].notnull()).select(event_id=name) for name in TO_ACTS)
    return _all([ids, *linking, *linked]).distinct()


def _all(tables: Iterable[Table]) -> Table:
    return reduce(lambda one, other: one.union(other), tables)

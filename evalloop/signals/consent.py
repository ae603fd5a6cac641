"""The events that count: without what was replaced, erased or done by staff, and with what users allowed last."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from evalloop import engine as door
from evalloop.signals.owners import belonging, of_nobody

if TYPE_CHECKING:
    from evalloop.engine import Engine

GENERATION, CHANGED, ERASED = "generation.completed", "consent.changed", "privacy.erased"
PURPOSES = ("ops", "analytics", "eval", "training", "notify")
Table = Any
Spoken = Callable[[Table], tuple[Table, Table]]
"""The generations among some events, and the acts with the response that each speaks of."""
Answers = Callable[[], tuple[Table, Table] | None]
"""Those of the log; None where every event names its user."""


def counted(engine: Engine, log: Table, spoken: Spoken) -> tuple[Table, int]:
    """The events of the log that count, and how many of staff were left out.

    Left out are events that another supersedes or retracts (for good: to retract that one brings nothing back), all
    that an erased user did up to the erasure, and events that allow neither ``ops`` nor ``analytics``.
    ``consent.changed`` carries the purposes that its user still allows of what came before: of these events those that
    both allow are left. Later events say for themselves. An event that names no user, or one who reviews, goes by the
    user whose answer it is about (``spoken`` finds that, in the whole log): it is narrowed by each who acted there, and
    erased once all of them are. One about an answer that is left out is left out with it.
    """
    replaced = engine.keep(log.filter(log.replaces.notnull()).select(event_id=log.replaces).distinct())
    every = log.anti_join(replaced, "event_id") if engine.count(replaced) else log
    answers = cache(lambda: spoken(log) if engine.count(_of_nobody(every)) else None)
    return _countable(engine, _allowed(engine, every, answers), answers)


def _allowed(engine: Engine, events: Table, answers: Answers) -> Table:
    """The events as their users allow them."""
    policy = engine.keep(_policy(events))
    if not engine.count(policy):
        return events
    policy = engine.keep(_met(policy, events))
    if not engine.count(policy):
        return events
    found = answers()
    belongs = found and belonging(engine, *found, policy)
    return _as_allowed(events, policy, engine.keep(_terms(belongs, policy)) if belongs is not None else None)


def _countable(engine: Engine, events: Table, answers: Answers) -> tuple[Table, int]:
    """The events that may be counted and are not of staff, and how many of staff are left out."""
    many = engine.first(_left_out(events))
    internal = int(many["internal"] or 0)
    if not internal and not many["closed"]:
        return events, 0
    kept, found = events.filter(~_internal(events) & ~_closed(events)), answers()
    if found is None:
        return kept, internal
    out = engine.keep(_about_left_out(kept, events, *found))
    return kept.anti_join(out, "event_id"), internal + engine.count(out.filter(out.of_staff))


@door.built_once
def _left_out(events: Table) -> Table:
    """How many events are of staff, and how many may not be counted."""
    return events.aggregate(internal=_internal(events).sum(), closed=_closed(events).sum())


def _internal(events: Table) -> Any:
    return events.internal.fill_null(False)


def _closed(events: Table) -> Any:
    return ~(events.may_ops | events.may_analytics)


@door.built_once
def _of_nobody(events: Table) -> Table:
    return events.filter(of_nobody(events) & ~events.event_type.isin((CHANGED, ERASED)))


@door.built_once
def _about_left_out(kept: Table, events: Table, generations: Table, acts: Table) -> Table:
    """(event_id, of_staff) of what is ``kept`` and nobody's, about an answer that is left out."""
    made = events.filter((events.event_type == GENERATION) & (_internal(events) | _closed(events)))
    answers = generations.inner_join(made.select("event_id", of_staff=_internal(made)), "event_id")
    said = acts.filter(of_nobody(acts)).inner_join(answers.select("response_id", "of_staff"), "response_id")
    return said.select("event_id", "of_staff").semi_join(kept, "event_id")


@door.built_once
def _met(policy: Table, events: Table) -> Table:
    """The policy of those users of whom something is there."""
    others = events.filter(~events.event_type.isin((CHANGED, ERASED)))
    others = others.select(named=_named(others))
    return policy.semi_join(others, policy.who == others.named)


def _named(events: Table) -> Any:
    """The user whom an event names, as its actor or else in its payload."""
    return door.ibis.coalesce(events.user_key, events.about_user)


@door.built_once
def _policy(events: Table) -> Table:
    """For each user who said so: until when he is erased, and until when he denies each purpose (microseconds)."""
    ibis = door.ibis
    changed = events.filter((events.event_type == CHANGED) & events.user_key.notnull())
    erased = events.filter(events.event_type == ERASED)
    denied = changed.select(
        who=changed.user_key, erased_us=ibis.null("int64"),
        **{f"no_{purpose}": ibis.ifelse(changed[f"may_{purpose}"], ibis.null("int64"), happened(changed))
           for purpose in PURPOSES})
    gone = erased.select(who=ibis.coalesce(erased.about_user, erased.user_key), erased_us=happened(erased),
                         **{f"no_{purpose}": ibis.null("int64") for purpose in PURPOSES})
    every = denied.union(gone)
    names = ("erased_us", *(f"no_{purpose}" for purpose in PURPOSES))
    return every.filter(every.who.notnull()).group_by("who").aggregate(**{name: every[name].max() for name in names})


@door.built_once
def _terms(belongs: Table, policy: Table) -> Table:
    """What policies say of events that do not name their users: erased or not, and until when a purpose is denied."""
    both = belongs.inner_join(policy, belongs.owner == policy.who)
    gone = (both.of_us <= both.erased_us).fill_null(False)
    return both.group_by("of_event").aggregate(
        also_gone=both.owner.nunique(where=gone) == both.of_many.max(),
        **{f"also_no_{name}": both[f"no_{name}"].max() for name in PURPOSES})


@door.built_once
def _as_allowed(events: Table, policy: Table, terms: Table | None) -> Table:
    ibis = door.ibis
    both = events.left_join(policy, _named(events) == policy.who)
    if terms is None:
        nothing = {f"also_no_{name}": ibis.null("int64") for name in PURPOSES}
        both = both.mutate(also_gone=ibis.literal(False), **nothing)
    else:
        both = both.left_join(terms, both.event_id == terms.of_event)
    gone = (happened(both) <= both.erased_us).fill_null(False) | both.also_gone.fill_null(False)
    kept = both.filter(~(gone & (both.event_type != ERASED)))
    at_us = happened(kept)
    may = {f"may_{name}": kept[f"may_{name}"] & (at_us >= kept[f"no_{name}"]).fill_null(True)
           & (at_us >= kept[f"also_no_{name}"]).fill_null(True) for name in PURPOSES}
    return kept.mutate(**may).select(*events.columns)


def happened(events: Table) -> Any:
    """When events happened (microseconds): not after they came, whatever their clocks said."""
    ahead = events.occurred_at.delta(events.received_at, unit="microsecond")
    return events.at_us - door.ibis.greatest(ahead, 0).fill_null(0)

"""The events that count: without what was replaced, erased or done by staff, and with what users allowed last."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, reduce
from typing import TYPE_CHECKING, Any

from evalloop import engine as door
from evalloop.signals.near import near
from evalloop.signals.owners import belonging, of_nobody

if TYPE_CHECKING:
    from evalloop.engine import Engine

GENERATION, CHANGED, ERASED = "generation.completed", "consent.changed", "privacy.erased"
PURPOSES = ("ops", "analytics", "eval", "training", "notify")
MAY = tuple(f"may_{purpose}" for purpose in PURPOSES)
Table = Any
Spoken = Callable[[Table], tuple[Table, Table]]
"""The generations among some events, and the acts with the response that each speaks of."""
Answers = Callable[[Table], tuple[Table, Table] | None]
"""Those near some events; None where every event names its user."""


def counted(engine: Engine, log: Table, spoken: Spoken) -> tuple[Table, int]:
    """The events of the log that count, and how many of staff were left out.

    Left out are events that another supersedes or retracts (for good: to retract that one brings nothing back), all
    that an erased user did up to the erasure, and events that allow neither ``ops`` nor ``analytics``.
    ``consent.changed`` carries the purposes that its user still allows of what came before: of these events those that
    both allow are left. Later events say for themselves. An event that names no user, or one who reviews, goes by the
    user whose answer it is about (``spoken`` finds that): it is narrowed by each who acted there, and erased once all
    of them are. One about an answer that is left out is left out with it.
    """
    replaced = engine.keep(log.filter(log.replaces.notnull()).select(event_id=log.replaces).distinct())
    every = engine.view(log.anti_join(replaced, "event_id")) if engine.count(replaced) else log
    silent = cache(lambda: engine.count(_of_nobody(every)))

    def answers(some: Table) -> tuple[Table, Table] | None:
        return spoken(near(engine, log, some)) if silent() else None

    decided = _decisions(engine, every, log, answers)
    closed = engine.keep(_left_out(every, decided))
    out = engine.keep(_ids(replaced, closed, decided))
    staff = engine.count(closed.filter(closed.of_staff))
    found = answers(_these(log, closed)) if engine.count(closed) else None
    if found is not None:
        about = engine.keep(_about(closed, out, *found))
        out, staff = engine.keep(_ids(out, about)), staff + engine.count(about.filter(about.of_staff))
    events = log.anti_join(out, "event_id") if engine.count(out) else log
    return (events if decided is None else _narrowed(engine, events, decided)), staff


def _decisions(engine: Engine, events: Table, log: Table, answers: Answers) -> Table | None:
    """(event_id, gone, may_...) of the events on which users decided; None when there are none."""
    policy = engine.keep(_policy(events))
    if not engine.count(policy):
        return None
    policy = engine.keep(_met(policy, events))
    if not engine.count(policy):
        return None
    found = answers(_theirs(log, policy))
    belongs = found and belonging(engine, *found, policy)
    return engine.keep(_decided(events, policy, engine.keep(_terms(belongs, policy)) if belongs is not None else None))


@door.built_once
def _ids(*tables: Table | None) -> Table:
    """(event_id) of all of them; of what users decided on, of what they erased."""
    every = [each.filter(each.gone) if "gone" in each.columns else each for each in tables if each is not None]
    return reduce(lambda one, other: one.union(other, distinct=True), (each.select("event_id") for each in every))


@door.built_once
def _left_out(events: Table, decided: Table | None) -> Table:
    """(event_id, event_type, of_staff) of what is of staff or may not be counted, and is not erased."""
    rows = events.select("event_id", "event_type", "may_ops", "may_analytics", of_staff=_internal(events))
    found = rows.filter(rows.of_staff | ~(rows.may_ops | rows.may_analytics))
    if decided is not None:
        shut = decided.filter(~decided.gone & ~(decided.may_ops | decided.may_analytics))
        found = found.anti_join(decided.filter(decided.gone), "event_id").union(
            rows.semi_join(shut, "event_id"), distinct=True)
    return found.select("event_id", "event_type", "of_staff")


def _internal(events: Table) -> Any:
    return events.internal.fill_null(False)


def _these(log: Table, closed: Table) -> Table:
    """The answers among the events that are left out."""
    return log.semi_join(closed.filter(closed.event_type == GENERATION), "event_id")


def _narrowed(engine: Engine, events: Table, decided: Table) -> Table:
    """The events with what their users still allow."""
    kept = engine.keep(decided.filter(~decided.gone).drop("gone").rename(of_event="event_id"))
    return _with_purposes(events, kept) if engine.count(kept) else events


@door.built_once
def _with_purposes(events: Table, kept: Table) -> Table:
    both = events.left_join(kept, events.event_id == kept.of_event)
    may = {name: door.ibis.coalesce(both[f"{name}_right"], both[name]) for name in MAY}
    return both.mutate(**may).select(*events.columns)


@door.built_once
def _of_nobody(events: Table) -> Table:
    return events.filter(of_nobody(events) & ~events.event_type.isin((CHANGED, ERASED)))


@door.built_once
def _about(closed: Table, out: Table, generations: Table, acts: Table) -> Table:
    """(event_id, of_staff) of what else nobody says about an answer that is left out."""
    answers = generations.inner_join(closed.select("event_id", "of_staff"), "event_id")
    said = acts.filter(of_nobody(acts)).inner_join(answers.select("response_id", "of_staff"), "response_id")
    return said.select("event_id", "of_staff").anti_join(out, "event_id")


@door.built_once
def _met(policy: Table, events: Table) -> Table:
    """The policy of those users of whom something is there."""
    others = events.filter(~events.event_type.isin((CHANGED, ERASED)))
    others = others.select(named=_named(others))
    return policy.semi_join(others, policy.who == others.named)


def _theirs(log: Table, policy: Table) -> Table:
    return log.semi_join(policy, _named(log) == policy.who)


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
def _decided(events: Table, policy: Table, terms: Table | None) -> Table:
    ibis = door.ibis
    slim = events.select("event_id", "event_type", *MAY, named=_named(events), happened_us=happened(events))
    some = slim.semi_join(policy, slim.named == policy.who)
    if terms is not None:
        some = some.union(slim.semi_join(terms, slim.event_id == terms.of_event), distinct=True)
    both = some.left_join(policy, [("named", "who")])
    if terms is None:
        nothing = {f"also_no_{name}": ibis.null("int64") for name in PURPOSES}
        both = both.mutate(also_gone=ibis.literal(False), **nothing)
    else:
        both = both.left_join(terms, [("event_id", "of_event")])
    gone = (both.happened_us <= both.erased_us).fill_null(False) | both.also_gone.fill_null(False)
    may = {f"may_{name}": both[f"may_{name}"] & (both.happened_us >= both[f"no_{name}"]).fill_null(True)
           & (both.happened_us >= both[f"also_no_{name}"]).fill_null(True) for name in PURPOSES}
    return both.select("event_id", gone=gone & (both.event_type != ERASED), **may)


def happened(events: Table) -> Any:
    """When events happened (microseconds): not after they came, whatever their clocks said."""
    ahead = events.occurred_at.delta(events.received_at, unit="microsecond")
    return events.at_us - door.ibis.greatest(ahead, 0).fill_null(0)

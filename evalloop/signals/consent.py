"""The events that count: without what was replaced, erased or done by staff, and with what users allowed last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalloop import engine as door

if TYPE_CHECKING:
    from evalloop.engine import Engine

CHANGED, ERASED = "consent.changed", "privacy.erased"
PURPOSES = ("ops", "analytics", "eval", "training", "notify")
Table = Any


def counted(engine: Engine, log: Table) -> tuple[Table, int]:
    """The events of the log that count, and how many of staff were left out.

    Left out are events that another supersedes or retracts (for good: to retract that one brings nothing back), and all
    that an erased user did up to the erasure.
    ``consent.changed`` carries the purposes that its user still allows of what came before: of these events those that
    both allow are left. Later events say for themselves.
    """
    replaced = engine.keep(log.filter(log.replaces.notnull()).select(event_id=log.replaces).distinct())
    events = log.anti_join(replaced, "event_id") if engine.count(replaced) else log
    policy = engine.keep(_policy(events))
    if engine.count(policy):
        events = _as_allowed(events, policy)
    internal = engine.count(events.filter(events.internal))
    return (events.filter(~events.internal.fill_null(False)) if internal else events), internal


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
def _as_allowed(events: Table, policy: Table) -> Table:
    both = events.left_join(policy, events.user_key == policy.who)
    gone = (happened(both) <= both.erased_us) & (both.event_type != ERASED)
    kept = both.filter(~gone.fill_null(False))
    may = {f"may_{purpose}": kept[f"may_{purpose}"] & (happened(kept) >= kept[f"no_{purpose}"]).fill_null(True)
           for purpose in PURPOSES}
    return kept.mutate(**may).select(*events.columns)


def happened(events: Table) -> Any:
    """When events happened (microseconds): not after they came, whatever their clocks said."""
    ahead = events.occurred_at.delta(events.received_at, unit="microsecond")
    return events.at_us - door.ibis.greatest(ahead, 0).fill_null(0)

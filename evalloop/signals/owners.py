"""Whose an event is that names no user, or one who reviews: the user's whose answer it is about.

That is the generation's user, else who acted on the answer, else who acted in its session; of several users it is
nobody's alone. An act that was taken back was one all the same. ``evalloop forget`` finds what it erases by the same
rule (``evalloop.store.places``); docs/capture.md tells it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalloop import engine as door
from evalloop.records.event import OTHERS

if TYPE_CHECKING:
    from evalloop.engine import Engine

Table = Any


def of_owner(acts: Table) -> Any:
    """Whether an act can say whose the answer is."""
    return ~acts.source_kind.fill_null("").isin(OTHERS)


def of_nobody(events: Table) -> Any:
    """Whether an event names no user, or one who reviews."""
    return events.user_key.isnull() | ~of_owner(events)


def belonging(engine: Engine, generations: Table, acts: Table, users: Table) -> Table | None:
    """(of_event, owner, of_many, of_us) of what concerns ``users`` (``who``) without naming them; None for nothing.

    ``of_many`` says how many users it may belong to. ``of_us`` is when the answer was made that the event is about, at
    the latest its own time, by ``happened_us`` of both.
    """
    met = engine.keep(_met(generations, acts, users))
    sessions = engine.keep(_sessions(generations, met))
    answers = engine.keep(_answers(generations, met, sessions))
    close = engine.keep(_close(acts, met, sessions, answers))
    found = engine.keep(_owned(answers, close, sessions, users))
    return found if engine.count(found) else None


@door.built_once
def _met(generations: Table, acts: Table, users: Table) -> Table:
    """(response_id, session_id): where the users were."""
    own = acts.filter(of_owner(acts))
    return _theirs(generations, users).union(_theirs(own, users), distinct=True)


def _theirs(events: Table, users: Table) -> Table:
    return events.semi_join(users, events.user_key == users.who).select("response_id", "session_id")


@door.built_once
def _sessions(generations: Table, met: Table) -> Table:
    """(session_id) of these places, also those that only the answer there names."""
    named = generations.semi_join(met, "response_id").select("session_id")
    every = met.select("session_id").union(named, distinct=True)
    return every.filter(every.session_id.notnull())


@door.built_once
def _answers(generations: Table, met: Table, sessions: Table) -> Table:
    """The answers there."""
    made = generations.select("response_id", "event_id", "session_id", "user_key", "happened_us")
    return made.semi_join(met, "response_id").union(made.semi_join(sessions, "session_id"), distinct=True)


@door.built_once
def _close(acts: Table, met: Table, sessions: Table, answers: Table) -> Table:
    """The acts there, whosever they are."""
    slim = acts.select("event_id", "response_id", "session_id", "user_key", "happened_us", owned=of_owner(acts))
    responses = met.select("response_id").union(answers.select("response_id"), distinct=True)
    return slim.semi_join(responses, "response_id").union(slim.semi_join(sessions, "session_id"), distinct=True)


@door.built_once
def _owned(answers: Table, close: Table, sessions: Table, users: Table) -> Table:
    ibis = door.ibis
    made = answers.select(answer="response_id", made_in="session_id", made_for="user_key", made_us="happened_us")
    told = close.left_join(made, close.response_id == made.answer)
    told = told.mutate(session_id=ibis.coalesce(told.session_id, told.made_in))
    people = told.filter(told.owned)
    visits = people.select("session_id", "user_key").union(answers.select("session_id", "user_key"))
    silent = told.filter(told.user_key.isnull() | ~told.owned)
    silent = silent.select("event_id", "response_id", "session_id", "happened_us", "made_for", "made_us")
    own = answers.filter(answers.user_key.isnull())
    silent = silent.union(own.mutate(made_for=own.user_key, made_us=own.happened_us).select(*silent.columns))
    on_it, there = _who(people, "response_id"), _who(visits.semi_join(sessions, "session_id"), "session_id")
    both = silent.left_join(on_it, silent.response_id == on_it.of_response_id)
    both = both.left_join(there, ibis.and_(
        both.session_id == there.of_session_id, both.made_for.isnull(), both.of_response_id.isnull()))
    found = both.mutate(
        owner=ibis.coalesce(both.made_for, both.by_response_id, both.by_session_id),
        of_many=ibis.ifelse(both.made_for.notnull(), 1, ibis.coalesce(both.many_response_id, both.many_session_id)),
        of_us=ibis.least(both.happened_us, ibis.coalesce(both.made_us, both.happened_us)))
    return found.semi_join(users, found.owner == users.who).select("owner", "of_many", "of_us", of_event="event_id")


def _who(acts: Table, name: str) -> Table:
    """(of_NAME, by_NAME, many_NAME): each user who acted on an answer or in a session, and how many did."""
    known = acts.filter(acts.user_key.notnull() & acts[name].notnull())
    pairs = known.select(**{f"of_{name}": known[name], f"by_{name}": known.user_key}).distinct()
    many = pairs.count().over(door.ibis.window(group_by=pairs[f"of_{name}"]))
    return pairs.mutate(**{f"many_{name}": many})

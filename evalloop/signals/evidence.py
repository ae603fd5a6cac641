"""What detectors read: turns (one for each response), and acts (the events that speak of one), as Ibis tables.

docs/engine.md lists the columns. The same events give the same tables whatever their order, batches and doubles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evalloop import engine as door
from evalloop.signals import consent
from evalloop.signals.resolve import direct, resolved
from evalloop.signals.sessions import placed, stitched

if TYPE_CHECKING:
    from evalloop.engine import Engine

Table = Any
GENERATION, SHOWN = "generation.completed", "signal.shown"
NOT_ABOUT_RESPONSES = ("feedback.retracted", consent.CHANGED, consent.ERASED, "release.deployed", "notice.sent")
IDLE_S = 1800.0
"""Seconds without an act after which a new session begins, where the product gives no session ids."""

CONTEXT = ("surface", "variant", "release", "app", "environment", "prompt_name", "prompt_version", "experiment",
           "model_requested", "model_answered", "provider", "locale", "finish_reason", "segment", "anon", "role",
           *(f"may_{purpose}" for purpose in consent.PURPOSES))
_NAMES = ("provider_response_id", "message_id", "trace_id", "span_id", "task_id", "turn_index")
_LEFT_OUT = ("body", "prompt", "response", "occurred_at", "received_at", "expires_at", "consent_basis", "internal",
             "response_id", *_NAMES[:-1], "level", "replaces", "accepted_event", "edit_of", "rephrase_of")
TURN = ("response_id", "session_id", "stitched", "place", "user_key", "at_us", "day", "turn_index", "event_id",
        "regenerate_of", "next_us", "next_event", "following_event", "following_us", "prompt_chars", "response_chars",
        "response_words", *CONTEXT)
"""The columns of turns."""
_SESSION = ("response_id", "event_id", "at_us", "session_id", "user_key", "turn_index", "regenerate_of", "prompt_chars")
"""What sessions are found by."""


@dataclass(frozen=True)
class Evidence:
    """``turns`` and ``acts`` of ``events`` (those that count), and the engine that holds them.

    ``counts``: events (all in the log), about (a response), orphans (whose response is not there yet), session_level,
    internal (of staff, left out), doubled (generations whose id was taken, left out), turns (with a generation).
    """

    engine: Engine
    events: Table
    turns: Table
    acts: Table
    counts: Mapping[str, int] = field(default_factory=dict)

    def of_type(self, *types: str) -> Table:
        """The acts of these event types."""
        return self.acts.filter(self.acts.event_type.isin(types))

    def words(self) -> Table:
        """(event_id, said, answered): the user's words of each event that has some, and the answer to them."""
        ibis, events = door.ibis, self.events
        said = ibis.coalesce(events.prompt.nullif(""), events.text)
        return events.filter(said.notnull() | (events.event_type == GENERATION)).select(
            "event_id", said=said, answered=events.response)

    def dialogue(self) -> Table:
        """Turns that the user's words follow: ``prompt``, ``response``, ``following``, with their times and ids."""
        turns = self.turns.filter(self.turns.following_event.notnull())
        first, second = self.words(), self.words()
        first = first.select(of_turn="event_id", prompt="said", response="answered")
        second = second.select(of_next="event_id", following="said")
        joined = turns.inner_join(second, turns.following_event == second.of_next)
        joined = joined.left_join(first, joined.event_id == first.of_turn)
        return joined.select("response_id", "event_id", "user_key", "at_us", "following_us", "following_event",
                             "prompt", "response", "following")


def gather(engine: Engine, log: Table, *, idle_s: float = IDLE_S) -> Evidence:
    """Turns and acts of the events in ``log`` (columns of the lake).

    Events find their response by any of its names, however late or early they came; clocks that disagree do no harm,
    for nothing is joined by time but events that name only a session, a task or a user.
    """
    log = engine.view(log)
    events, internal = consent.counted(engine, log)
    events = engine.view(events)
    generations, doubled = _generations(engine, events)
    acts, lost = _acts(engine, events, generations)
    turns = _turns(engine, generations, lost, acts, idle_s)
    via = {row["via"]: int(row["n"]) for row in engine.records(acts.group_by("via").aggregate(n=acts.count()))}
    about = sum(via.get(way, 0) for way in ("direct", "name", "orphan"))
    return Evidence(engine, events, turns, acts, {
        "events": engine.count(log), "about": about, "orphans": via.get("orphan", 0),
        "session_level": via.get("session", 0), "internal": internal, "doubled": doubled,
        "turns": engine.count(generations)})


# ---- responses -------------------------------------------------------------------------------------------------------


def _generations(engine: Engine, events: Table) -> tuple[Table, int]:
    """One row for each response, without its texts; of several generations under one id the first stays."""
    ibis = door.ibis
    made = events.filter(events.event_type == GENERATION)
    named = made.mutate(response_id=ibis.coalesce(made.response_id, made.provider_response_id, made.event_id),
                        prompt_chars=made.prompt.length().cast("int64"))
    found = engine.keep(named.select(
        "response_id", "event_id", "at_us", "day", "session_id", "user_key", *_NAMES, "regenerate_of", "prompt_chars",
        "response_chars", "response_words", *CONTEXT))
    sizes = found.group_by("response_id").aggregate(n=found.count())
    twice = engine.keep(sizes.filter(sizes.n > 1).select("response_id"))
    if not engine.count(twice):
        return found, 0
    window = ibis.window(group_by=found.response_id, order_by=[found.at_us, found.event_id])
    first = found.mutate(copy=ibis.row_number().over(window))
    kept = engine.keep(first.filter(first.copy == 0).drop("copy"))
    return kept, engine.count(found) - engine.count(kept)


def _with_owner(engine: Engine, generations: Table, acts: Table) -> Table:
    """Generations whose session or user is told by their acts only get these from them."""
    ibis = door.ibis
    gaps = generations.filter(generations.session_id.isnull() | generations.user_key.isnull()).select("response_id")
    if not engine.count(gaps):
        return generations
    told = acts.semi_join(gaps, "response_id").group_by("response_id").aggregate(
        told_session=acts.session_id.min(), told_user=acts.user_key.min())
    joined = generations.left_join(told, "response_id")
    return joined.mutate(session_id=ibis.coalesce(joined.session_id, joined.told_session),
                         user_key=ibis.coalesce(joined.user_key, joined.told_user)).select(*generations.columns)


def _orphans(lost: Table, columns: Mapping[str, Any]) -> Table:
    """A turn without a generation for each response that only acts speak of."""
    ibis = door.ibis
    missing = lost.filter(~lost.known)
    first = missing.mutate(rank=ibis.row_number().over(
        ibis.window(group_by=missing.response_id, order_by=[missing.at_us, missing.event_id])))
    owners = missing.group_by("response_id").aggregate(session_id=missing.session_id.min(),
                                                       user_key=missing.user_key.min())
    head = first.filter(first["rank"] == 0).drop("session_id", "user_key")
    rows = head.inner_join(owners, "response_id")
    empty = {"event_id", "regenerate_of", "prompt_chars", "response_chars", "response_words"}
    given = {name: ibis.null(kind) if name in empty or name not in rows.columns else rows[name]
             for name, kind in columns.items()}
    return rows.select(**given)


# ---- acts ------------------------------------------------------------------------------------------------------------


def _acts(engine: Engine, events: Table, generations: Table) -> tuple[Table, Table | None]:
    """All acts with the response they speak of; and those of them that named no known one outright, if any."""
    ibis = door.ibis
    others = events.filter(~events.event_type.isin((GENERATION, *NOT_ABOUT_RESPONSES)))
    named = others.mutate(names=direct(others))
    slow = engine.keep(named.anti_join(generations, named["names"] == generations.response_id).drop("names"))
    fast = named.filter(named["names"].notnull())
    if engine.count(slow):
        fast = fast.semi_join(generations, fast["names"] == generations.response_id)
    fast = fast.mutate(speaks_of=fast["names"], known=ibis.literal(True), via=ibis.literal("direct")).drop("names")
    acts = _as_acts(fast)
    owned = _with_owner(engine, generations, acts) if engine.count(slow) else generations
    lost = engine.keep(_as_acts(resolved(slow, owned))) if engine.count(slow) else None
    every = [each for each in (lost, _tries(engine, events, generations)) if each is not None]
    return engine.view(acts.union(*every) if every else acts), lost


@door.built_once
def _as_acts(events: Table) -> Table:
    kept = [name for name in events.columns if name not in _LEFT_OUT and name not in ("speaks_of", "known", "via")]
    return events.select(*kept, response_id=events.speaks_of, known=events.known, via=events.via)


def _tries(engine: Engine, events: Table, generations: Table) -> Table | None:
    """A generation that replaces another is an act on that one; None when there is no such one."""
    ibis = door.ibis
    again = generations.filter(generations.regenerate_of.notnull()
                               & (generations.regenerate_of != generations.response_id))
    earlier = generations.select(earlier=generations.response_id)
    ids = engine.keep(again.semi_join(earlier, again.regenerate_of == earlier.earlier).select("event_id"))
    if not engine.count(ids):
        return None
    rows = events.filter(events.event_type == GENERATION).semi_join(ids, "event_id")
    return engine.keep(_as_acts(rows.mutate(speaks_of=rows.regenerate_of, known=ibis.literal(True),
                                            via=ibis.literal("again"))))


# ---- turns -----------------------------------------------------------------------------------------------------------


def _turns(engine: Engine, generations: Table, lost: Table | None, acts: Table, idle_s: float) -> Table:
    """Sessions are found on the few columns that they need; the rest joins at the end."""
    found = engine.keep(_in_sessions(engine, generations, lost, acts, idle_s))
    shown = acts.filter(acts.event_type == SHOWN).select("response_id")
    if engine.count(shown.limit(1)):
        found = engine.keep(_without_completions(found, shown))
    every = generations.drop(*(name for name in _NAMES if name != "turn_index"))
    every = every if lost is None else every.union(_orphans(lost, every.schema()))
    turns = every.drop(*(name for name in found.columns if name in every.columns and name != "response_id"))
    return engine.keep(_with_following(turns.inner_join(found, "response_id"), acts).select(*TURN))


def _in_sessions(engine: Engine, generations: Table, lost: Table | None, acts: Table, idle_s: float) -> Table:
    """Each response with its session and user, its place there, and what follows."""
    ibis = door.ibis
    every = _with_owner(engine, generations.select(*_SESSION), acts)
    every = engine.keep(every if lost is None else every.union(_orphans(lost, every.schema())))
    every = stitched(every, idle_s, some=engine.count(every.filter(every.session_id.isnull())) > 0)
    every = engine.view(every)
    answered = placed(every.filter(every.event_id.notnull()))
    if lost is None:
        return answered
    orphans = every.filter(every.event_id.isnull()).mutate(
        place=ibis.null("int64"), next_us=ibis.null("int64"), next_event=ibis.null("string"))
    return answered.union(orphans.select(*answered.columns))


@door.built_once
def _without_completions(turns: Table, shown: Table) -> Table:
    """Suggestions that were shown (code completions) are no talk: their prompt is no message, and none follows them."""
    ibis = door.ibis
    suggested = turns.semi_join(shown, "response_id").select(suggested="event_id")
    after = suggested.select(after="suggested")
    marked = turns.left_join(suggested, turns.event_id == suggested.suggested)
    marked = marked.left_join(after, marked.next_event == after.after)
    talk = marked.suggested.isnull() & marked.after.isnull()
    return marked.mutate(next_event=ibis.ifelse(talk, marked.next_event, ibis.null("string"))).select(*turns.columns)


@door.built_once
def _with_following(turns: Table, acts: Table) -> Table:
    """The user's next message: the next prompt, else the first follow-up with words."""
    ibis = door.ibis
    said = acts.filter((acts.event_type == "signal.followup") & acts.text.notnull())
    first = said.mutate(rank=ibis.row_number().over(
        ibis.window(group_by=said.response_id, order_by=[said.at_us, said.event_id])))
    first = first.filter(first["rank"] == 0).select(of_response="response_id", said_event="event_id", said_us="at_us")
    joined = turns.left_join(first, turns.response_id == first.of_response)
    return joined.mutate(
        following_event=ibis.coalesce(joined.next_event, joined.said_event),
        following_us=ibis.ifelse(joined.next_event.notnull(), joined.next_us, joined.said_us))

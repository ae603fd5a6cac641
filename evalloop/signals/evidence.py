"""What detectors read: turns (one for each response), and acts (the events that speak of one), as Ibis tables.

docs/engine.md lists the columns. The same events give the same tables whatever their order, batches and doubles.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from evalloop import engine as door
from evalloop.signals import consent
from evalloop.signals.owners import of_owner
from evalloop.signals.resolve import asked, direct, meant, resolved, unnamed
from evalloop.signals.sessions import placed, stitched

if TYPE_CHECKING:
    from evalloop.engine import Engine

Table = Any
GENERATION, SHOWN = "generation.completed", "signal.shown"
NOT_ABOUT_RESPONSES = ("feedback.retracted", consent.CHANGED, consent.ERASED, "release.deployed", "notice.sent")
VERSION = "2"
"""Signals that were kept are derived again where turns and acts are found in another way than before."""
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
_TOLD = ("day", "turn_index", "response_chars", "response_words")
_FOUND = ("response_id", "event_id", "at_us", "session_id", "user_key", "stitched", "place", "next_us", "next_event",
          "regenerate_of", "prompt_chars")
_SESSION = ("response_id", "event_id", "at_us", "session_id", "user_key", "turn_index", "regenerate_of", "prompt_chars")
"""What sessions are found by."""
_OWNED = ("event_id", "response_id", "session_id", "user_key", "source_kind", "happened_us")
"""What owners are found by."""


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
        """(event_id, said, answered): the user's words of each event that has some, and the answer where it is kept."""
        return _words(self.events)

    def dialogue(self) -> Table:
        """Turns that the user's words follow: ``prompt``, ``response``, ``following``, with their times and ids."""
        return _dialogue(self.turns, self.words())


@door.built_once
def _words(events: Table) -> Table:
    said = door.ibis.coalesce(events.prompt.nullif(""), events.text)
    return events.filter(said.notnull() | (events.event_type == GENERATION)).select(
        "event_id", said=said, answered=events.response.nullif(""))


@door.built_once
def _dialogue(turns: Table, words: Table) -> Table:
    turns = turns.filter(turns.following_event.notnull())
    first = words.select(of_turn="event_id", prompt="said", response="answered")
    second = words.select(of_next="event_id", following="said")
    joined = turns.inner_join(second, turns.following_event == second.of_next)
    joined = joined.left_join(first, joined.event_id == first.of_turn)
    return joined.select("response_id", "event_id", "user_key", "at_us", "following_us", "following_event",
                         "prompt", "response", "following")


def gather(engine: Engine, log: Table, *, idle_s: float = IDLE_S) -> Evidence:
    """Turns and acts of the events in ``log`` (columns of the lake).

    Events find their response by any of its names, however late or early they came; clocks that disagree do no harm,
    for nothing is joined by time but events that name only a session, a task or a user. Few columns are held on the
    way: what else a turn or an act says is read from the log where it is used.
    """
    log = engine.view(log)
    events, internal = consent.counted(engine, log, partial(_spoken_of, engine))
    events = engine.view(events)
    generations, doubled = _generations(engine, events)
    generations = _linked(engine, generations)
    others = engine.view(_others(events))
    unknown = unnamed(engine, others, generations)
    spoken = None if unknown is None else _spoken(engine, others, unknown, generations)
    acts = engine.view(_every_act(engine, events, others, spoken, generations))
    orphans = None if unknown is None or spoken is None else engine.keep(_orphans(unknown, spoken))
    turns = _turns(engine, events, generations, orphans, acts, idle_s)
    via = {} if spoken is None else {
        row["via"]: int(row["n"]) for row in engine.records(spoken.group_by("via").aggregate(n=spoken.count()))}
    named = engine.count(others) - sum(via.values())
    return Evidence(engine, events, turns, acts, {
        "events": engine.count(log), "about": named + via.get("name", 0) + via.get("orphan", 0),
        "orphans": via.get("orphan", 0), "session_level": via.get("session", 0), "internal": internal,
        "doubled": doubled, "turns": engine.count(generations)})


def _spoken_of(engine: Engine, log: Table) -> tuple[Table, Table]:
    """The answers of the log, and what may say whose they are: all acts with the response that each speaks of, also
    those that were taken back, and other events that made the same answer."""
    events = engine.view(log.mutate(happened_us=consent.happened(log)))
    made = _made(engine, events)
    generations = made.filter(made.copy == 0)
    others = engine.view(events.filter(~events.event_type.isin((GENERATION, consent.CHANGED, consent.ERASED))))
    unknown = unnamed(engine, others, generations)
    spoken = None if unknown is None else _spoken(engine, others, unknown, generations)
    acts = _acts(others, spoken)
    return generations, engine.view(acts.select(*_OWNED).union(made.filter(made.copy > 0).select(*_OWNED)))


def _made(engine: Engine, events: Table) -> Table:
    """Every event that made an answer; ``copy`` is 0 for the first of each that nothing replaces."""
    ibis = door.ibis
    found = engine.keep(_named(events, "source_kind", "happened_us"))
    if not engine.first(_doubled(found))["n"]:
        return found.mutate(copy=ibis.literal(0, "int64"))
    gone = events.filter(events.replaces.notnull()).select(replaced="replaces").distinct()
    both = found.left_join(gone, found.event_id == gone.replaced)
    by_time = ibis.window(group_by=both.response_id, order_by=[both.replaced.notnull(), both.at_us, both.event_id])
    return engine.keep(both.mutate(copy=ibis.row_number().over(by_time)).drop("replaced"))


# ---- responses -------------------------------------------------------------------------------------------------------


def _generations(engine: Engine, events: Table) -> tuple[Table, int]:
    """One row for each response, with its names; of several generations under one id the first stays."""
    found = engine.keep(_named(events))
    doubled = engine.first(_doubled(found))
    if not doubled["n"]:
        return found, 0
    window = door.ibis.window(group_by=found.response_id, order_by=[found.at_us, found.event_id])
    first = found.mutate(copy=door.ibis.row_number().over(window))
    return engine.keep(first.filter(first.copy == 0).drop("copy")), int(doubled["n"])


@door.built_once
def _named(events: Table, *also: str) -> Table:
    made = events.filter(events.event_type == GENERATION)
    named = made.mutate(
        response_id=door.ibis.coalesce(made.response_id, made.provider_response_id, made.event_id),
        prompt_chars=made.prompt.length().cast("int64"))
    return named.select(*_SESSION, *_NAMES[:-1], *also)


@door.built_once
def _doubled(found: Table) -> Table:
    """How many generations have an id that another has before them."""
    return found.aggregate(n=found.count() - found.response_id.nunique())


def _linked(engine: Engine, generations: Table) -> Table:
    """Generations whose ``regenerate_of`` is the response id of the answer that it means by another of its names."""
    lost = engine.keep(_lost_links(generations))
    return engine.keep(_relinked(generations, lost)) if engine.count(lost) else generations


@door.built_once
def _lost_links(generations: Table) -> Table:
    """The ``regenerate_of`` that are no response id."""
    named = generations.filter(generations.regenerate_of.notnull()).select(link="regenerate_of").distinct()
    return named.anti_join(generations, named.link == generations.response_id)


@door.built_once
def _relinked(generations: Table, lost: Table) -> Table:
    found = meant(lost, generations)
    both = generations.left_join(found, generations.regenerate_of == found.link)
    return both.mutate(regenerate_of=door.ibis.coalesce(both.means, both.regenerate_of)).select(*generations.columns)


def _with_owner(engine: Engine, generations: Table, acts: Table) -> Table:
    """Generations whose session or user is told by their acts only get these from them.

    Who reviews owns nothing, but knows the session where nobody else says it.
    """
    gaps = engine.first(_gaps(generations))
    for name in (name for name, many in gaps.items() if many):
        without = generations.filter(generations[name].isnull()).select("response_id")
        says = acts.filter(acts[name].notnull()).semi_join(without, "response_id")
        told = engine.keep(_told(says, name))
        if engine.count(told):
            joined = generations.left_join(told, "response_id")
            generations = joined.mutate(**{name: door.ibis.coalesce(joined[name], joined.told)}).select(
                *generations.columns)
    return generations


@door.built_once
def _told(acts: Table, name: str) -> Table:
    """(response_id, told): the session or the user that acts give their response."""
    owned = of_owner(acts)
    if name == "user_key":
        return acts.filter(owned).group_by("response_id").aggregate(told=acts[name].min())
    return acts.group_by("response_id").aggregate(
        told=door.ibis.coalesce(acts[name].min(where=owned), acts[name].min()))


@door.built_once
def _gaps(generations: Table) -> Table:
    return generations.aggregate(**{
        name: generations[name].isnull().sum().fill_null(0) for name in ("session_id", "user_key")})


@door.built_once
def _orphans(unknown: Table, spoken: Table) -> Table:
    """A turn without a generation for each response that only acts speak of: the first of them tells of it."""
    ibis = door.ibis
    lost = spoken.filter(~spoken.known & spoken.speaks_of.notnull())
    missing = unknown.inner_join(lost, unknown.event_id == lost.of_event)
    by_time = ibis.window(group_by=missing.speaks_of, order_by=[missing.at_us, missing.event_id])
    all_of_it = ibis.window(group_by=missing.speaks_of)
    owned, nothing = of_owner(missing), ibis.null("string")
    owner, session = (ibis.ifelse(owned, missing[name], nothing).min().over(all_of_it)
                      for name in ("user_key", "session_id"))
    first = missing.mutate(rank=ibis.row_number().over(by_time), user=owner,
                           session=ibis.coalesce(session, missing.session_id.min().over(all_of_it)))
    first = first.filter(first["rank"] == 0)
    return first.select(
        response_id="speaks_of", event_id=ibis.null("string"), told_by="event_id", at_us="at_us", session_id="session",
        user_key="user", turn_index="turn_index", regenerate_of=ibis.null("string"), prompt_chars=ibis.null("int64"))


# ---- acts ------------------------------------------------------------------------------------------------------------


@door.built_once
def _others(events: Table) -> Table:
    """The events that may speak of a response."""
    return events.filter(~events.event_type.isin((GENERATION, *NOT_ABOUT_RESPONSES)))


def _spoken(engine: Engine, others: Table, unknown: Table, generations: Table) -> Table:
    """(of_event, speaks_of, known, via) of those acts; ``speaks_of`` is null where an act belongs to no response."""
    ibis = door.ibis
    nothing = unknown.select(of_event="event_id", speaks_of=ibis.null("string"), known=ibis.literal(False),
                             via=ibis.null("string"))
    kinds = asked(engine, unknown)
    if kinds.needs_owner:
        generations = _with_owner(engine, generations, _acts(others, nothing))
    found = resolved(unknown, generations, kinds)
    both = nothing.select("of_event").left_join(found, "of_event")
    return engine.keep(both.select("of_event", "speaks_of", known=both.known.fill_null(False), via="via"))


@door.built_once
def _acts(others: Table, spoken: Table | None) -> Table:
    """All acts with the response they speak of."""
    ibis = door.ibis
    named = others.mutate(names=direct(others))
    if spoken is None:
        return _as_acts(named, named["names"], ibis.literal(True), ibis.literal("direct"))
    both = named.left_join(spoken, named.event_id == spoken.of_event)
    both = both.filter(both.of_event.isnull() | both.speaks_of.notnull())
    return _as_acts(both, ibis.coalesce(both.speaks_of, both["names"]), both.known.fill_null(True),
                    both.via.fill_null("direct"))


def _as_acts(events: Table, speaks_of: Any, known: Any, via: Any) -> Table:
    added = ("names", "of_event", "speaks_of", "known", "via", "replaced")
    kept = [name for name in events.columns if name not in _LEFT_OUT and name not in added]
    return events.select(*kept, response_id=speaks_of, known=known, via=via)


def _every_act(engine: Engine, events: Table, others: Table, spoken: Table | None, generations: Table) -> Table:
    """The acts, and the generations that replace another: each is an act on that one."""
    tries = engine.keep(_again(generations))
    acts = _acts(others, spoken)
    return acts.union(_tries(events, tries)) if engine.count(tries) else acts


@door.built_once
def _again(generations: Table) -> Table:
    again = generations.filter(generations.regenerate_of.notnull()
                               & (generations.regenerate_of != generations.response_id))
    earlier = generations.select(earlier="response_id")
    return again.semi_join(earlier, again.regenerate_of == earlier.earlier).select("event_id", replaced="regenerate_of")


@door.built_once
def _tries(events: Table, tries: Table) -> Table:
    ibis = door.ibis
    rows = events.filter(events.event_type == GENERATION).inner_join(tries, "event_id")
    rows = rows.mutate(event_type=ibis.literal(GENERATION))
    return _as_acts(rows, rows.replaced, ibis.literal(True), ibis.literal("again"))


# ---- turns -----------------------------------------------------------------------------------------------------------


def _turns(engine: Engine, events: Table, generations: Table, orphans: Table | None, acts: Table,
           idle_s: float) -> Table:
    """Sessions are found on the few columns that they need; the rest is read from the log at the end."""
    every = _with_owner(engine, generations.select(*_SESSION), acts)
    every = every if orphans is None else every.union(orphans.select(*_SESSION))
    some = engine.count(every.filter(every.session_id.isnull())) > 0
    shown = engine.keep(_suggestions(acts))
    found = engine.keep(_in_sessions(every, shown if engine.count(shown) else None, idle_s, some))
    return engine.keep(_with_following(_with_context(found, orphans, events), acts).select(*TURN))


@door.built_once
def _suggestions(acts: Table) -> Table:
    return acts.filter(acts.event_type == SHOWN).select(suggestion="response_id").distinct()


@door.built_once
def _in_sessions(every: Table, shown: Table | None, idle_s: float, some: bool) -> Table:
    """Each response with its session and user, its place there, and what follows.

    Suggestions that were ``shown`` (code completions) are no talk: their prompt is no message, and none follows them.
    """
    ibis = door.ibis
    every = stitched(every, idle_s, some=some)
    marked = every.mutate(suggestion=ibis.null("string")) if shown is None else every.left_join(
        shown, every.response_id == shown.suggestion)
    marked = marked.mutate(talk=marked.suggestion.isnull()).drop("suggestion")
    answered = placed(marked.filter(marked.event_id.notnull()))
    orphans = marked.filter(marked.event_id.isnull()).mutate(
        place=ibis.null("int64"), next_us=ibis.null("int64"), next_event=ibis.null("string"))
    return answered.select(*_FOUND).union(orphans.select(*_FOUND))


@door.built_once
def _with_context(found: Table, orphans: Table | None, events: Table) -> Table:
    """Turns with what the event that tells of them says: the generation, else the first act on the response."""
    made = events.filter(events.event_type == GENERATION).select(*_TOLD, *CONTEXT, source="event_id")
    answered = found.inner_join(made, found.event_id == made.source).drop("source")
    if orphans is None:
        return answered
    acts = events.filter(events.event_type != GENERATION).select("day", "turn_index", *CONTEXT, source="event_id")
    silent = found.filter(found.event_id.isnull()).inner_join(orphans.select("response_id", "told_by"), "response_id")
    silent = silent.inner_join(acts, silent.told_by == acts.source)
    empty = {name: door.ibis.null(answered[name].type()) for name in answered.columns if name not in silent.columns}
    return answered.union(silent.mutate(**empty).select(*answered.columns))


@door.built_once
def _with_following(turns: Table, acts: Table) -> Table:
    """The user's next message: the next prompt, else the first follow-up with words."""
    ibis = door.ibis
    said = acts.filter((acts.event_type == "signal.followup") & acts.text.nullif("").notnull())
    first = said.mutate(rank=ibis.row_number().over(
        ibis.window(group_by=said.response_id, order_by=[said.at_us, said.event_id])))
    first = first.filter(first["rank"] == 0).select(of_response="response_id", said_event="event_id", said_us="at_us")
    joined = turns.left_join(first, turns.response_id == first.of_response)
    return joined.mutate(
        following_event=ibis.coalesce(joined.next_event, joined.said_event),
        following_us=ibis.ifelse(joined.next_event.notnull(), joined.next_us, joined.said_us))

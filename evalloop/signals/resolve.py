"""Which response an event speaks of: by any of its names, else by the session, task or user it belongs to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalloop import engine as door

if TYPE_CHECKING:
    from evalloop.engine import Engine

Table = Any
LINKS = ("regenerate_of", "edit_of", "rephrase_of")
OF_OLD = ("regenerate_of", "rephrase_of")
"""Links whose event may have the new answer as its subject: of an unknown one nothing is said."""
TO_ACTS = ("edit_of", "rephrase_of")
"""Links that may name an act instead of a response."""
DIRECT = (*LINKS, "response_id", "provider_response_id")
"""The columns that name a response, best first: links come before the subject, which may be the new response."""
ALIASES = ("message", "span", "trace", "turn")
OUTCOMES = "outcome."
ASKED = ("event_id", "event_type", "source_kind", "at_us", "user_key", "session_id", "task_id", "message_id",
         "trace_id", "span_id", "turn_index", *DIRECT)
"""The columns of an event by which its response is found."""


@dataclass(frozen=True)
class Asked:
    """The kinds of names that some events have, and whether some have none; the others need not be looked for."""

    direct: tuple[str, ...]
    aliases: tuple[str, ...]
    nameless: bool

    def __bool__(self) -> bool:
        """Whether there are events at all."""
        return self.nameless or bool(self.direct or self.aliases)

    @property
    def links(self) -> bool:
        """Whether some event links to an answer that its id does not find."""
        return any(name in LINKS for name in self.direct)

    @property
    def to_acts(self) -> bool:
        """Whether an act may be looked for that an event links to."""
        return any(name in TO_ACTS for name in self.direct)

    @property
    def needs_owner(self) -> bool:
        """Whether a response is looked for by its session or user."""
        return self.nameless or "turn" in self.aliases


def asked(engine: Engine, events: Table) -> Asked:
    """What ``events`` name."""
    names = {**{name: events[name] for name in DIRECT}, **{kind: _alias(events, kind) for kind in ALIASES}}
    found = engine.first(events.aggregate(
        nameless=_own(events).isnull().sum(), **{name: column.notnull().sum() for name, column in names.items()}))
    return Asked(tuple(name for name in DIRECT if found[name]), tuple(kind for kind in ALIASES if found[kind]),
                 bool(found["nameless"]))


def unnamed(engine: Engine, others: Table, responses: Table) -> Table | None:
    """The events (columns ``ASKED``) that do not name a known response outright; None when there are none.

    A link of theirs to another act is one to what that act speaks of.
    """
    found = engine.keep(_unnamed(others, responses))
    kinds = asked(engine, found)
    if kinds.to_acts:
        targets = engine.keep(_targets(others, found))
        found = engine.keep(_redirected(found, _heard(engine, targets, responses))) if engine.count(targets) else found
    return found if kinds else None


@door.built_once
def _unnamed(events: Table, responses: Table) -> Table:
    named = events.mutate(names=direct(events))
    return named.anti_join(responses, named["names"] == responses.response_id).select(*ASKED)


@door.built_once
def _targets(others: Table, found: Table) -> Table:
    """The acts that are linked to."""
    links = _all(found.select(link=name) for name in TO_ACTS)
    return others.semi_join(links, others.event_id == links.link).select(*ASKED)


def _heard(engine: Engine, acts: Table, responses: Table) -> Table:
    """(act, answer): the response that each of the acts speaks of by its own names, known or not."""
    rest = engine.keep(_unnamed(acts, responses))
    kinds = asked(engine, rest)
    outright = acts.anti_join(rest, "event_id").select(act="event_id", answer=direct(acts))
    if not kinds:
        return outright
    return outright.union(resolved(rest, responses, kinds).select(act="of_event", answer="speaks_of"))


@door.built_once
def _redirected(events: Table, heard: Table) -> Table:
    for name in TO_ACTS:
        both = events.left_join(heard, events[name] == heard.act)
        events = both.mutate(**{name: door.ibis.coalesce(both.answer, both[name])}).select(*ASKED)
    return events


def direct(events: Table) -> Any:
    """The response that an event names, known or not; null when it names none."""
    return door.ibis.coalesce(*(events[name] for name in DIRECT))


def _alias(events: Table, kind: str) -> Any:
    """Another name of a response as one text; null when the event has none of that kind."""
    if kind == "message":
        return "m " + events.message_id
    if kind == "span":
        return "s " + events.trace_id + " " + events.span_id
    if kind == "trace":
        return "t " + events.trace_id
    return "n " + events.session_id + " " + events.turn_index.cast("string")


@door.built_once
def resolved(events: Table, responses: Table, kinds: Asked) -> Table:
    """(of_event, speaks_of, known, via) of ``events`` (their columns ``ASKED``) that name no known response outright.

    A name that two responses share means neither. Who links to a response (by its id, its message or the event that
    tells of it) speaks of that one alone; where ``edit_of`` finds none, of the subject. An event with names that nobody
    knows is an orphan and speaks of the name itself; one without a name goes to the last response of its session before
    it (of its task, or of its user where it is an outcome, however late: the detector knows its window); what has none
    of these is left out.
    """
    found = [_by_name(events, responses, kinds)] if kinds.direct or kinds.aliases else []
    return _all([*found, *([_before(events, responses)] if kinds.nameless else [])])


def _by_name(events: Table, responses: Table, kinds: Asked) -> Table:
    """(of_event, speaks_of, known, via) of the events that have a name."""
    ibis = door.ibis
    named = _named(events, responses, kinds).select(named="of_event", hit="hit")
    with_name = events.select(of_event=events.event_id, own=_own(events))
    with_name = with_name.filter(with_name.own.notnull())
    told = with_name.left_join(named, with_name.of_event == named.named)
    return told.select("of_event", speaks_of=ibis.coalesce(told.hit, told.own), known=told.hit.notnull(),
                       via=ibis.ifelse(told.hit.notnull(), ibis.literal("name"), ibis.literal("orphan")))


def _own(events: Table) -> Any:
    """What an event calls its response, whether that is known or not; other names than ids say their kind."""
    return door.ibis.coalesce(direct(events), "message " + events.message_id, "span " + events.span_id,
                              "trace " + events.trace_id,
                              "turn " + events.session_id + " " + events.turn_index.cast("string"))


def _named(events: Table, responses: Table, kinds: Asked) -> Table:
    """(of_event, hit): the best known name of each event."""
    ibis = door.ibis
    asked = _all(events.select(of_event=events.event_id, rank=ibis.literal(rank, "int64"), name=name)
                 for rank, name in enumerate(_names(events, kinds)))
    asked = asked.filter(asked.name.notnull())
    known = _known_names(responses, asked.select("name").distinct(), kinds)
    pairs = asked.inner_join(known, "name")
    best = pairs.mutate(place=ibis.row_number().over(ibis.window(group_by=pairs.of_event, order_by=pairs.rank)))
    return best.filter(best.place == 0).select("of_event", hit=best.response)


def _names(events: Table, kinds: Asked) -> list[Any]:
    """The names that events give their response, best first: what a link may mean, then the subject's."""
    ibis = door.ibis
    links = [kind + events[name] for name in kinds.direct if name in LINKS for kind in ("r ", "m ", "e ")]
    subject = ["r " + events[name] for name in kinds.direct if name not in LINKS]
    subject += [_alias(events, kind) for kind in kinds.aliases]
    subject += ["r " + events.message_id] * ("message" in kinds.aliases)
    of_old = ibis.or_(*(events[name].notnull() for name in OF_OLD))
    return [*links, *(ibis.ifelse(of_old, ibis.null("string"), name) for name in subject)]


def _known_names(responses: Table, wanted: Table, kinds: Asked) -> Table:
    """(name, response) of the wanted names that mean one response; its own id always means itself."""
    ibis = door.ibis
    own = responses.select(name="r " + responses.response_id, response=responses.response_id)
    aliases = {kind: _alias(responses, kind) for kind in kinds.aliases}
    if kinds.links:
        aliases |= {"message": _alias(responses, "message"), "event": "e " + responses.event_id}
    others = [responses.select(name=name, response=responses.response_id)
              for name in ("r " + responses.provider_response_id, *aliases.values())]
    every = _all([own.mutate(own=ibis.literal(1, "int64")),
                  *(each.mutate(own=ibis.literal(0, "int64")) for each in others)])
    asked = every.filter(every.name.notnull()).semi_join(wanted, "name")
    grouped = asked.group_by("name").aggregate(
        only=asked.response.max(), first=asked.response.min(), itself=asked.response.max(where=asked.own == 1))
    clear = grouped.filter(grouped.itself.notnull() | (grouped.only == grouped.first))
    return clear.select("name", response=ibis.coalesce(clear.itself, clear.only))


def meant(links: Table, responses: Table) -> Table:
    """(link, means): the known response that each ``link`` to an answer means; without those that mean none."""
    known = _known_names(responses, links.select(name="r " + links.link), Asked(DIRECT, (), False))
    named = links.mutate(name="r " + links.link)
    return named.inner_join(known, "name").select("link", means="response")


def _before(events: Table, responses: Table) -> Table:
    """The same of events without a name: the last response before them (else the first) of what they belong to."""
    ibis = door.ibis
    events = events.filter(_own(events).isnull())
    outcome = events.event_type.startswith(OUTCOMES)
    alone = events.session_id.isnull()
    nothing = ibis.null("string")
    keys = {"session": events.session_id, "task": ibis.ifelse(alone, events.task_id, nothing),
            "user": ibis.ifelse(alone & outcome, events.user_key, nothing)}
    mine = _all(events.select(of_event="event_id", when_us="at_us", rank=ibis.literal(rank, "int64"),
                              kind=ibis.literal(kind), belongs=key) for rank, (kind, key) in enumerate(keys.items()))
    mine = mine.filter(mine.belongs.notnull())
    held = _all(responses.select(kind=ibis.literal(kind), belongs=responses[column], candidate="response_id",
                                 when_us="at_us")
                for kind, column in (("session", "session_id"), ("task", "task_id"), ("user", "user_key")))
    return _nearest(mine, held.semi_join(mine, ["kind", "belongs"]))


def _nearest(mine: Table, held: Table) -> Table:
    """(of_event, speaks_of, known, via): one pass by time over events and responses of each owner, however many."""
    ibis = door.ibis
    nothing = ibis.null("string")
    met = held.mutate(of_event=nothing, rank=ibis.literal(-1, "int64"))
    rows = met.union(mine.mutate(candidate=nothing).select(*met.columns))
    by_time = ibis.window(group_by=[rows.kind, rows.belongs], preceding=None, following=0,
                          order_by=[rows.when_us, rows["rank"], rows.candidate, rows.of_event])
    rows = rows.mutate(before=ibis.ifelse(rows.candidate.notnull(), 1, 0).sum().over(by_time).cast("int64"))
    last = rows.candidate.max().over(ibis.window(group_by=[rows.kind, rows.belongs, rows.before]))
    first = ibis.ifelse(rows.before == 1, rows.candidate, nothing).max().over(
        ibis.window(group_by=[rows.kind, rows.belongs]))
    hit = ibis.cases((rows.before > 0, last), (rows.kind == "session", first), else_=nothing)
    found = rows.mutate(hit=hit)
    found = found.filter(found.of_event.notnull() & (found.hit.notnull() | (found.kind == "session")))
    best = found.mutate(place=ibis.row_number().over(ibis.window(group_by=found.of_event, order_by=found["rank"])))
    return best.filter(best.place == 0).select(
        "of_event", speaks_of=ibis.coalesce(best.hit, "session " + best.belongs), known=best.hit.notnull(), via="kind")


def _all(tables: Any) -> Table:
    first, *rest = tables
    return first.union(*rest) if rest else first

"""What belongs to one user in the log: events that name the user, and those that name nobody and can be no one else's.

An answer that names no user belongs to the one who acted on it, by whichever of its names, unless another user did so
too; without any act it belongs to who alone acted in its session. Who reviews (a person, a model, code) owns nothing.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from evalloop.records.event import OTHERS
from evalloop.store.body import canonical
from evalloop.store.log import EventLog

ERASED, GENERATION = "privacy.erased", "generation.completed"
SAID = ("text", "ideal", "after", "explanation", "comment")
LINKS = ("regenerate_of", "edit_of", "rephrase_of")
Body = Mapping[str, Any]


@dataclass
class Traces:
    """Where a user left something: ids of events, of responses and sessions, and the user's own words; ``shared`` are
    answers that name nobody and stay, for another user acted on them too."""

    keys: frozenset[str]
    events: set[str] = field(default_factory=set)
    responses: set[str] = field(default_factory=set)
    sessions: set[str] = field(default_factory=set)
    words: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)

    def about(self, subject: Body) -> bool:
        """True for what is known to belong to the user's responses or sessions."""
        response = subject.get("response_id")
        return response not in self.shared and (
            response in self.responses or subject.get("session_id") in self.sessions)

    def keep(self, event: Body) -> None:
        """Takes the id and the words of an event that is to go."""
        self.events.add(event["event_id"])
        self.words.update(words_of(event))


def words_of(event: Body) -> Iterator[str]:
    """What the user wrote in an event: comments, corrections, and the messages of the role ``user``."""
    payload = event.get("payload") or {}
    yield from (payload[name] for name in SAID if isinstance(payload.get(name), str))
    side = payload.get("input")
    messages = side.get("messages") if isinstance(side, Mapping) else None
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, Mapping) and message.get("role") == "user":
            yield from _texts(message.get("content", message.get("parts")))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _texts(item)
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item)


def find(log: EventLog, keys: Collection[str]) -> Traces:
    """Three readings of the log: how the user's acts call answers, which these are, and what belongs to them."""
    traces, names = Traces(frozenset(keys)), set[str]()
    needles = [canonical(key)[1:-1].decode() for key in keys]
    for event in _events(log, lambda body: any(each in body for each in needles)):
        if _user(event) in traces.keys and event["event_type"] != ERASED and _of_owner(event):
            names |= names_of(event)
            traces.sessions |= {_session(event)} - {None}
    found = _Belongings(traces, _answers(log, names, traces.sessions))
    for event in _events(log):
        if event["event_type"] != ERASED:
            found.look(event)
    found.settle()
    return traces


def _events(log: EventLog, wanted: Callable[[str], bool] = lambda body: True) -> Iterator[dict[str, Any]]:
    """Every event of inbox and lake whose body is wanted, as a mapping."""
    from sqlalchemy import select

    with log.store.engine.connect().execution_options(read_only=True, yield_per=1000) as connection:
        for body in filter(wanted, connection.execute(select(log.store.table.c.body)).scalars()):
            yield json.loads(body)
    for table in log.lake.tables(["body"]):
        for body in filter(wanted, table.column("body").to_pylist()):
            yield json.loads(body)


def _user(event: Body) -> Any:
    return (event.get("actor") or {}).get("user_key")


def _session(event: Body) -> Any:
    return (event.get("subject") or {}).get("session_id")


def _of_owner(event: Body) -> bool:
    """Whether an event can say whose an answer is."""
    return (event.get("source") or {}).get("kind") not in OTHERS


def names_of(event: Body) -> set[str]:
    """Every name that an event gives an answer, each with its kind; a message id may be a response id too."""
    subject, links = event.get("subject") or {}, event.get("links") or {}
    message, trace, session = (subject.get(name) for name in ("message_id", "trace_id", "session_id"))
    direct = [*(links.get(name) for name in LINKS if event["event_type"] != GENERATION), subject.get("response_id"),
              subject.get("provider_response_id"), message if event["event_type"] != GENERATION else None]
    others = {"m": (message,), "s": (trace, subject.get("span_id")), "t": (trace,),
              "n": (session, subject.get("turn_index"))}
    return {f"r {name}" for name in direct if name} | {
        " ".join((kind, *map(str, parts))) for kind, parts in others.items() if None not in parts}


# ---- answers ---------------------------------------------------------------------------------------------------------


@dataclass
class _Answers:
    """The answers that a user may own: by ``name``, those that the user's acts mean, and by ``id`` all of them."""

    by_name: dict[str, str]
    acted: set[str]
    ids: set[str]


def _id_of(generation: Body) -> str:
    subject = generation.get("subject") or {}
    return str(subject.get("response_id") or subject.get("provider_response_id") or generation["event_id"])


def _answers(log: EventLog, names: set[str], sessions: set[Any]) -> _Answers:
    """The answers of these names or sessions. A name that two answers share means neither, but one's own id."""
    own: dict[str, set[str]] = {}
    means: defaultdict[str, set[str]] = defaultdict(set)
    for event in _events(log, lambda body: f'"{GENERATION}"' in body):
        if event["event_type"] != GENERATION:
            continue
        called, name = names_of(event), _id_of(event)
        if hit := (called | {f"r {name}"}) & names:
            for each in hit:
                means[each].add(name)
        if hit or _session(event) in sessions:
            own.setdefault(name, set()).update({f"r {name}"}, (each for each in called if each[0] in "rms"))
    clear = {name: name[2:] if name[2:] in ids and name[0] == "r" else min(ids) for name, ids in means.items()
             if len(ids) == 1 or (name[0] == "r" and name[2:] in ids)}
    unknown = {name: name[2:] for name in names - means.keys() if name[0] == "r"}
    by_name = {each: name for name, called in own.items() for each in called if each not in means}
    return _Answers({**by_name, **unknown, **clear}, {*unknown.values(), *clear.values()}, set(own))


class _Held(NamedTuple):
    """An event that names nobody: the answers that it is about, its session and its words."""

    event: str
    made: str | None
    about: frozenset[str]
    session: Any
    words: tuple[str, ...]


class _Belongings:
    """Tells the user's events from those of others, and settles whose the others are once all were seen."""

    def __init__(self, traces: Traces, answers: _Answers) -> None:
        self._traces, self._answers = traces, answers
        self._owned: set[str] = set()
        self._contested: set[str] = set()
        self._visited: set[Any] = set()
        self._held: list[_Held] = []

    def look(self, event: Body) -> None:
        """Takes what the user's is, notes what others acted on, and holds what names nobody."""
        user, about, session = _user(event), self._about(event), _session(event)
        if user in self._traces.keys or (
                user is None and (event.get("payload") or {}).get("user_key") in self._traces.keys):
            self._traces.keep(event)
            self._owned |= {_id_of(event)} if event["event_type"] == GENERATION else set()
        elif user is not None:
            if _of_owner(event):
                self._contested |= about
                self._visited |= {session} & self._traces.sessions
        elif about or session in self._traces.sessions:
            made = _id_of(event) if event["event_type"] == GENERATION else None
            self._held.append(_Held(event["event_id"], made, about, session, tuple(words_of(event))))

    def _about(self, event: Body) -> frozenset[str]:
        if event["event_type"] == GENERATION:
            return frozenset({_id_of(event)} & (self._answers.ids | self._answers.acted))
        return frozenset(self._answers.by_name[name] for name in names_of(event) & self._answers.by_name.keys())

    def settle(self) -> None:
        """Takes what nobody else can own."""
        traces = self._traces
        self._contested -= self._owned
        traces.sessions -= self._visited
        for each in self._held:
            if self._belongs(each):
                traces.events.add(each.event)
                traces.words.update(each.words)
            elif each.made is not None:
                traces.shared.add(each.made)
        traces.responses |= (self._answers.acted | self._answers.ids) - self._contested - traces.shared

    def _belongs(self, held: _Held) -> bool:
        if held.about & self._contested:
            return False
        return bool(held.about & self._answers.acted) or held.session in self._traces.sessions

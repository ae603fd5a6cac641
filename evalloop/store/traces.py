"""What belongs to one user in the log: events that name the user, and those that are about an answer of the user's.

Whose an answer is goes by the rule of ``evalloop.signals.owners`` (docs/capture.md tells it). The log is streamed: what
is held are ids of the user's events, of the answers and sessions where the user was, and of what others did there.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import islice
from typing import TYPE_CHECKING, Any

from evalloop.store.body import canonical
from evalloop.store.called import CHANGED, GENERATION, SLIM, TO_ACTS, Known, Lines, Row, Seen, answer_id, seen
from evalloop.store.columns import picked
from evalloop.store.log import EventLog
from evalloop.store.places import Place

if TYPE_CHECKING:
    import pyarrow as pa

ERASED = "privacy.erased"
SAID = ("text", "ideal", "after", "explanation", "comment")
BATCH = 5_000
FEW = 20
"""So many values are looked for in the text of an event before it is parsed."""
Body = Mapping[str, Any]


@dataclass
class Traces:
    """Where a user left something: ids of events, of responses and sessions, and the user's own words; ``shared`` are
    answers that name nobody and stay, for another user was there too."""

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


def find(log: EventLog, keys: Collection[str]) -> Traces:
    """Reads the log for the user's acts, the answers that they mean, those beside them, what others did there, and the
    answers that these mean; then for the words of what belongs to the user."""
    traces = Traces(frozenset(keys))
    met, sessions = _met(log, traces.keys)
    place = Place(traces.keys, met, sessions)
    for row in _answers(log) if met or sessions else ():
        place.beside(row)
    for row in _rows(log):
        place.look(row)
    for row in _with(log, TO_ACTS, place.acts()):
        place.after(row)
    found = place.settle(_known(log, place.near))
    traces.events = place.named | found.events
    traces.responses, traces.sessions, traces.shared = found.responses, found.sessions, found.shared
    if traces.events:
        traces.words.update(word for body in _bodies(log, traces.events) for word in words_of(body))
    return traces


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


# ---- the log ---------------------------------------------------------------------------------------------------------


def _rows(log: EventLog, wanted: Callable[[pa.Table], Any] | None = None,
          marks: Collection[str] = ("",)) -> Iterator[Row]:
    """The slim columns of all events but erasures, or of those that are wanted: their bodies have one of ``marks``."""
    import pyarrow.compute as pc

    for table in _tables(log, marks):
        some = pc.not_equal(table.column("event_type"), ERASED)
        some = some if wanted is None else pc.and_(some, wanted(table))
        for batch in table.filter(some).to_batches(max_chunksize=BATCH):
            yield from batch.to_pylist()


def _answers(log: EventLog) -> Iterator[Row]:
    import pyarrow.compute as pc

    return _rows(log, lambda table: pc.equal(table.column("event_type"), GENERATION), [f'"{GENERATION}"'])


def _with(log: EventLog, names: Sequence[str], values: Collection[str]) -> Iterator[Row]:
    """The events that have one of the values in one of these columns."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not values:
        return iter(())
    given, marks = pa.array(sorted(values)), [f'"{name}"' for name in names]
    marks = marks if len(values) > FEW else [canonical(each).decode() for each in values]
    return _rows(log, lambda table: reduce(pc.or_, (pc.is_in(table.column(name), given) for name in names)), marks)


def _tables(log: EventLog, marks: Collection[str]) -> Iterator[pa.Table]:
    """Inbox and lake, whole: also what waits in a conflict."""
    bodies = (body for (body,) in _inbox(log, "body") if any(mark in body for mark in marks))
    while some := list(islice(bodies, BATCH)):
        yield picked(some, SLIM)
    yield from log.lake.tables(SLIM)


def _inbox(log: EventLog, *names: str) -> Iterator[Any]:
    from sqlalchemy import select

    with log.store.engine.connect().execution_options(read_only=True, yield_per=1000) as connection:
        yield from connection.execute(select(*(log.store.table.c[name] for name in names)))


def _bodies(log: EventLog, ids: Collection[str]) -> Iterator[dict[str, Any]]:
    """The events with these ids, as mappings."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for event_id, body in _inbox(log, "event_id", "body"):
        if event_id in ids:
            yield json.loads(body)
    wanted = pa.array(sorted(ids))
    for table in log.lake.tables(["event_id", "body"]):
        for body in table.filter(pc.is_in(table.column("event_id"), wanted)).column("body").to_pylist():
            yield json.loads(body)


# ---- what is near the user -------------------------------------------------------------------------------------------


def _met(log: EventLog, keys: frozenset[str]) -> tuple[set[str], set[str]]:
    """The answers that the user got or acted on, and the sessions of these and of the acts."""
    own = [seen(row) for row in _with(log, ["user_key"], keys) if row["event_type"] != CHANGED]
    own = [each for each in own if each.owner]
    targets = [seen(row) for row in _with(log, ["event_id"], _linked(own))]
    known = Known(_names([*own, *targets]) | {f"r {each.made}" for each in own if each.made})
    tasks = {each.task for each in own if each.session is None} - {None}
    lines, sessions_of = Lines(), defaultdict[str, set[str]](set)
    for row in _answers(log):
        if known.add(row) | (row["task_id"] in tasks):
            sessions_of[answer_id(row)] |= {row["session_id"]} - {None}
            lines.add("task", row["task_id"], row["at_us"], answer_id(row))
    lines.sort()
    known.hear(targets)
    met = {each.made or known.meant(each.names) or each.orphan or lines.before(each) for each in own} - {None}
    sessions = {each.session for each in own if each.session is not None}
    return {str(each) for each in met}, sessions.union(*(sessions_of[each] for each in met if each))


def _known(log: EventLog, near: Collection[Seen]) -> Known:
    """What the names mean that these events give."""
    known = Known(_names(near))
    for row in _answers(log) if near else ():
        known.add(row)
    known.hear(near)
    return known


def _names(events: Iterable[Seen]) -> set[str]:
    return {name for each in events for name in each.names}


def _linked(events: Iterable[Seen]) -> set[str]:
    """Ids of the acts that some events may link to."""
    return {name[2:] for name in _names(events) if name[0] == "a"}

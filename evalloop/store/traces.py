"""What belongs to one user in the log: events that name the user, and those that are about an answer of the user's.

Whose an answer is goes by the rule of ``evalloop.signals.owners`` (docs/capture.md tells it). The log is streamed: what
is held are ids of the user's events, of the answers and sessions where the user was, and of what others did there.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from evalloop.store import columns
from evalloop.store.called import GENERATION, SLIM, Known, Lines, Row, Seen, answer_id, seen
from evalloop.store.log import EventLog
from evalloop.store.places import Place

if TYPE_CHECKING:
    import pyarrow as pa

ERASED, CHANGED = "privacy.erased", "consent.changed"
SAID = ("text", "ideal", "after", "explanation", "comment")
BATCH = 5_000
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
    place = Place(traces.keys, *_met(log, traces.keys))
    for row in _answers(log):
        place.beside(row)
    for row in _rows(log):
        place.look(row)
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


def _rows(log: EventLog, wanted: Callable[[pa.Table], Any] | None = None) -> Iterator[Row]:
    """The slim columns of all events that may be about an answer, or of those that are wanted."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for table in _tables(log):
        some = pc.invert(pc.is_in(table.column("event_type"), pa.array((ERASED, CHANGED))))
        some = some if wanted is None else pc.and_(some, wanted(table))
        for batch in table.filter(some).to_batches(max_chunksize=BATCH):
            yield from batch.to_pylist()


def _answers(log: EventLog) -> Iterator[Row]:
    import pyarrow.compute as pc

    return _rows(log, lambda table: pc.equal(table.column("event_type"), GENERATION))


def _own(log: EventLog, keys: frozenset[str]) -> Iterator[Row]:
    import pyarrow as pa
    import pyarrow.compute as pc

    return _rows(log, lambda table: pc.is_in(table.column("user_key"), pa.array(sorted(keys))))


def _tables(log: EventLog) -> Iterator[pa.Table]:
    """Inbox and lake, whole: also what waits in a conflict."""
    bodies = _inbox(log)
    while some := list(islice(bodies, BATCH)):
        yield columns.arrow((body, None) for body in some).select(SLIM)
    yield from log.lake.tables(SLIM)


def _inbox(log: EventLog) -> Iterator[str]:
    from sqlalchemy import select

    with log.store.engine.connect().execution_options(read_only=True, yield_per=1000) as connection:
        yield from connection.execute(select(log.store.table.c.body)).scalars()


def _bodies(log: EventLog, ids: Collection[str]) -> Iterator[dict[str, Any]]:
    """The events with these ids, as mappings."""
    import pyarrow as pa
    import pyarrow.compute as pc

    for body in _inbox(log):
        if (event := json.loads(body))["event_id"] in ids:
            yield event
    wanted = pa.array(sorted(ids))
    for table in log.lake.tables(["event_id", "body"]):
        for body in table.filter(pc.is_in(table.column("event_id"), wanted)).column("body").to_pylist():
            yield json.loads(body)


# ---- what is near the user -------------------------------------------------------------------------------------------


def _met(log: EventLog, keys: frozenset[str]) -> tuple[set[str], set[str]]:
    """The answers that the user got or acted on, and the sessions of these and of the acts."""
    own = [each for each in map(seen, _own(log, keys)) if each.owner]
    known = Known({name for each in own for name in (*each.names, *([f"r {each.made}"] if each.made else []))})
    tasks = {each.task for each in own if each.session is None} - {None}
    lines, sessions_of = Lines(), defaultdict[str, set[str]](set)
    for row in _answers(log):
        if known.add(row) | (row["task_id"] in tasks):
            sessions_of[answer_id(row)] |= {row["session_id"]} - {None}
            lines.add("task", row["task_id"], row["at_us"], answer_id(row))
    lines.sort()
    met = {each.made or known.meant(each.names) or each.orphan or lines.before(each) for each in own} - {None}
    sessions = {each.session for each in own if each.session is not None}
    return {str(each) for each in met}, sessions.union(*(sessions_of[each] for each in met if each))


def _known(log: EventLog, near: Collection[Seen]) -> Known:
    """What the names mean that these events give."""
    known = Known({name for each in near for name in each.names})
    for row in _answers(log) if any(each.names for each in near) else ():
        known.add(row)
    return known

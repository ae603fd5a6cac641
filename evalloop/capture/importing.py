"""Rows become events, are masked and checked, and go to the store in groups; what is wrong is gathered, not lost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache, partial
from itertools import chain, islice
from types import TracebackType
from typing import Any, Self

from evalloop.capture.conditions import EMPTY
from evalloop.capture.mapping import PassedOver
from evalloop.capture.values import ValueProblem, compile_path, first_name
from evalloop.contracts import RawRow
from evalloop.errors import RecordError, UsageError
from evalloop.masking import REGEX, Masker, holds_address
from evalloop.records.event import Event
from evalloop.records.times import now_text, utc_text
from evalloop.store import schema
from evalloop.store.body import Row, row_of
from evalloop.store.events import Added

SHOWN = 1000
"""Errors that are kept with their text; the rest is only counted."""

MakeEvents = Callable[[Mapping[str, Any]], Sequence[dict[str, Any]]]
AddRows = Callable[[Sequence[Row]], Added]
GROUP = 10_000
"""Rows of one commit: what a kill can lose of an import that is then simply repeated."""


STEP = 250
"""Rows between two words on how many are made."""


def _unheard(rows: int) -> None:
    """Nobody watches."""


@dataclass(frozen=True)
class Watcher:
    """Who hears of an import: how many rows there will be, where that can be asked (None: it is not); of how many the
    events are made; and of how many, counted from the first, they are on the disk."""

    expected: Callable[[int], None] | None = None
    made: Callable[[int], None] = _unheard
    stored: Callable[[int], None] = _unheard


NOBODY = Watcher()

EVENT_KEYS = ("schema", "event_id", "event_type")
"""Keys by which a row is known as an event, be it a broken one; other rows may have a source or a context too."""
UNREAD = "no event of the mapping reads it"


@dataclass
class LeftOut:
    """A field of the rows that no event holds: in how many rows it was filled, and why it stays behind."""

    rows: int
    reason: str


@dataclass
class Captured:
    """What became of the rows of one place. A row with an error stores nothing; ``invalid`` counts such rows, ``wrong``
    all errors.

    ``because`` counts the rows passed over by reason; ``left_out`` has the fields that no event holds.
    """

    place: str
    rows: int = 0
    passed_over: int = 0
    events: int = 0
    stored: int = 0
    already: int = 0
    conflicts: int = 0
    invalid: int = 0
    wrong: int = 0
    errors: list[RecordError] = field(default_factory=list)
    by_type: dict[str, int] = field(default_factory=dict)
    masked: dict[str, int] = field(default_factory=dict)
    never_seen: tuple[str, ...] = ()
    because: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, LeftOut] = field(default_factory=dict)
    sample: Event | None = None

    @property
    def clean(self) -> bool:
        """True when no row was refused and no event was in conflict."""
        return not self.invalid and not self.conflicts

    def take(self, more: Captured) -> None:
        """Adds what became of the rows after these."""
        self.never_seen = tuple(name for name in more.never_seen if not self.rows or name in self.never_seen)
        for name in ("rows", "passed_over", "events", "stored", "already", "conflicts", "invalid"):
            setattr(self, name, getattr(self, name) + getattr(more, name))
        for name in ("by_type", "masked", "because"):
            setattr(self, name, dict(Counter(getattr(self, name)) + Counter(getattr(more, name))))
        for field_name, left in more.left_out.items():
            known = self.left_out.get(field_name)
            self.left_out[field_name] = LeftOut(left.rows + (known.rows if known else 0), left.reason)
        self.note(more.errors)
        self.wrong += more.wrong - len(more.errors)
        self.sample = self.sample or more.sample

    def note(self, errors: Iterable[RecordError]) -> None:
        """Counts errors and keeps the first ``SHOWN``."""
        given = list(errors)
        self.wrong += len(given)
        self.errors.extend(given[: max(SHOWN - len(self.errors), 0)])

    def count(self, event: Mapping[str, Any]) -> None:
        """Counts one good event by its type and by what was masked in it."""
        self.events += 1
        self.by_type[event["event_type"]] = self.by_type.get(event["event_type"], 0) + 1
        for kind in event["privacy"].get("masked", ()):
            self.masked[kind] = self.masked.get(kind, 0) + 1
        self.sample = self.sample or Event.from_dict(event)


def among_events(rows: Iterable[RawRow], place: str) -> Iterator[RawRow]:
    """Rows that are to be events already; UsageError when none of the first ``GROUP`` has a key by which events are
    known."""
    waiting = iter(rows)
    first = list(islice(waiting, GROUP))
    read = [row for _, row in first if not isinstance(row, RecordError)]
    if read and not any(key in row for row in read for key in EVENT_KEYS):
        raise UsageError(f"{place}: these rows are no events", fix="say how rows become events: --mapping FILE, or "
                         "--from PLATFORM for an export that `evalloop capture --list` shows")
    return chain(first, waiting)


def import_rows(rows: Iterable[RawRow], place: str, make: MakeEvents, add: AddRows, *,
                columns: frozenset[str] = frozenset(), left_out: Mapping[str, str] | None = None,
                masker: Masker = REGEX, watcher: Watcher = NOBODY) -> Captured:
    """Makes the events of all rows and adds them; ``columns`` are those that ``make`` reads, ``left_out`` says why some
    others are not.

    ``add`` runs in a thread of its own: while one group goes to the disk, the next one is made.
    """
    result, group, now = Captured(place), list[tuple[int, Row]](), now_text()
    fields = Fields(columns, left_out or {})
    with _Adding(add, result, watcher.stored) as adding:
        for line, row in rows:
            result.rows += 1
            made, errors = _made(line, row, now, result, make, masker)
            if errors:
                result.invalid += 1
                result.note(errors)
            if not isinstance(row, RecordError):
                fields.see(row)
            for event, stored in made:
                result.count(event)
                group.append((line, stored))
            if len(group) >= GROUP:
                adding.put(group)
                group, now = [], now_text()
            if result.rows % STEP == 0:
                watcher.made(result.rows)
        watcher.made(result.rows)
        adding.put(group)
    result.never_seen = tuple(sorted(columns - fields.seen)) if result.rows else ()
    result.left_out = fields.left_out()
    return result


class _Adding:
    """Adds groups one after the other, at most one at a time beside the one that is being made."""

    def __init__(self, add: AddRows, result: Captured, stored: Callable[[int], None]) -> None:
        self._add, self._result, self._stored = add, result, stored
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="evalloop-import")
        self._waiting: tuple[Future[Added], Sequence[tuple[int, Row]], int] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        try:
            if error is None:
                self._settle()
        finally:
            self._thread.shutdown()

    def put(self, group: Sequence[tuple[int, Row]]) -> None:
        """Waits for the group before, then begins to add this one."""
        self._settle()
        rows = [row for _, row in group]
        self._waiting = self._thread.submit(self._add, rows) if rows else _nothing(), group, self._result.rows

    def _settle(self) -> None:
        """Counts what became of the group that is being added, once it is on the disk."""
        if self._waiting is None:
            return
        future, group, number = self._waiting
        self._waiting, added, result = None, future.result(), self._result
        result.stored += added.stored
        result.already += added.already
        result.conflicts += len(added.conflicts)
        if added.conflicts:
            lines = {row.event_id: line for line, row in group}
            result.note(RecordError(
                f"event {event_id} is stored already with another content", file=result.place, line=lines[event_id],
                field="event_id", fix="a fact is never changed: send a new event with links.supersedes")
                for event_id in added.conflicts)
        self._stored(number)


def _nothing() -> Future[Added]:
    done: Future[Added] = Future()
    done.set_result(Added())
    return done


class Fields:
    """Which fields rows have, and how often those that no event holds are filled. ``columns`` are those that are read;
    without any (events as they are) nothing is left out."""

    def __init__(self, columns: frozenset[str], reasons: Mapping[str, str]) -> None:
        self.seen: set[str] = set()
        nested = {first_name(path) for path in reasons}
        self._columns, self._reasons = columns | (nested - reasons.keys()) if columns else columns, reasons
        self._paths = [(path, compile_path(path)) for path in reasons if path in columns or first_name(path) != path]
        self._filled: dict[str, int] = {}
        self._unread: dict[tuple[str, ...], tuple[str, ...]] = {}

    def see(self, row: Mapping[str, Any]) -> None:
        """Counts the fields of one row."""
        unread = self._unread.get(names := tuple(row))
        if unread is None:
            self.seen.update(row)
            unread = tuple(row.keys() - self._columns) if self._columns else ()
            if len(self._unread) < SHOWN:  # rows of most places have few sets of columns
                self._unread[names] = unread
        if not self._columns:
            return
        for name in unread:
            if row[name] not in EMPTY:
                self._filled[name] = self._filled.get(name, 0) + 1
        for path, get in self._paths:
            if get(row) not in EMPTY:
                self._filled[path] = self._filled.get(path, 0) + 1

    def left_out(self) -> dict[str, LeftOut]:
        """Those that were filled, sorted."""
        return {name: LeftOut(rows, self._reasons.get(name, UNREAD)) for name, rows in sorted(self._filled.items())}


Made = tuple[Mapping[str, Any], Row]


def _made(line: int, row: Mapping[str, Any] | RecordError, now: str, result: Captured, make: MakeEvents,
          masker: Masker) -> tuple[Sequence[Made], list[RecordError]]:
    """The events of one row as rows of the store, or none and all that is wrong with it."""
    if isinstance(row, RecordError):
        return [], [row]
    place, made, errors = result.place, list[Made](), list[RecordError]()
    try:
        for event in map(partial(prepare, masker=masker), make(row)):
            stored, wrong = row_or_problems(event, now)
            if stored is None:
                errors += [RecordError(each.message, file=place, line=line, field=each.field, fix=each.fix)
                           for each in wrong]
            else:
                made.append((event, stored))
    except PassedOver as reason:
        result.because[str(reason)] = result.because.get(str(reason), 0) + 1
    except ValueProblem as problem:
        return [], [RecordError(str(problem), file=place, line=line, field=problem.field, fix=problem.fix)]
    except (ValueError, OverflowError, RecursionError) as error:
        return [], [RecordError(f"cannot be stored: {error}"[:200], file=place, line=line, fix="mend the row")]
    result.passed_over += not made and not errors
    return ([], errors) if errors else (made, [])


def prepare(event: Mapping[str, Any], masker: Masker = REGEX) -> dict[str, Any]:
    """The event with personal data masked, and its time in UTC; ValueProblem for a time that is none."""
    made = dict(event)
    made.pop("received_at", None)
    if "occurred_at" in made:
        made["occurred_at"] = _utc(made["occurred_at"])
    found: set[str] = set()
    if "payload" in made:
        made["payload"], found = masker.value(made["payload"])
    actor = made.get("actor")
    if actor and isinstance(actor, (dict, Mapping)) and "segment" in actor:
        segment, more = masker.value(actor["segment"])
        made["actor"], found = {**actor, "segment": segment}, found | more
    given = made.get("privacy")
    made["privacy"] = {"state": "masked", "masker": masker.name, "masked": sorted(found)} if given is None else (
        _privacy(given, found, masker.name))
    return made


def problems(event: Mapping[str, Any]) -> list[schema.Problem]:
    """What is wrong with an event: by the schema of its type, and ids that are personal data."""
    return [*check(event), *addresses(event)]


def row_or_problems(event: Mapping[str, Any], received_at: str,
                    marks: Mapping[str, Any] | None = None) -> tuple[Row | None, list[schema.Problem]]:
    """The row of a prepared event (``marks``: what a collector adds to its source), or all that is wrong with it.
    ValueError where it cannot be written at all."""
    if check(event):
        return None, problems(event)
    row = row_of(event, received_at, marks)
    if row.body.count("@") > 1 and (wrong := list(addresses(event))):  # one is in the name of the masker
        return None, wrong
    return row, []


def check(event: Mapping[str, Any]) -> list[schema.Problem]:
    """What is wrong with an event by the schema of its type."""
    kind = event.get("event_type")
    checkers = _checkers()
    return checkers[kind if isinstance(kind, str) and kind in checkers else None](event)


def addresses(event: Mapping[str, Any]) -> Iterator[schema.Problem]:
    """Ids that are personal data."""
    for block in ("subject", "actor", "links"):
        holder = event.get(block)
        for name, value in holder.items() if holder and isinstance(holder, Mapping) else ():
            if isinstance(value, str) and holds_address(value):
                yield schema.Problem((block, name), "holds an e-mail address",
                                     "use a hash: ids are stored as they are")


@cache
def _checkers() -> dict[str | None, schema.Checker]:
    """The schema of each event type, compiled once: the common part and the rules for the type (None: no such type)."""
    whole = schema.read("event")
    whole.pop("$id")
    rules = whole.pop("allOf")
    kinds: list[str] = whole["properties"]["event_type"]["enum"]
    fitting = {kind: [rule["then"] for rule in rules if _rule_is_for(rule, kind)] for kind in kinds}
    return {None: schema.Checker(whole),
            **{kind: schema.Checker({**whole, "allOf": each} if each else whole) for kind, each in fitting.items()}}


def _rule_is_for(rule: Mapping[str, Any], event_type: str) -> bool:
    test = rule["if"]["properties"]["event_type"]
    return event_type == test.get("const") or event_type in test.get("enum", ())


def _utc(text: Any) -> str:
    try:
        return utc_text(text)
    except (TypeError, ValueError, OverflowError):
        raise ValueProblem(f"{str(text)[:60]!r} is not a time", 'write it as "2026-11-23T09:30:00Z"',
                           "occurred_at") from None


def _privacy(given: Any, found: set[str], masker: str) -> Any:
    """A given privacy block after masking; one of a wrong shape is left for the schema to refuse."""
    if not isinstance(given, Mapping):
        return given
    already = given.get("masked", [])
    kinds = {*found, *map(str, already if isinstance(already, list) else ())}
    state = given.get("state") if given.get("state") in ("hashed", "dropped") else "masked"
    return {**given, "state": state, "masker": masker, "masked": sorted(kinds)}

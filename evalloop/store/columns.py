"""Events as rows of the lake: flat, typed columns for analysis, and the whole event as JSON beside them."""

from __future__ import annotations

import gc
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from itertools import islice
from typing import TYPE_CHECKING, Any

import orjson

from evalloop.records.event import Event
from evalloop.records.times import moment_of

if TYPE_CHECKING:
    import pyarrow as pa

Row = Mapping[str, Any]
DEFAULT_PURPOSES = ("ops", "analytics")
"""What an event without a consent block allows."""
_LARGEST = 2**63


class _At:
    """One value of an event, by its block and name."""

    def __init__(self, *path: str) -> None:
        self.path = path


def _first(*paths: str) -> Callable[[Row], Any]:
    """The first of some payload values that is there."""
    def get(event: Row) -> Any:
        payload = event["payload"]
        for path in paths:
            if (found := payload.get(path)) is not None:
                return found
        return None
    return get


def _allows(purpose: str) -> Callable[[Row], bool]:
    def allowed(event: Row) -> bool:
        consent = event.get("consent")
        return purpose in (DEFAULT_PURPOSES if consent is None else consent.get("purposes", ()))
    return allowed


def _replaces(event: Row) -> Any:
    links = event["links"]
    return links.get("retracts") or links.get("supersedes")


def _segment(event: Row) -> list[tuple[str, str]]:
    given = event["actor"].get("segment") or {}
    return sorted((str(key), value if isinstance(value, str) else json.dumps(value)) for key, value in given.items())


def last_text(side: str, role: str) -> Callable[[Row], str]:
    """Reads the last message of a role on one side of a generation; contents in parts (``[{text: ...}]``) are
    joined."""
    def get(event: Row) -> str:
        block = event["payload"].get(side)
        messages = block.get("messages") if isinstance(block, Mapping) else None
        texts = [_text_of(each) for each in (messages if isinstance(messages, list | tuple) else ())
                 if isinstance(each, Mapping) and each.get("role") == role]
        return texts[-1] if texts else ""
    return get


def _text_of(message: Row) -> str:
    content = message.get("content", message.get("parts", ""))
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list | tuple) else ()
    texts = (part if isinstance(part, str) else part.get("text", part.get("content", "")) for part in parts
             if isinstance(part, str | Mapping))
    return "\n".join(text for text in texts if isinstance(text, str) and text)


_prompt, _response = last_text("input", "user"), last_text("output", "assistant")


def _length(event: Row) -> int | None:
    """Characters of the answer; where its text is not kept, what the product says (``payload.response_chars``)."""
    return len(_response(event)) or event["payload"].get("response_chars")


def _words(event: Row) -> int | None:
    return len(_response(event).split()) or event["payload"].get("response_words")


_SUBJECT = ("level", "response_id", "provider_response_id", "message_id", "session_id", "task_id", "trace_id",
            "span_id")
_LINKS = ("regenerate_of", "edit_of", "rephrase_of", "accepted_event")
_CONTEXT = ("app", "environment", "release", "prompt_name", "prompt_version", "variant", "experiment",
            "model_requested", "model_answered", "provider", "surface", "locale")
PURPOSES = ("ops", "analytics", "eval", "training", "notify")
_WHOLE = ("chars", "total", "chars_shown", "visible_ms", "focused_ms", "delay_ms", "time_to_accept_ms", "idle_ms",
          "gap_ms", "at_ms", "retained_chars", "original_chars")
_REAL = ("min", "max", "similarity", "no_revert", "fraction", "scroll_max", "window_s")
_ANSWERS = frozenset({"generation.completed"})
_OF_ANSWERS = frozenset({"prompt", "response", "response_chars", "response_words"})
"""Columns that only answers have."""
PART = 10_000

COLUMNS: tuple[tuple[str, str, _At | Callable[[Row], Any] | None], ...] = (
    ("event_id", "string", _At("event_id")),
    ("event_type", "string", _At("event_type")),
    ("occurred_at", "timestamp", _At("occurred_at")),
    ("received_at", "timestamp", _At("received_at")),
    ("at_us", "int", None),
    ("day", "int", None),
    ("source_kind", "string", _At("source", "kind")),
    ("source_detector", "string", _At("source", "detector")),
    *((name, "string", _At("subject", name)) for name in _SUBJECT),
    ("turn_index", "int", _At("subject", "turn_index")),
    *((name, "string", _At("links", name)) for name in _LINKS),
    ("replaces", "string", _replaces),
    ("user_key", "string", _At("actor", "user_key")),
    ("anon", "bool", _At("actor", "anon")),
    ("internal", "bool", _At("actor", "internal")),
    ("role", "string", _At("actor", "role")),
    ("segment", "map", _segment),
    ("consent_basis", "string", _At("consent", "basis")),
    *((f"may_{purpose}", "bool", _allows(purpose)) for purpose in PURPOSES),
    ("ask_kind", "string", _At("ask", "kind")),
    ("ask_probability", "real", _At("ask", "probability")),
    ("ask_id", "string", _At("ask", "ask_id")),
    *((name, "string", _At("context", name)) for name in _CONTEXT),
    ("trace_sampled", "bool", _At("context", "trace_sampled")),
    ("expires_at", "timestamp", _At("privacy", "expires_at")),
    ("value", "real", _first("value", "score")),
    *((f"value_{name}" if name in ("min", "max") else name, "real", _At("payload", name)) for name in _REAL),
    *((name, "int", _At("payload", name)) for name in _WHOLE),
    ("name", "string", _At("payload", "name")),
    ("label", "string", _At("payload", "label")),
    ("kind", "string", _At("payload", "kind")),
    ("finish_reason", "string", _At("payload", "finish_reason")),
    ("status", "string", _At("payload", "status")),
    ("success", "bool", _At("payload", "success")),
    ("branch_changed", "bool", _first("branch_changed", "did_branch_change")),
    ("about_user", "string", _At("payload", "user_key")),
    ("chosen", "string", _At("payload", "chosen")),
    ("rejected", "string", _At("payload", "rejected")),
    ("text", "string", _first("text", "ideal", "after")),
    ("prompt", "string", _prompt),
    ("response", "string", _response),
    ("response_chars", "int", _length),
    ("response_words", "int", _words),
    ("body", "string", _At("body")),
)
"""(name, kind, where it stands in an event or how it is read; None: counted from the times). A value of another kind
than the column's is left out of the column; ``body`` always holds the whole event (canonical JSON, without
``received_at``)."""

NAMES = tuple(name for name, _, _ in COLUMNS)


def schema() -> pa.Schema:
    """The Arrow schema of the lake; times are microseconds in UTC."""
    import pyarrow as pa

    return pa.schema([(name, _types()[kind]) for name, kind, _ in COLUMNS])


@cache
def _types() -> Mapping[str, pa.DataType]:
    import pyarrow as pa

    return {"string": pa.string(), "timestamp": pa.timestamp("us", tz="UTC"), "int": pa.int64(),
            "real": pa.float64(), "bool": pa.bool_(), "map": pa.map_(pa.string(), pa.string())}


def arrow(rows: Iterable[tuple[str, str | None]]) -> pa.Table:
    """(canonical JSON, received_at) of events as a table of the lake; ``PART`` of them are in memory as objects."""
    import pyarrow as pa

    waiting, parts = iter(rows), []
    with _uncollected():
        while given := [_parsed(body, received_at) for body, received_at in islice(waiting, PART)]:
            parts.append(_table(given))
    return pa.concat_tables(parts) if parts else schema().empty_table()


def picked(bodies: Iterable[str], names: Sequence[str]) -> pa.Table:
    """Some of the columns of events, the others are not read; times are those of ``occurred_at``."""
    import pyarrow as pa

    with _uncollected():
        given = [_parsed(body, None) for body in bodies]
        reads = {name: (kind, get) for name, kind, get in COLUMNS if name in names and get is not None}
        arrays = {name: array(_values(given, get), kind) for name, (kind, get) in reads.items()}
        if "at_us" in names:
            arrays["at_us"] = array(_values(given, _At("occurred_at")), "timestamp").cast(pa.int64())
    return pa.table([arrays[name] for name in names], names=list(names))


def _values(given: Sequence[Row], get: _At | Callable[[Row], Any]) -> list[Any]:
    """The values of one column."""
    if not isinstance(get, _At):
        return [get(event) for event in given]
    *block, key = get.path
    held = [event.get(block[0]) for event in given] if block else given
    return [each.get(key) if isinstance(each, dict) else None for each in held]


@contextmanager
def _uncollected() -> Iterator[None]:
    """Leaves Python's search for circles out: parsed JSON has none, and searching it takes a third of the time."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


def _table(given: Sequence[Row]) -> pa.Table:
    """Events as a table. The time of an event is when it happened, or else when it came."""
    import pyarrow as pa
    import pyarrow.compute as pc

    cells = _cells(given)
    arrays = {name: array(cells[name], kind) for name, kind, get in COLUMNS if get is not None}
    moments = pc.coalesce(arrays["occurred_at"], arrays["received_at"])
    arrays["at_us"] = moments.cast(pa.int64())
    arrays["day"] = moments.cast(pa.date32()).cast(pa.int32()).cast(pa.int64())
    return pa.table([arrays[name] for name in NAMES], schema=schema())


def _cells(given: Sequence[Row]) -> dict[str, list[Any]]:
    """The values of each column as they stand in the events. An event is asked only for what it has."""
    cells: dict[str, list[Any]] = {name: [None] * len(given) for name in NAMES}
    blocks, computed = _places()
    places = [(block, {key: cells[name] for key, name in by_key.items()}) for block, by_key in blocks.items()]
    reads = [(cells[name], get, _ANSWERS if name in _OF_ANSWERS else None) for name, get in computed.items()]
    for row, event in enumerate(given):
        for block, columns in places:
            held = event.get(block) if block else event
            for key, value in held.items() if isinstance(held, dict) else ():
                if (column := columns.get(key)) is not None:
                    column[row] = value
        for column, get, types in reads:
            if types is None or event["event_type"] in types:
                column[row] = get(event)
    return cells


@cache
def _places() -> tuple[dict[str, dict[str, str]], dict[str, Callable[[Row], Any]]]:
    """The names of columns by block and key where they are values of the event ("" is the event itself), and the
    columns that are read otherwise."""
    blocks: dict[str, dict[str, str]] = {}
    computed: dict[str, Callable[[Row], Any]] = {}
    for name, _, get in COLUMNS:
        if isinstance(get, _At):
            *block, key = get.path
            blocks.setdefault("".join(block), {})[key] = name
        elif get is not None:
            computed[name] = get
    return blocks, computed


def _parsed(body: str, received_at: str | None) -> dict[str, Any]:
    try:
        read = orjson.loads(body)
    except orjson.JSONDecodeError:
        read = json.loads(body)
    event: dict[str, Any] = {"links": {}, "actor": {}, "payload": {}, "subject": {}, **read}
    event["body"], event["received_at"] = body, received_at
    return event


def event_of(body: str, received_at: str | None) -> Event:
    """The event of a row."""
    return Event.from_dict({**json.loads(body), "received_at": received_at})


# ---- cells -----------------------------------------------------------------------------------------------------------


def array(values: Sequence[Any], kind: str) -> pa.Array:
    """Values as a column of a kind; one that is of another kind is left out.

    Where all are of that kind, as is usual, they are taken over at once, otherwise each is looked at.
    """
    import pyarrow as pa

    with suppress(pa.ArrowInvalid, OverflowError):  # numbers too large, texts that are no times
        if (made := _at_once(values, kind)) is not None:
            return made
    cast = _CASTS[kind]
    return pa.array([cast(value) for value in values], _types()[kind])


def _at_once(values: Sequence[Any], kind: str) -> pa.Array | None:
    import pyarrow as pa
    import pyarrow.compute as pc

    type_, found = _types()[kind], set(map(type, values))
    if found == {_NOTHING}:
        return pa.nulls(len(values), type_)
    if not found <= _PLAIN[kind]:
        return None
    if kind == "timestamp":
        usual = {len(value) for value in values if value} == {len("2026-11-23T09:30:00.000000Z")}
        return pa.array(values, pa.string()).cast(type_) if usual else None
    made = pa.array(values, type_)
    return made if kind != "real" or pc.all(pc.is_finite(made)).as_py() else None


_NOTHING = type(None)
_PLAIN: Mapping[str, frozenset[type]] = {
    "string": frozenset({str, _NOTHING}), "timestamp": frozenset({str, _NOTHING}), "int": frozenset({int, _NOTHING}),
    "real": frozenset({float, _NOTHING}), "bool": frozenset({bool, _NOTHING}), "map": frozenset()}
"""The types of values that a column takes over as they are."""


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _real(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        found = float(value)
    except OverflowError:
        return None
    return found if math.isfinite(found) else None


def _whole(value: Any) -> int | None:
    if _real(value) is None:
        return None
    whole = int(value)
    return whole if -_LARGEST <= whole < _LARGEST else None


def _time(value: Any) -> Any:
    try:
        return moment_of(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


_CASTS: Mapping[str, Callable[[Any], Any]] = {
    "string": _string, "timestamp": _time, "int": _whole, "real": _real,
    "bool": lambda value: value if isinstance(value, bool) else None, "map": lambda value: value or None}


def rebuilt(table: pa.Table) -> Sequence[Event]:
    """The events of rows of the lake, exactly as they were captured."""
    from evalloop.records.times import time_text

    bodies, times = table.column("body").to_pylist(), table.column("received_at").to_pylist()
    return [event_of(body, time_text(at) if at else None) for body, at in zip(bodies, times, strict=True)]

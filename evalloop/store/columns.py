"""Events as rows of the lake: flat, typed columns for analysis, and the whole event as JSON beside them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
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
_LONGEST = 2**63 - 1


class _At:
    """One value of an event, by its block and name."""

    def __init__(self, *path: str) -> None:
        self.path = path


def _first(*paths: str) -> Callable[[Row], Any]:
    """The first of some payload values that is there."""
    return lambda event: next((found for path in paths if (found := event["payload"].get(path)) is not None), None)


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

COLUMNS: tuple[tuple[str, str, _At | Callable[[Row], Any]], ...] = (
    ("event_id", "string", _At("event_id")),
    ("event_type", "string", _At("event_type")),
    ("occurred_at", "timestamp", _At("occurred_at")),
    ("received_at", "timestamp", _At("received_at")),
    ("at_us", "int", lambda event: _micros(event, "occurred_at", "received_at")),
    ("day", "int", lambda event: _day(event)),
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
"""(name, kind, where it stands in an event or how it is read). A value of another kind than the column's is left out of
the column; ``body`` always holds the whole event (canonical JSON, without ``received_at``)."""

_EPOCH, _DAY_US = datetime(1970, 1, 1, tzinfo=UTC), 86_400_000_000


def _micros(event: Row, *names: str) -> int | None:
    """Microseconds since 1970 (UTC) of the first time that can be read."""
    moment = next((found for name in names if (found := _time(event.get(name)))), None)
    return None if moment is None else (moment - _EPOCH) // timedelta(microseconds=1)


def _day(event: Row) -> int | None:
    micros = _micros(event, "occurred_at", "received_at")
    return None if micros is None else micros // _DAY_US


NAMES = tuple(name for name, _, _ in COLUMNS)


def schema() -> pa.Schema:
    """The Arrow schema of the lake; times are microseconds in UTC."""
    import pyarrow as pa

    kinds = {"string": pa.string(), "timestamp": pa.timestamp("us", tz="UTC"), "int": pa.int64(),
             "real": pa.float64(), "bool": pa.bool_(), "map": pa.map_(pa.string(), pa.string())}
    return pa.schema([(name, kinds[kind]) for name, kind, _ in COLUMNS])


def arrow(rows: Iterable[tuple[str, str | None]]) -> pa.Table:
    """(canonical JSON, received_at) of events as a table of the lake; ``PART`` of them are in memory as objects."""
    import pyarrow as pa

    fields, waiting = schema(), iter(rows)
    parts = []
    while given := [_parsed(body, received_at) for body, received_at in islice(waiting, PART)]:
        parts.append(pa.Table.from_arrays(
            [pa.nulls(len(given), field.type) if cells is None else pa.array(cells, type=field.type)
             for cells, field in zip(_cells(given), fields, strict=True)], schema=fields))
    return pa.concat_tables(parts) if parts else fields.empty_table()


def _cells(given: Sequence[dict[str, Any]]) -> list[list[Any] | None]:
    """The values of each column; None for a column without any. An event is asked only for what it has."""
    found: list[list[Any] | None] = [None] * len(COLUMNS)

    def put(column: int, row: int, value: Any) -> None:
        cells = found[column]
        if cells is None:
            cells = found[column] = [None] * len(given)
        cells[row] = value

    blocks, computed = _places()
    for row, event in enumerate(given):
        for block, by_name in blocks:
            held = event.get(block) if block else event
            for name, value in held.items() if isinstance(held, dict) else ():
                for column, cast in by_name.get(name, ()):
                    if (cell := cast(value)) is not None:
                        put(column, row, cell)
        for column, cast, get, types in computed:
            if (types is None or event["event_type"] in types) and (cell := cast(get(event))) is not None:
                put(column, row, cell)
    return found


_Cast = Callable[[Any], Any]
_Get = Callable[[Row], Any]


@cache
def _places() -> tuple[list[tuple[str, dict[str, list[tuple[int, _Cast]]]]],
                       list[tuple[int, _Cast, _Get, frozenset[str] | None]]]:
    """Columns by block and name where they are values of the event ("" is the event itself), and the computed ones."""
    blocks: dict[str, dict[str, list[tuple[int, _Cast]]]] = {}
    computed: list[tuple[int, _Cast, _Get, frozenset[str] | None]] = []
    for column, (name, kind, get) in enumerate(COLUMNS):
        if isinstance(get, _At):
            *block, last = get.path
            blocks.setdefault("".join(block), {}).setdefault(last, []).append((column, _CASTS[kind]))
        else:
            computed.append((column, _CASTS[kind], get, _ANSWERS if name in _OF_ANSWERS else None))
    return list(blocks.items()), computed


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
    real = _real(value)
    return int(value) if real is not None and abs(real) < _LONGEST else None


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

"""Mapping files: how the rows of a file become events, without code.

A mapping names the events that a row gives. Each field is a constant, a value (``from`` a column or a path into it, or
a ``template``) with what is done to it, or a block of fields. ``schemas/mapping.schema.json`` is the whole of it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

from evalloop.capture.conditions import EMPTY, compile_when
from evalloop.capture.values import (
    COUNTED,
    MISSING,
    PARSERS,
    Scope,
    ValueProblem,
    compile_node,
    compile_path,
    first_name,
    is_value,
    parse_number,
    slots,
    user_key,
)
from evalloop.errors import RecordError, RecordErrors, UsageError
from evalloop.records.event import SCHEMA
from evalloop.records.times import moment_of
from evalloop.store import schema, yaml

LEVELS = (("response_id", "response"), ("provider_response_id", "response"), ("message_id", "message"),
          ("span_id", "span"), ("trace_id", "span"), ("turn_index", "turn"), ("task_id", "task"),
          ("session_id", "session"))
"""What an event is about, by the narrowest id that it has."""
_NUMBERS = (int, float)
BLOCKS = ("source", "subject", "links", "actor", "consent", "ask", "context", "payload")


@dataclass(frozen=True)
class MappingFile:
    """A mapping that was read and checked."""

    name: str
    file: str
    data: Mapping[str, Any]
    options: Mapping[str, Any] = field(default_factory=dict)

    def with_options(self, given: Mapping[str, str]) -> MappingFile:
        """The mapping with its ``options`` set; UsageError for one that it does not know."""
        known = self.data.get("options", {})
        for name, text in given.items():
            if name not in known:
                raise UsageError(f"{self.name} has no option {name!r}", fix=f"known: {', '.join(known) or 'none'}")
            allowed = known[name].get("in")
            if allowed and text not in allowed:
                raise UsageError(f"{name} cannot be {text!r}", fix=f"use one of: {', '.join(allowed)}")
        defaults = {name: spec["default"] for name, spec in known.items()}
        return replace(self, options={**defaults, **{name: _plain(text) for name, text in given.items()}})


class PassedOver(Exception):  # not an error: the row is counted with its reason
    """A row that the mapping leaves out on purpose."""


def _plain(text: str) -> Any:
    """The number that a text is, else the text."""
    try:
        return parse_number(text)
    except ValueProblem:
        return text


def load(path: Path) -> MappingFile:
    """Reads a mapping file; raises RecordErrors with every problem, its line and the mend."""
    document = yaml.load(path)
    problems = schema.validate("mapping", document.data) or list(_inner_problems(document.data))
    if problems:
        raise RecordErrors(
            RecordError(each.message, file=str(path), line=document.line(each.path), field=each.field, fix=each.fix)
            for each in problems)
    return MappingFile(document.data["mapping"], str(path), document.data).with_options({})


class RowMapper:
    """A mapping made ready for many rows; ``salt`` is the project's secret for user keys."""

    def __init__(self, mapping: MappingFile, salt: bytes) -> None:
        data, self._name = mapping.data, mapping.name
        self._options = {f"@{name}": value for name, value in mapping.options.items()}
        self._columns = [(name, PARSERS[spec["parse"]], spec.get("optional", False))
                         for name, spec in data.get("columns", {}).items()]
        self._let = [(name, compile_node(value, salt, name)) for name, value in data.get("let", {}).items()]
        self._key = compile_node(data["key"], salt, "key") if "key" in data else None
        self._when = compile_when(data.get("when", {}))
        self._pass_over = [(compile_when(each["when"]), each["because"]) for each in data.get("pass_over", ())]
        self._events = [_EventMaker(spec, data.get("shared", {}), salt, mapping.name) for spec in data["events"]]
        self.columns = frozenset(_columns_of(data))
        self.left_out: Mapping[str, str] = data.get("left_out", {})

    def __call__(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The events of one row (none when ``when`` is not met); raises ValueProblem, or PassedOver with a reason."""
        scope: dict[str, Any] = {**row, **self._options}
        scope["@row"] = row_id = self._row_id(row)
        for name, parse, optional in self._columns:
            scope[name] = _parse_column(row, name, parse, optional=optional)
        for name, get in self._let:
            scope[name] = get(scope)
        for holds, because in self._pass_over:
            if holds(scope):
                raise PassedOver(because)
        if not self._when(scope):
            return []
        return [event for maker in self._events for event in maker.make(scope, row_id)]

    def _row_id(self, row: Mapping[str, Any]) -> str:
        key = self._key(row) if self._key else row
        return _identity(self._name, key)


_written = json.JSONEncoder(sort_keys=True, ensure_ascii=True, default=str).encode
_quoted = lru_cache(maxsize=64)(_written)


def _identity(mapping: str, key: Any) -> str:
    text = f"[{_quoted(mapping)}, {key}]" if type(key) is int else _written([mapping, key])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


class _EventMaker:
    """Makes the events of one entry of ``events``."""

    def __init__(self, spec: Mapping[str, Any], shared: Mapping[str, Any], salt: bytes, mapping: str) -> None:
        self._mapping = mapping
        self._replaces = compile_node(spec["replaces"], salt, "replaces") if "replaces" in spec else None
        self._type = spec["event_type"]
        self._label = spec.get("name", self._type)
        self._loops = [(each["as"], compile_path(each["in"]), each["in"], each.get("optional", False))
                       for each in spec.get("each", ())]
        self._let = [(name, compile_node(value, salt, name)) for name, value in spec.get("let", {}).items()]
        self._when = compile_when(spec.get("when", {}))
        body = {name: _merged(shared.get(name), spec.get(name)) for name in (*BLOCKS, "occurred_at")}
        self._body = compile_node({name: node for name, node in _prepared(body).items() if node is not None}, salt)

    def make(self, scope: Mapping[str, Any], row_id: str) -> Iterator[dict[str, Any]]:
        for loop, path in self._iterate(scope, 0, ()) if self._loops else ((scope, ()),):
            inner = {**loop, **{name: get(loop) for name, get in self._let}} if self._let else loop
            if self._when(inner):
                event = {"schema": SCHEMA, "event_id": self._event_id(row_id, path), "event_type": self._type,
                         **self._body(inner)}
                earlier = self._replaces(inner) if self._replaces else MISSING
                if earlier is not MISSING:
                    replaced = self._event_id(_identity(self._mapping, earlier), path)
                    event["links"] = {**event.get("links", {}), "supersedes": replaced}
                yield _whole(event)

    def _event_id(self, row_id: str, path: tuple[int, ...]) -> str:
        identity = "\0".join((row_id, self._label, *map(str, path)))
        return "e-" + hashlib.sha256(identity.encode()).hexdigest()[:32]

    def _iterate(self, scope: Scope, depth: int, path: tuple[int, ...]) -> Iterator[tuple[Scope, tuple[int, ...]]]:
        if depth == len(self._loops):
            yield scope, path
            return
        name, get, where, optional = self._loops[depth]
        for index, item in enumerate(_items(get(scope), where, optional=optional)):
            yield from self._iterate({**scope, name: item, f"@{name}": index}, depth + 1, (*path, index))


def _whole(event: dict[str, Any]) -> dict[str, Any]:
    """The event with the level of its subject, where the mapping names none; ValueProblem for an impossible rating."""
    subject = event.get("subject")
    if isinstance(subject, dict) and "level" not in subject:
        subject["level"] = _level(subject)
    if event["event_type"] == "feedback.rating":
        given = event.get("payload", {})
        value, least, most = given.get("value"), given.get("min"), given.get("max")
        if (isinstance(value, _NUMBERS) and isinstance(least, _NUMBERS) and isinstance(most, _NUMBERS)
                and not least <= value <= most):
            raise ValueProblem(f"{value} lies outside {least} to {most}", "set the scale: --option max=... (and min)",
                               "payload.value")
    return event


def _level(subject: Mapping[str, Any]) -> str:
    for name, level in LEVELS:
        if name in subject:
            return level
    return "response"


def _items(value: Any, where: str, *, optional: bool) -> Sequence[Any]:
    if isinstance(value, list | tuple):
        return value
    if isinstance(value, Mapping):
        return [value]
    if optional and value in EMPTY:
        return []
    if value is MISSING or value is None:
        raise ValueProblem(f"{where!r} is missing", "add `optional: true` to the loop if it may be", "each")
    raise ValueProblem(f"{where!r} is not a list", "parse the column first: columns: {...: {parse: json}}", "each")


def _parse_column(row: Mapping[str, Any], name: str, parse: Callable[[Any], Any], *, optional: bool) -> Any:
    value = row.get(name, MISSING)
    if value is MISSING or value is None or value == "":
        if optional:
            return None
        raise ValueProblem("is missing or empty", "add `optional: true` to the column if it may be", name)
    try:
        return parse(value)
    except ValueProblem as problem:
        raise ValueProblem(str(problem), problem.fix, name) from None


def _merged(shared: Any, own: Any) -> Any:
    """The shared block with the event's own keys over it, level by level; values are taken whole."""
    if own is None or shared is None:
        return shared if own is None else own
    if isinstance(own, Mapping) and isinstance(shared, Mapping) and not is_value(own) and not is_value(shared):
        return {key: _merged(shared.get(key), own.get(key)) for key in (*shared, *(set(own) - set(shared)))}
    return own


def _prepared(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body with what goes without saying: user keys are hashed, times are read."""
    made = dict(body)
    if is_value(made.get("occurred_at")):
        made["occurred_at"] = {"time": "rfc3339", **made["occurred_at"]}
    user = (made.get("actor") or {}).get("user_key")
    if user is not None:
        spec = user if is_value(user) else {"const": user}
        made["actor"] = {**made["actor"], "user_key": {**spec, "hash": True}}
    return made


# ---- what the schema cannot say --------------------------------------------------------------------------------------


def _inner_problems(data: Mapping[str, Any]) -> Iterator[schema.Problem]:
    labels: set[str] = set()
    for index, event in enumerate(data["events"]):
        label = event.get("name", event["event_type"])
        if label in labels:
            yield schema.Problem(("events", index), f"{label!r} names two events", "give one of them `name: ...`")
        labels.add(label)
        shared = data.get("shared", {})
        for name in ("occurred_at", "source", "subject"):
            if name not in event and name not in shared:
                yield schema.Problem(("events", index), f"key {name!r} is missing", "add it here or under `shared`")
    users = _user_paths(data)
    for path, spec in _values(data):
        yield from _value_problems(path, spec, users)


def _value_problems(path: tuple[str | int, ...], spec: Mapping[str, Any],
                    users: frozenset[str]) -> Iterator[schema.Problem]:
    try:
        read = _paths(spec)
    except ValueError as error:
        yield schema.Problem(path, f"broken template: {error}", "write slots as {column}, braces as {{ and }}")
        return
    if spec.get("time") in COUNTED and not _is_time(spec.get("start")):
        yield schema.Problem(path, f"`time: {spec['time']}` needs `start`", 'write start: "2026-01-01T00:00:00Z"')
    if spec.get("time") not in COUNTED and "start" in spec:
        yield schema.Problem((*path, "start"), "`start` goes only with a counted time", f"time: {' | '.join(COUNTED)}")
    if users & set(read) and not spec.get("hash") and "user_key" not in path:
        yield schema.Problem(path, "this would store the user's id as it is", "add `hash: true`")


def _is_time(text: Any) -> bool:
    try:
        return isinstance(text, str) and bool(moment_of(text))
    except ValueError:
        return False


def _values(node: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[tuple[str | int, ...], Mapping[str, Any]]]:
    """Every value of the mapping with the path to it."""
    if is_value(node):
        yield path, node
    elif isinstance(node, Mapping):
        for key, item in node.items():
            yield from _values(item, (*path, key))
    elif isinstance(node, list):
        for index, item in enumerate(node):
            yield from _values(item, (*path, index))


def _paths(spec: Mapping[str, Any]) -> list[str]:
    if "template" in spec:
        return slots(spec["template"])
    given = spec.get("from", [])
    return [given] if isinstance(given, str) else list(given)


def _user_paths(data: Mapping[str, Any]) -> frozenset[str]:
    """The paths that user keys are made of."""
    found: set[str] = set()
    for path, spec in _values(data):
        if path[-2:] == ("actor", "user_key"):
            try:
                found.update(_paths(spec))
            except ValueError:
                continue
    return frozenset(found)


def _columns_of(data: Mapping[str, Any]) -> Iterator[str]:
    """The columns that the mapping reads (names of loops and of ``let``, and ``@`` names left out)."""
    own = {each["as"] for event in data["events"] for each in event.get("each", ())}
    own |= {name for holder in (data, *data["events"]) for name in holder.get("let", {})}
    read = {name for _, spec in _values(data) for name in _paths(spec)}
    read |= {each["in"] for event in data["events"] for each in event.get("each", ())}
    read |= {path for block in (data, *data["events"], *data.get("pass_over", ())) for path in block.get("when", {})}
    names = {first_name(path) for path in read} | set(data.get("columns", {}))
    return (name for name in names if name not in own and not name.startswith("@"))


class Native:
    """Rows that are events already; their users are hashed with the project's ``salt``, unless they are hashes."""

    def __init__(self, salt: bytes) -> None:
        self._user_key = lru_cache(maxsize=100_000)(partial(user_key, salt))

    def __call__(self, row: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The event."""
        actor = row.get("actor")
        if not isinstance(actor, Mapping) or not isinstance(user := actor.get("user_key"), str):
            return [dict(row)]
        return [{**row, "actor": {**actor, "user_key": self._user_key(user)}}]


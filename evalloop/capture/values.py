"""The values of a mapping: where each comes from (a path, a template, a constant) and what is done to it."""

from __future__ import annotations

import ast
import hmac
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache, partial
from string import Formatter
from typing import Any

from evalloop.records.times import moment_of, time_text

Scope = Mapping[str, Any]
Getter = Callable[[Scope], Any]
MISSING: Any = type("Missing", (), {"__repr__": lambda _: "MISSING"})()
EPOCH = datetime.fromisoformat("1970-01-01T00:00:00+00:00")
COUNTED = ("seconds", "minutes", "hours")
UNITS = {"epoch_s": "seconds", "epoch_ms": "milliseconds", **dict(zip(COUNTED, COUNTED, strict=True))}
NS_PER_US = 1000
SOURCES = ("from", "template", "const")

_STEP = re.compile(r"[^.\[\]]+|\[-?[0-9]+\]")
_HASHED = re.compile(r"[0-9a-f]{64}")
_HEX = re.compile(r"[0-9a-f]+")
_UUID7 = re.compile(r"([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
_INDEX = re.compile(r"\[?(-?[0-9]+)\]?")


class ValueProblem(ValueError):
    """Why a value of a row could not be made; ``field`` is the field of the event it was meant for."""

    def __init__(self, message: str, fix: str = "", field: str = "") -> None:
        super().__init__(message)
        self.fix = fix
        self.field = field


def pseudonym(salt: bytes, text: str) -> str:
    """HMAC-SHA256 of a user's id with the project's salt, in hex: what is stored instead of the id."""
    return hmac.digest(salt, text.encode("utf-8", "replace"), "sha256").hex()


def user_key(salt: bytes, user: str) -> str:
    """The user's id as a hash; 64 hex digits are taken for one."""
    return user if _HASHED.fullmatch(user) else pseudonym(salt, user)


# ---- paths -----------------------------------------------------------------------------------------------------------


def first_name(path: str) -> str:
    """The column (or loop) that a path starts at."""
    step = _STEP.match(path)
    return step[0] if step else path


def compile_path(path: str) -> Getter:
    """A reader of ``a.b[0].c`` (also ``a.b.0.c``; negative numbers count from the end); MISSING when it is not there.

    A column whose whole name is the path comes first.
    """
    steps = _STEP.findall(path)
    first, rest = steps[0], tuple(steps[1:])
    if first == path:
        return lambda scope: scope.get(path, MISSING)

    def get(scope: Scope) -> Any:
        if path in scope:
            return scope[path]
        value = scope.get(first, MISSING)
        for step in rest:
            value = _descend(value, step)
        return value
    return get


def _descend(value: Any, step: str) -> Any:
    if isinstance(value, Mapping):
        return value.get(step, MISSING)
    index = _INDEX.fullmatch(step)
    if index and isinstance(value, list | tuple) and -len(value) <= int(index[1]) < len(value):
        return value[int(index[1])]
    return MISSING


def compile_template(template: str) -> Getter:
    """A writer of ``{task}-{user.id}``: every slot is a path whose value is one text or number."""
    parts = [(text, compile_path(slot) if slot else None, slot) for text, slot, _, _ in Formatter().parse(template)]

    def get(scope: Scope) -> Any:
        written = []
        for text, slot, name in parts:
            written.append(text)
            if slot is not None:
                value = slot(scope)
                if value is MISSING or value is None:
                    raise ValueProblem(f"{name!r} is missing", "name a column that every row has")
                if isinstance(value, list | Mapping):
                    raise ValueProblem(f"{name!r} is not one text or number", "name a path inside it")
                written.append(str(value))
        return "".join(written)
    return get


def slots(template: str) -> list[str]:
    """The paths in a template; ValueError when its braces are broken or hold a format."""
    found = []
    for _, slot, form, conversion in Formatter().parse(template):
        if slot is None:
            continue
        if not slot or form or conversion:
            raise ValueError(f"slot {{{slot}{'!' + conversion if conversion else ''}{':' + form if form else ''}}}")
        found.append(slot)
    return found


# ---- what is done to a value -----------------------------------------------------------------------------------------


def parse_number(value: Any) -> int | float:
    """A whole number as int, any other finite number as float."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueProblem(f"{_short(value)} is not a number")
    try:
        number = float(value)
    except ValueError:
        raise ValueProblem(f"{_short(value)} is not a number") from None
    if not math.isfinite(number):
        raise ValueProblem(f"{_short(value)} is not a finite number")
    return int(value) if isinstance(value, str) and re.fullmatch(r"\s*[-+]?[0-9]{1,18}\s*", value) else (
        value if isinstance(value, int) else number)


def parse_json(value: Any) -> Any:
    """JSON inside a text; other values stay."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ValueProblem(f"not JSON: {error}") from None


def parse_python_literal(value: Any) -> Any:
    """A Python literal inside a text (lists, dicts, texts, numbers; nothing is run); other values stay."""
    if not isinstance(value, str):
        return value
    try:
        return ast.literal_eval(value)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError) as error:
        reason = (str(error) or "too deep").splitlines()[0]
        raise ValueProblem(f"not a Python literal: {reason}") from None


def parse_text(value: Any) -> str:
    """A text or number as text."""
    if type(value) is str:
        return value
    if value is None or (type(value) is not int and isinstance(value, list | Mapping)):  # the quick test first
        raise ValueProblem(f"{_short(value)} is not a text")
    return str(value)


def parse_length(value: Any) -> int:
    """How many characters a text, or items a list, has."""
    if not isinstance(value, str | list | tuple | Mapping):
        raise ValueProblem(f"{_short(value)} has no length")
    return len(value)


def parse_trace_id(value: Any) -> Any:
    """A W3C trace id of 32 hex digits, also when written as a UUID; anything else is left out."""
    return _hex_id(value, 32)


def parse_span_id(value: Any) -> Any:
    """A W3C span id of 16 hex digits; anything else is left out."""
    return _hex_id(value, 16)


def _hex_id(value: Any, digits: int) -> Any:
    text = value.replace("-", "").lower() if isinstance(value, str) else ""
    return text if len(text) == digits and _HEX.fullmatch(text) else MISSING


PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "number": parse_number, "json": parse_json, "python_literal": parse_python_literal, "text": parse_text,
    "length": parse_length, "trace_id": parse_trace_id, "span_id": parse_span_id,
}


def parse_time(value: Any, form: str, start: datetime | None) -> str:
    """A time as RFC 3339 in UTC; ``form`` is rfc3339, epoch_s, epoch_ms, epoch_ns, uuid7 (the time in such an id), or a
    unit that counts from ``start``."""
    try:
        if isinstance(value, datetime):
            return time_text(value)
        if form == "rfc3339":
            return time_text(moment_of(str(value).strip()))
        if form == "uuid7":
            return time_text(EPOCH + timedelta(milliseconds=_uuid7_ms(value)))
        if form == "epoch_ns":
            return time_text(EPOCH + timedelta(microseconds=int(parse_number(value)) // NS_PER_US))
        return time_text((start or EPOCH) + timedelta(**{UNITS[form]: parse_number(value)}))
    except ValueProblem:
        raise
    except (ValueError, OverflowError):
        raise ValueProblem(f"{_short(value)} is not a time ({form})") from None


def _uuid7_ms(value: Any) -> int:
    """The milliseconds since 1970 in a UUIDv7 (RFC 9562)."""
    match = _UUID7.fullmatch(str(value).lower())
    if match is None:
        raise ValueError(value)
    return int(match[1] + match[2], 16)


def _look_up(table: Mapping[str, Any], value: Any) -> Any:
    key = json.dumps(value) if isinstance(value, bool) else str(value)
    return table.get(key, MISSING)


# ---- values ----------------------------------------------------------------------------------------------------------


def is_value(node: Any) -> bool:
    """True for a mapping that says where a value comes from."""
    return isinstance(node, Mapping) and any(key in node for key in SOURCES)


def compile_value(spec: Mapping[str, Any], salt: bytes, field: str = "") -> Getter:
    """The getter of one value, for ``field``; it gives MISSING where that is to be left out, or raises ValueProblem."""
    get = _source(spec)
    steps = _steps(spec, salt)
    if not steps and "const" in spec:
        return get
    lenient = spec.get("optional", False) or "default" in spec
    absent = spec.get("default", MISSING)

    def value(scope: Scope) -> Any:
        try:
            found = get(scope)
            if found is MISSING or found is None or (lenient and found == ""):
                if lenient:
                    return absent
                raise ValueProblem(f"{_place(spec['from'])} is missing",
                                   "add `optional: true` or `default: ...` if it may be")
            for step in steps:
                found = step(found)
                if found is MISSING:
                    return absent
        except ValueProblem as problem:
            raise ValueProblem(str(problem), problem.fix, problem.field or field) from None
        return found
    return value


def _place(source: str | Sequence[str]) -> str:
    return repr(source) if isinstance(source, str) else " or ".join(map(repr, source))


def _source(spec: Mapping[str, Any]) -> Getter:
    if "template" in spec:
        return compile_template(spec["template"])
    if "from" in spec:
        return compile_path(spec["from"]) if isinstance(spec["from"], str) else _first_of(spec["from"])
    constant = spec["const"]
    return lambda _: constant


def _first_of(paths: Sequence[str]) -> Getter:
    """The first of several places that is there and not empty."""
    getters = [compile_path(path) for path in paths]

    def get(scope: Scope) -> Any:
        for each in getters:
            value = each(scope)
            if value is not MISSING and value is not None and value != "":
                return value
        return MISSING
    return get


def _steps(spec: Mapping[str, Any], salt: bytes) -> Sequence[Callable[[Any], Any]]:
    steps: list[Callable[[Any], Any]] = []
    if "parse" in spec:
        steps.append(PARSERS[spec["parse"]])
    if "map" in spec:
        steps.append(_mapper(spec))
    if "times" in spec:
        steps.append(lambda value: parse_number(value) * spec["times"])
    if "add" in spec:
        steps.append(lambda value: parse_number(value) + spec["add"])
    if "time" in spec:
        start = moment_of(spec["start"]) if "start" in spec else None
        steps.append(lambda value: parse_time(value, spec["time"], start))
    if "cut" in spec:
        steps.append(lambda value: parse_text(value)[: spec["cut"]])
    if spec.get("hash"):
        steps.append(_hasher(salt))
    return steps


def _hasher(salt: bytes) -> Callable[[Any], str]:
    """``pseudonym``, which remembers the users that come again and again."""
    hashed = lru_cache(maxsize=100_000)(partial(pseudonym, salt))
    return lambda value: hashed(parse_text(value))


def _mapper(spec: Mapping[str, Any]) -> Callable[[Any], Any]:
    table, lenient = spec["map"], spec.get("optional", False) or "default" in spec

    def step(value: Any) -> Any:
        found = _look_up(table, value)
        if found is MISSING and not lenient:
            raise ValueProblem(f"{_short(value)} is not in the map", f"known: {', '.join(map(str, table))}")
        return found
    return step


def compile_node(node: Any, salt: bytes, field: str = "") -> Getter:
    """The getter of a whole block: mappings and lists keep their shape, fields that are left out vanish."""
    if is_value(node):
        return compile_value(node, salt, field)
    if isinstance(node, Mapping):
        parts = [(key, compile_node(item, salt, f"{field}.{key}".strip("."))) for key, item in node.items()]

        def block(scope: Scope) -> Any:
            made = {}
            for key, get in parts:
                item = get(scope)
                if item is not MISSING:
                    made[key] = item
            return made
        return (lambda _: {**node}) if _constant(node) else block
    if isinstance(node, list):
        items = [compile_node(item, salt, f"{field}[{index}]") for index, item in enumerate(node)]
        return lambda scope: [made for get in items if (made := get(scope)) is not MISSING]
    return lambda _: node


def _constant(node: Any) -> bool:
    """True when nothing inside is taken from a row."""
    if isinstance(node, Mapping):
        return not is_value(node) and all(map(_constant, node.values()))
    return not isinstance(node, list) or all(map(_constant, node))


def _refuse(word: str) -> Any:
    raise ValueError(f"{word} is not JSON")


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:59] + "…"

"""Validation by the shipped JSON Schemas (and by plugins' own), with messages that say how to mend the data.

No reference is ever fetched: a ``$ref`` may point into the schema itself or at another shipped schema, nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any

from evalloop.errors import EvalloopError, RecordError, RecordErrors, UsageError
from evalloop.store import files

MAX_PROBLEMS = 50

_TYPES = {"string": "text", "object": "a mapping", "array": "a list", "number": "a number", "integer": "a whole number",
          "boolean": "true or false", "null": "null"}


@dataclass(frozen=True)
class Problem:
    """One breach of a schema; ``path`` leads to the value (or to the mapping that lacks or has the key)."""

    path: tuple[str | int, ...]
    message: str
    fix: str = ""

    @property
    def field(self) -> str:
        """The path as people write it: ``cases[3].input.vars``."""
        return field_name(self.path)


def field_name(path: Sequence[str | int]) -> str:
    """A path as people write it: ``cases[3].input.vars``."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


def read(name: str) -> dict[str, Any]:
    """The shipped schema of that name (``case``, ``evalset``, ``variant``, ``event`` ...)."""
    file = resources.files("evalloop.schemas").joinpath(f"{name}.schema.json")
    if not file.is_file():
        raise UsageError(f"no schema named {name!r}", fix=f"known schemas: {', '.join(names())}")
    schema: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return schema


def names() -> list[str]:
    """The names of the shipped schemas."""
    found = (each.name for each in resources.files("evalloop.schemas").iterdir())
    return sorted(name.removesuffix(".schema.json") for name in found if name.endswith(".schema.json"))


class Checker:
    """A schema compiled once; called with data it says what is wrong. EvalloopError when the schema is broken."""

    def __init__(self, schema: Any) -> None:
        import jsonschema_rs

        self._schema = schema if isinstance(schema, Mapping) else {}
        try:
            self._validator = jsonschema_rs.Draft202012Validator(schema, registry=_registry(), retriever=_refuse)
        except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError, TypeError) as error:
            message = str(error).split("\n", 1)[0]
            raise EvalloopError(f"not a usable JSON Schema: {message}",
                                fix="a schema may refer only to itself and to evalloop's own schemas") from None
        self._fits: Callable[[Any], bool] = self._validator.is_valid

    def __call__(self, data: Any) -> list[Problem]:
        try:
            if self._fits(data):
                return []
            errors = list(self._validator.iter_errors(data))
        except ValueError as error:
            return [Problem((), f"not JSON data: {error}", "use text, numbers, true, false, null, lists and mappings")]
        return [problem for error in errors[:MAX_PROBLEMS] for problem in _explain(error, self._schema)]


def validate(name: str, data: Any) -> list[Problem]:
    """What is wrong with ``data`` by the shipped schema ``name``; compiled once per process."""
    return _shipped(name)(data)


def rows(name: str, path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a JSONL file, each valid by the shipped schema ``name``; RecordErrors names a wrong line."""
    for number, row in files.read_jsonl(path):
        if problems := validate(name, row):
            raise RecordErrors([RecordError(each.message, file=str(path), line=number, field=each.field, fix=each.fix)
                                for each in problems])
        yield row


def check(schema: Mapping[str, Any], data: Any) -> list[Problem]:
    """What is wrong with ``data`` by any schema; raises EvalloopError when the schema itself is broken."""
    return _checker(json.dumps(schema, sort_keys=True))(data)


def schema_problems(schema: Any) -> list[str]:
    """What is wrong with a schema itself; empty when it is a usable one that refers to nothing elsewhere."""
    try:
        Checker(schema)
    except EvalloopError as error:
        return [error.message]
    return []


@cache
def _shipped(name: str) -> Checker:
    return Checker(read(name))


@cache
def _checker(text: str) -> Checker:
    return Checker(json.loads(text))


@cache
def _registry() -> Any:
    import jsonschema_rs

    return jsonschema_rs.Registry([(schema["$id"], schema) for schema in _all_shipped()], retriever=_refuse)


@cache
def _all_shipped() -> tuple[dict[str, Any], ...]:
    """Every shipped schema, read once: for looking into, not for changing."""
    return tuple(map(read, names()))


def _refuse(uri: str) -> Any:
    raise ValueError(f"{uri} is not fetched")


def _explain(error: Any, schema: Mapping[str, Any]) -> Iterator[Problem]:
    """One or more problems in plain words for one error of the validator."""
    kind, path = error.kind, tuple(error.instance_path)
    explain = _EXPLAIN.get(kind.name)
    if explain is None:
        yield Problem(path, _short(error.message))
        return
    for extra, message, fix in explain(error, _holder(error, schema)):
        yield Problem((*path, *extra), message, fix)


def _holder(error: Any, schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The part of the schema that holds the broken keyword; empty when it cannot be found."""
    steps = list(error.schema_path)[:-1]
    for root in (schema, *_all_shipped()):
        part: Any = root
        for step in steps:
            part = part[step] if (isinstance(part, dict) and step in part) or isinstance(step, int) else None
            if part is None:
                break
        if isinstance(part, dict):
            return part
    return {}


_Said = Iterator[tuple[tuple[str, ...], str, str]]


def _unknown_keys(error: Any, holder: Mapping[str, Any]) -> _Said:
    for key in error.kind.unexpected:
        yield (key,), f"unknown key {key!r}", suggest(key, list(holder.get("properties", ())))


def _missing_key(error: Any, holder: Mapping[str, Any]) -> _Said:
    key = error.kind.property
    about = holder.get("properties", {}).get(key, {}).get("description", "")
    yield (), f"key {key!r} is missing", f"add {key}: ... ({about})" if about else f"add {key}: ..."


def _wrong_type(error: Any, holder: Mapping[str, Any]) -> _Said:
    wanted = " or ".join(_TYPES[each] for each in error.kind.types)
    quoted = "string" in error.kind.types and isinstance(error.instance, int | float)
    fix = f'quote it: "{json.dumps(error.instance)}"' if quoted else f"write {wanted}"
    yield (), f"must be {wanted}, is {describe(error.instance)}", fix


def _not_in_enum(error: Any, holder: Mapping[str, Any]) -> _Said:
    options = [str(each) for each in error.kind.options]
    yield (), f"{describe(error.instance)} is not allowed here", suggest(str(error.instance), options)


def _wrong_pattern(error: Any, holder: Mapping[str, Any]) -> _Said:
    yield (), f"{describe(error.instance)} has a wrong form", f"it must match {error.kind.pattern}"


def _forbidden(error: Any, holder: Mapping[str, Any]) -> _Said:
    keys = error.kind.schema.get("required", []) if isinstance(error.kind.schema, dict) else []
    message = f"{' and '.join(keys)} exclude each other" if keys else _short(error.message)
    yield (), message, "remove one of them"


_EXPLAIN = {"additionalProperties": _unknown_keys, "unevaluatedProperties": _unknown_keys, "required": _missing_key,
            "type": _wrong_type, "enum": _not_in_enum, "pattern": _wrong_pattern, "not": _forbidden}


def suggest(word: str, known: Sequence[str]) -> str:
    """``did you mean`` one of the known words, or the list of them."""
    close = get_close_matches(word, known, n=1)
    if close:
        also = [alias for alias in ALIASES.get(close[0], ()) if alias in known and alias not in close]
        return "did you mean " + " or ".join(repr(each) for each in [*close, *also]) + "?"
    return f"use one of: {', '.join(known)}" if known else "remove it"


ALIASES: Mapping[str, tuple[str, ...]] = {"assert": ("graders",)}


def describe(value: Any) -> str:
    """A value in a few words: its type, or the value itself when it is short."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    return _short(repr(value))


def _short(text: str) -> str:
    return text if len(text) <= 120 else text[:119] + "…"

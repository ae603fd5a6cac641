"""Grids: one definition that means many variants, one for each combination of its values."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from copy import deepcopy
from itertools import product
from pathlib import PurePosixPath
from typing import Any

from evalloop.store import schema
from evalloop.store.schema import Problem

MOST = 200
"""More variants than this are a mistake."""
_PARTS = ("target", "model", "prompt", "prompt_file")
_SHAPE = {
    "type": "object", "minProperties": 1,
    "propertyNames": {"pattern": rf"^({'|'.join(_PARTS)}|(params|options)(\.[^.]+)+)$"},
    "additionalProperties": {"type": ["array", "object"], "minItems": 1, "minProperties": 1},
}


def problems(data: Mapping[str, Any]) -> list[Problem]:
    """What is wrong with the ``grid`` of a definition; empty when it can be expanded."""
    grid = data["grid"]
    found = [Problem(("grid", *each.path), each.message,
                     f"keys: {', '.join(_PARTS)}, params.NAME, options.NAME; values: a list, or {{label: value}}")
             for each in schema.check(_SHAPE, grid)]
    if found:
        return found
    size = 1
    for values in grid.values():
        size *= len(values)
    if size > MOST:
        return [Problem(("grid",), f"a grid of {size} variants", f"at most {MOST}: split it")]
    names = [name for name, _ in expand("", data)]
    twice = next((name for name in names if names.count(name) > 1), None)
    message = f"two variants would be named {twice.lstrip('.')!r}" if twice else ""
    return [Problem(("grid",), message, "give the values labels: {label: value}")] if twice else []


def expand(name: str, data: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, definition) of each combination, the last key changing fastest: ``grid.model-a.short``."""
    rest = {key: value for key, value in data.items() if key != "grid"}
    axes = [[(label, key, value) for label, value in _labelled(key, values)] for key, values in data["grid"].items()]
    for combination in product(*axes):
        definition = deepcopy(rest)
        for _, key, value in combination:
            _put(definition, key.split("."), value)
        yield ".".join([name, *(label for label, _, _ in combination)]), definition


def _labelled(key: str, values: Any) -> list[tuple[str, Any]]:
    if isinstance(values, Mapping):
        return [(_slug(str(label)), value) for label, value in values.items()]
    short = [_label(key, value) for value in values]
    return [(label or f"{key.rpartition('.')[2]}-{number}", value)
            for number, (label, value) in enumerate(zip(short, values, strict=True), 1)]


def _label(key: str, value: Any) -> str:
    """A short name made from a value; empty where it has none, as a prompt."""
    if key == "prompt" or isinstance(value, list | dict):
        return ""
    text = PurePosixPath(str(value)).stem if key == "prompt_file" else str(value).rpartition("/")[2]
    return _slug(text)


def _slug(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text).strip("-")[:40]


def _put(definition: dict[str, Any], path: list[str], value: Any) -> None:
    for part in path[:-1]:
        definition = definition.setdefault(part, {})
    definition[path[-1]] = value

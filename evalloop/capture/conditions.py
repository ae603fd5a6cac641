"""Conditions of a mapping: which rows, and which events of a row."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from evalloop.capture.values import MISSING, Scope, compile_path

EMPTY: tuple[Any, ...] = (MISSING, None, "", [], {})


def compile_when(conditions: Mapping[str, Any]) -> Callable[[Scope], bool]:
    """A test of a row's values: all conditions must hold."""
    if not conditions:
        return lambda _: True
    tests = [(compile_path(path), _test(condition)) for path, condition in conditions.items()]
    return lambda scope: all(holds(get(scope)) for get, holds in tests)


def _test(condition: Any) -> Callable[[Any], bool]:
    if isinstance(condition, str):
        return {"exists": lambda value: value is not MISSING, "missing": lambda value: value is MISSING,
                "filled": lambda value: value not in EMPTY, "empty": lambda value: value in EMPTY}[condition]
    kind, wanted = next(iter(condition.items()))
    if kind in ("at_least", "at_most"):
        sign = 1 if kind == "at_least" else -1
        return lambda value: (isinstance(value, int | float) and not isinstance(value, bool)
                              and sign * value >= sign * wanted)
    if kind in ("in", "not_in"):
        return lambda value: (value in wanted) == (kind == "in")
    return (lambda value: value == wanted) if kind == "equals" else (lambda value: value != wanted)

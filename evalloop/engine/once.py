"""Expressions that are built once: a pure function of tables gives for the same tables the same expression."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
MOST = 2048
"""Expressions that are held; when it is full all are let go."""


def built_once(function: Callable[P, R]) -> Callable[P, R]:
    """A function that only writes Ibis expressions, remembered by its arguments (tables or other hashable values).

    To write a large expression takes tens of milliseconds; a process that looks at its events again and again, as a
    test session does, need not do it again.
    """
    known: dict[Any, R] = {}

    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        key = tuple(_key(each) for each in (*args, *kwargs.items()))
        if key not in known:
            if len(known) >= MOST:
                known.clear()
            known[key] = function(*args, **kwargs)
        return known[key]

    return wrapped


def _key(value: Any) -> Any:
    """Tables are not hashed as they are: ``==`` of an expression is an expression."""
    return value.op() if hasattr(value, "op") else value

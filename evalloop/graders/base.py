"""What the built-in graders share: defaults, option schemas, and the value that an output is compared with."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from evalloop.contracts import GradeContext
from evalloop.records.case import Case
from evalloop.records.run import Grade

DRAFT = "https://json-schema.org/draft/2020-12/schema"
SHOWN = 160
NOTHING = "nothing to compare with: give a value, or let the case expect something"

TEXT: Mapping[str, Any] = {"type": "string", "minLength": 1}
TEXTS: Mapping[str, Any] = {"type": "array", "minItems": 1, "items": TEXT}
IGNORE_CASE: Mapping[str, Any] = {
    "type": "boolean", "default": False, "description": "compare without regard to upper and lower case"}


EXPECTED = frozenset({"expected"})
"""Needs of a grader that compares with its ``value`` or, without one, with what the case expects."""


class BuiltIn:
    """Defaults of a built-in grader; its class gives ``name`` and ``schema``, ``version`` changes with its results."""

    name: str
    schema: Mapping[str, Any]
    version: str = "1"
    short: str | None = "value"
    deterministic: bool = True
    needs: frozenset[str] = frozenset()

    def verdict(self, value: bool | float | None, explanation: str, **evidence: Any) -> Grade:
        """A grade of this grader; ``value`` None means that the output could not be graded."""
        passed = value if isinstance(value, bool) else None
        return Grade(self.name, self.version, value=value, passed=passed, explanation=explanation, evidence=evidence)


def options_schema(properties: Mapping[str, Any], **more: Any) -> Mapping[str, Any]:
    """A JSON Schema of options that refuses unknown keys.

    ``more`` holds further keywords: required, anyOf, and ``examples``, which ``evalloop explain`` shows.
    """
    return {"$schema": DRAFT, "type": "object", "additionalProperties": False, "properties": dict(properties), **more}


def described(kind: Mapping[str, Any], description: str, **more: Any) -> Mapping[str, Any]:
    """``kind`` with a description, as the options' schemas hold it."""
    return {**kind, "description": description, **more}


def wanted(context: GradeContext, options: Mapping[str, Any]) -> Any:
    """What the output is compared with: the option ``value``, else what the case expects (None: neither)."""
    return options.get("value", context.case.expected)


def from_case(case: Case, place: str) -> Any:
    """What stands at a dotted place of a case, such as ``context.documents``; None when nothing does."""
    first, *rest = place.split(".")
    value = {"input": case.input, "context": case.context, "expected": case.expected}.get(first)
    for step in rest:
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def as_texts(value: Any) -> list[str]:
    """One text or many as a list of texts; numbers become text, None becomes no text."""
    if value is None:
        return []
    many = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    return [each if isinstance(each, str) else str(each) for each in many]


def words(text: str) -> list[str]:
    """The words of a text in order: runs of letters and digits, case-folded."""
    return re.findall(r"[^\W_]+", text.casefold())


def fold(text: str, options: Mapping[str, Any]) -> str:
    """``text`` as it is, or case-folded when the options say ``ignore_case``."""
    return text.casefold() if options.get("ignore_case") else text


def shown(text: str) -> str:
    """``text`` quoted for an explanation, cut to one readable line."""
    return repr(text if len(text) <= SHOWN else text[: SHOWN - 1] + "…")

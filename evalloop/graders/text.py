"""Graders that look for texts: equals, one_of, contains and its kin, starts_with, ends_with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evalloop.contracts import GradeContext
from evalloop.graders.base import (
    EXPECTED,
    IGNORE_CASE,
    NOTHING,
    SHOWN,
    TEXT,
    TEXTS,
    BuiltIn,
    as_texts,
    described,
    fold,
    options_schema,
    shown,
    wanted,
)
from evalloop.graders.jsontext import NotJson, parse
from evalloop.records.run import Grade

STRIP: Mapping[str, Any] = {
    "type": "boolean", "default": True, "description": "leave out white space at both ends of the output"}


class Equals(BuiltIn):
    """Passes when the output is the expected text; a value that is no text is compared with the output read as JSON."""

    name = "equals"
    needs = EXPECTED
    schema = options_schema({
        "value": {"description": "the expected output (default: what the case expects)"},
        "ignore_case": IGNORE_CASE,
        "strip": STRIP,
    }, examples=[{"value": "Paris", "ignore_case": True}])

    def grade(self, context: GradeContext, options: Mapping[str, Any]) -> Grade:
        """True when equal."""
        value = wanted(context, options)
        if value is None:
            return self.verdict(None, NOTHING)
        if not isinstance(value, str):
            return self.verdict(_equal_json(context.output, value), f"expected the JSON value {repr(value)[:SHOWN]}")
        output = context.output
        if options.get("strip", True):
            output, value = output.strip(), value.strip()
        return self.verdict(fold(output, options) == fold(value, options), f"expected {shown(value)}")


class OneOf(BuiltIn):
    """Passes when the output is one of the given texts, as a classifier's label must be."""

    name = "one_of"
    needs = EXPECTED
    schema = options_schema({
        "value": described(TEXTS, "the texts of which one must be the output (default: what the case expects)"),
        "ignore_case": IGNORE_CASE,
        "strip": STRIP,
    }, examples=[{"value": ["spam", "ham"]}])

    def grade(self, context: GradeContext, options: Mapping[str, Any]) -> Grade:
        """True when the output is among the texts; the label is the text that it was."""
        texts = as_texts(wanted(context, options))
        if not texts:
            return self.verdict(None, NOTHING)
        output = context.output.strip() if options.get("strip", True) else context.output
        found = next((text for text in texts if fold(text, options) == fold(output, options)), None)
        return self.verdict(found is not None, f"expected one of {', '.join(map(shown, texts))}", found=found)


class _Searches(BuiltIn):
    """A grader that looks for texts in the output; its class says what it means (``said``)."""

    def said(self, found: list[str], missing: list[str]) -> Grade:
        """The grade, from the texts that occur and those that do not."""
        raise NotImplementedError

    def grade(self, context: GradeContext, options: Mapping[str, Any]) -> Grade:
        """Looks for every text: the option's, or what the case expects."""
        texts = as_texts(wanted(context, options) if "expected" in self.needs else options["value"])
        if not texts:
            return self.verdict(None, NOTHING)
        output = fold(context.output, options)
        missing = [text for text in texts if fold(text, options) not in output]
        return self.said([text for text in texts if text not in missing], missing)


class Contains(_Searches):
    """Passes when the output contains a text; when the case expects several texts, all of them."""

    name = "contains"
    needs = EXPECTED
    schema = options_schema({
        "value": described(TEXT, "the text to look for (default: what the case expects)"),
        "ignore_case": IGNORE_CASE,
    }, examples=[{"value": "Paris"}])

    def said(self, found: list[str], missing: list[str]) -> Grade:
        """True when none is missing."""
        return self.verdict(not missing, _lacks(missing) if missing else f"contains {shown(found[0])}")


class ContainsAny(_Searches):
    """Passes when the output contains at least one of the texts (with ``not``: none of them)."""

    name = "contains_any"
    needs = EXPECTED
    schema = options_schema({
        "value": described(TEXTS, "the texts to look for (default: what the case expects)"),
        "ignore_case": IGNORE_CASE,
    }, examples=[{"value": ["30 days", "thirty days"]}])

    def said(self, found: list[str], missing: list[str]) -> Grade:
        """True when one is found."""
        told = f"contains {shown(found[0])}" if found else _lacks(missing)
        return self.verdict(bool(found), told, found=found)


class ContainsAll(_Searches):
    """Passes when the output contains every one of the texts."""

    name = "contains_all"
    needs = EXPECTED
    schema = options_schema({
        "value": described(TEXTS, "the texts to look for (default: what the case expects)"),
        "ignore_case": IGNORE_CASE,
    }, examples=[{"value": ["price", "tax"], "ignore_case": True}])

    def said(self, found: list[str], missing: list[str]) -> Grade:
        """True when all are found; the missing ones are named."""
        told = _lacks(missing) if missing else f"contains all {len(found)}"
        return self.verdict(not missing, told, missing=missing)


class ContainsNone(_Searches):
    """Passes when the output contains none of the texts (forbidden phrases)."""

    name = "contains_none"
    schema = options_schema({
        "value": described(TEXTS, "the texts that must not occur"),
        "ignore_case": IGNORE_CASE,
    }, required=["value"], examples=[{"value": ["As an AI", "I cannot"]}])

    def said(self, found: list[str], missing: list[str]) -> Grade:
        """True when none is found; the found ones are named."""
        told = f"contains {', '.join(map(shown, found))}" if found else f"contains none of {len(missing)}"
        return self.verdict(not found, told, found=found)


class _Ends(BuiltIn):
    """A grader that compares one end of the output with a text."""

    end = ""

    def holds(self, output: str, value: str, strip: bool) -> bool:
        """Whether the output has the text at that end."""
        raise NotImplementedError

    def grade(self, context: GradeContext, options: Mapping[str, Any]) -> Grade:
        """True when that end is the text."""
        value = wanted(context, options)
        if value is None:
            return self.verdict(None, NOTHING)
        passed = self.holds(fold(context.output, options), fold(str(value), options), options.get("strip", True))
        return self.verdict(passed, f"expected {self.end} of {shown(str(value))}")


class StartsWith(_Ends):
    """Passes when the output starts with a text."""

    name = "starts_with"
    end = "a start"
    needs = EXPECTED
    schema = options_schema({
        "value": described(TEXT, "the text at the start (default: what the case expects)"),
        "ignore_case": IGNORE_CASE,
        "strip": STRIP,
    }, examples=[{"value": "Dear"}])

    def holds(self, output: str, value: str, strip: bool) -> bool:
        """White space before it does not count when it is stripped."""
        return (output.lstrip() if strip else output).startswith(value)


class EndsWith(_Ends):
    """Passes when the output ends with a text."""

    name = "ends_with"
    end = "an end"
    needs = EXPECTED
    schema = options_schema({
        "value": described(TEXT, "the text at the end (default: what the case expects)"),
        "ignore_case": IGNORE_CASE,
        "strip": STRIP,
    }, examples=[{"value": "Yours sincerely"}])

    def holds(self, output: str, value: str, strip: bool) -> bool:
        """White space after it does not count when it is stripped."""
        return (output.rstrip() if strip else output).endswith(value)


def _equal_json(output: str, value: Any) -> bool:
    try:
        return same_json(parse(output), value)
    except (NotJson, RecursionError):
        return False


def same_json(one: Any, other: Any) -> bool:
    """Equality of JSON values: 1 and 1.0 are equal, 1 and true are not."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return one.keys() == other.keys() and all(same_json(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(same_json, one, other))
    return bool(one == other)


def _lacks(missing: list[str]) -> str:
    return f"does not contain {', '.join(map(shown, missing))}"

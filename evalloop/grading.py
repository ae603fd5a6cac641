"""Applies one grader to one reply: coercion, threshold, negation and errors, the same for all, nested ones too.

A grader that holds other graders marks those options in its schema with ``NESTED``. Everything that must know of
graders inside graders (reading, checking, versions, the flakiness check) finds them by that mark.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from evalloop.contracts import GradeContext, Grader
from evalloop.records.base import plain
from evalloop.records.case import GraderSpec, spec_of
from evalloop.records.run import Grade

Path = tuple[str | int, ...]

FORMAT = "evalloop-grader"
NESTED: Mapping[str, Any] = {
    "type": ["string", "object"], "minLength": 1, "minProperties": 1, "format": FORMAT, "description": "a grader"}
"""The schema of an option (or of the items of one) that is a grader entry."""


async def apply(spec: GraderSpec, context: GradeContext) -> Grade:
    """The grade of one grader, threshold first, then negation; what is unscored stays unscored.

    A grader that is not there, raises, or returns what is no verdict gives a grade with ``error``.
    """
    grader = context.graders.get(spec.type)
    if grader is None:
        return _broken(spec, "", f"no grader named {spec.type!r}")
    try:
        verdict = grader.grade(context, spec.options)
        if inspect.isawaitable(verdict):
            verdict = await verdict
        return _decided(verdict, spec, grader)
    except Exception as error:
        return _broken(spec, grader.version, _reason(error))


def nested_entries(schema: Mapping[str, Any], options: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    """(path in the options, grader entry) of each grader that the options hold, as written."""
    for name, about in _holding(schema):
        if name not in options:
            continue
        if about.get("format") == FORMAT:
            yield (name,), options[name]
        elif _items(about).get("format") == FORMAT and isinstance(options[name], list | tuple):
            yield from (((name, index), each) for index, each in enumerate(options[name]))


def nested(spec: GraderSpec, graders: Mapping[str, Grader]) -> list[GraderSpec]:
    """The graders inside a checked spec, one level down; none when its grader is not there."""
    grader = graders.get(spec.type)
    if grader is None or not _holding(grader.schema):
        return []
    return [spec_of(entry) for _, entry in nested_entries(grader.schema, spec.options)]


def used(specs: Iterable[GraderSpec], graders: Mapping[str, Grader]) -> set[str]:
    """The names of all graders that specs ask for, nested ones too."""
    names: set[str] = set()
    for spec in specs:
        names |= {spec.type, *used(nested(spec, graders), graders)}
    return names


def deterministic(spec: GraderSpec, graders: Mapping[str, Grader]) -> bool:
    """True when the grader and all inside it always say the same."""
    grader = graders.get(spec.type)
    return grader is not None and grader.deterministic and all(
        deterministic(each, graders) for each in nested(spec, graders))


def asks_judge(spec: GraderSpec, graders: Mapping[str, Grader]) -> bool:
    """True when the grader, or one inside it, asks a judge model."""
    grader = graders.get(spec.type)
    return grader is not None and ("judge" in grader.needs or any(
        asks_judge(each, graders) for each in nested(spec, graders)))


def judge_id(spec: GraderSpec, graders: Mapping[str, Grader], model: str) -> str | None:
    """The identity of a judge: a hash of grader, version, rubric and all other options, and of the model that is asked.

    Weight, metric and cluster do not change what a judge says and are left out. None for a grader that asks no model.
    """
    if not asks_judge(spec, graders):
        return None
    held = [judge_id(each, graders, model) or each.type for each in nested(spec, graders)]
    options = {key: plain(value) for key, value in spec.options.items() if key != "model"}
    content = [spec.type, graders[spec.type].version, options, spec.threshold, spec.negate,
               spec.options.get("model") or model, held]
    text = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    return "j-" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def _holding(schema: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """The options of a schema that hold graders; looked for once for each schema, which stays in memory with it."""
    known = _HOLDING.get(id(schema))
    if known is None or known[0] is not schema:
        if len(_HOLDING) > _MOST_SCHEMAS:  # a plugin that makes its schema anew each time
            _HOLDING.clear()
        options = [(name, about) for name, about in schema.get("properties", {}).items()
                   if FORMAT in (about.get("format"), _items(about).get("format"))]
        known = _HOLDING[id(schema)] = (schema, options)
    return known[1]


_MOST_SCHEMAS = 1000
_HOLDING: dict[int, tuple[Mapping[str, Any], list[tuple[str, Mapping[str, Any]]]]] = {}


def _items(about: Mapping[str, Any]) -> Mapping[str, Any]:
    items = about.get("items")
    return items if isinstance(items, Mapping) else {}


def _decided(verdict: Any, spec: GraderSpec, grader: Grader) -> Grade:
    """Any verdict as a Grade, after threshold and negation; raises ValueError for what is none."""
    grade = verdict if isinstance(verdict, Grade) else Grade(spec.type, grader.version, value=verdict)
    value, passed = _value(grade.value), grade.passed
    if value is grade.value and isinstance(value, bool) and _as_asked(grade, spec, grader):
        return grade if passed is not None else replace(grade, passed=value)
    if grade.error is not None or value is None:
        value = passed = None
    elif isinstance(value, bool):
        passed = value if passed is None else passed
    elif spec.threshold is not None:
        passed = value >= spec.threshold
    if spec.negate and value is not None:
        value = not value if isinstance(value, bool) else 1.0 - value
        passed = None if passed is None else not passed
    return replace(grade, grader=spec.type, version=grader.version, value=value, passed=passed, weight=spec.weight,
                   metric=spec.metric or grade.metric, cluster=spec.cluster or grade.cluster)


def _as_asked(grade: Grade, spec: GraderSpec, grader: Grader) -> bool:
    """True for a grade that says of itself already what its spec asks for: nearly all, and a copy costs time."""
    return (grade.error is None and not spec.negate and spec.weight == grade.weight and spec.metric is None
            and spec.cluster is None and grade.grader == spec.type and grade.version == grader.version)


def _value(value: Any) -> bool | float | None:
    value = value.item() if hasattr(value, "item") else value
    if value is None or isinstance(value, bool):
        return value
    if not isinstance(value, int | float):
        raise ValueError(f"a verdict is a bool, a number or None, not {type(value).__name__}")
    if math.isnan(value) or not 0 <= value <= 1:
        raise ValueError(f"the score {value!r} lies outside [0, 1]")
    return float(value)


def _broken(spec: GraderSpec, version: str, reason: str) -> Grade:
    return Grade(spec.type, version, metric=spec.metric, cluster=spec.cluster, weight=spec.weight, error=reason)


def _reason(error: Exception) -> str:
    text = getattr(error, "message", None) or str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__

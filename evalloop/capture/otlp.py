"""OpenTelemetry spans and log records become events.

A span of a model call (``gen_ai.*`` of the OpenTelemetry semantic conventions, or ``llm.*`` of OpenInference) becomes
``generation.completed``. ``gen_ai.evaluation.result`` (an event of a span, or a log record) and the annotations of
OpenInference (``annotations.N.annotation.*`` and ``evaluations.N.evaluation.*`` on a span; its spec/annotations.md)
become ``judgment.result``. Ids are made of trace, span and content: an export that is sent again stores nothing twice.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from evalloop.records.event import SCHEMA
from evalloop.records.times import time_text

EVALUATION = "gen_ai.evaluation.result"
DETAILS = ("gen_ai.client.inference.operation.details", "gen_ai.content.prompt", "gen_ai.content.completion")
CALLS = ("chat", "text_completion", "generate_content", "completion")
KINDS = {"HUMAN": "reviewer", "LLM": "llm_judge", "CODE": "code"}
_JUDGED = re.compile(r"(annotations|evaluations)\.(\d+)\.(?:annotation|evaluation)\.(\w+)")
_MESSAGE = re.compile(r"llm\.(input|output)_messages\.(\d+)\.message\.(role|content)")

Attributes = Mapping[str, Any]
Event = dict[str, Any]


@dataclass(frozen=True)
class Signal:
    """A span or a log record, whichever way it was written. Times are nanoseconds since 1970."""

    name: str
    time_ns: int
    trace_id: str = ""
    span_id: str = ""
    attributes: Attributes = field(default_factory=dict)
    resource: Attributes = field(default_factory=dict)
    events: Sequence[tuple[str, int, Attributes]] = ()
    sampled: bool | None = None
    body: Any = None


def events_of_span(span: Signal) -> list[Event]:
    """The events of one span; none for a span that is neither a model call nor judged."""
    made = [_generation(span)] if _is_call(span.attributes) else []
    for name, time_ns, attributes in span.events:
        if name == EVALUATION:
            made.append(_evaluation(span, {**_subject_marks(span.attributes), **attributes}, time_ns))
    return made + list(_annotations(span))


def events_of_log(record: Signal) -> list[Event]:
    """The events of one log record; none for one that speaks of no evaluation."""
    attributes = {**record.attributes, **(record.body if isinstance(record.body, Mapping) else {})}
    name = record.name or str(attributes.get("event.name", ""))
    return [_evaluation(record, attributes, record.time_ns)] if name == EVALUATION else []


# ---- generations -----------------------------------------------------------------------------------------------------


def _is_call(given: Attributes) -> bool:
    operation = given.get("gen_ai.operation.name")
    if operation is not None:
        return operation in CALLS
    if "openinference.span.kind" in given:
        return str(given["openinference.span.kind"]).upper() == "LLM"
    return "gen_ai.request.model" in given or "gen_ai.response.id" in given


def _generation(span: Signal) -> Event:
    given = dict(span.attributes)
    for name, _, more in span.events:
        if name in DETAILS:
            given.update(more)
    payload = {"input": {"messages": _messages(given, "input")}, "output": {"messages": _messages(given, "output")},
               "finish_reason": _first(given, "gen_ai.response.finish_reasons", "llm.finish_reason"),
               "usage": _filled({
                   "input_tokens": _first(given, "gen_ai.usage.input_tokens", "llm.token_count.prompt"),
                   "output_tokens": _first(given, "gen_ai.usage.output_tokens", "llm.token_count.completion")})}
    return {**_base(span, given, "generation.completed", _id("gen", span)), "source": {"kind": "system", **_sdk(span)},
            "payload": _filled(payload)}


def _messages(given: Attributes, side: str) -> list[Any]:
    """The messages of one side, in whichever of the four ways they were written."""
    found = given.get(f"gen_ai.{side}.messages")
    if found is None and side == "input" and (system := given.get("gen_ai.system_instructions")) is not None:
        found = [{"role": "system", "content": _decoded(system)}]
    found = _decoded(found)
    if isinstance(found, list):
        return found
    numbered: dict[int, dict[str, Any]] = {}
    for key, value in given.items():
        if (match := _MESSAGE.fullmatch(key)) and match[1] == side:
            numbered.setdefault(int(match[2]), {})[match[3]] = value
    if numbered:
        return [numbered[index] for index in sorted(numbered)]
    plain = given.get(f"{side}.value", given.get("gen_ai.prompt" if side == "input" else "gen_ai.completion"))
    role = "user" if side == "input" else "assistant"
    return [] if plain is None else [{"role": role, "content": plain if isinstance(plain, str) else json.dumps(plain)}]


def _decoded(value: Any) -> Any:
    """Structured attributes come as JSON texts where the exporter knows no other way."""
    if isinstance(value, str) and value[:1] in "[{":
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


# ---- judgments -------------------------------------------------------------------------------------------------------


def _evaluation(at: Signal, given: Attributes, time_ns: int) -> Event:
    return _judgment(at, given, time_ns, {
        "name": given.get("gen_ai.evaluation.name"), "score": given.get("gen_ai.evaluation.score.value"),
        "label": given.get("gen_ai.evaluation.score.label"), "explanation": given.get("gen_ai.evaluation.explanation")})


def _annotations(span: Signal) -> Iterator[Event]:
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for key, value in span.attributes.items():
        if match := _JUDGED.fullmatch(key):
            found.setdefault((match[1], match[2]), {})[match[3]] = value
    for given in found.values():
        yield _judgment(span, span.attributes, span.time_ns, given)


def _judgment(at: Signal, given: Attributes, time_ns: int, said: Mapping[str, Any]) -> Event:
    """Both forms of one result (the two terms of OpenInference, or its span event) make one event."""
    payload = _filled({name: said.get(name) for name in ("name", "score", "label", "explanation")})
    identity = {**payload, "identifier": said.get("identifier"), "response": given.get("gen_ai.response.id")}
    kind = KINDS.get(str(said.get("annotator_kind", given.get("annotator_kind", ""))), "code")
    event_id = _id("eval", at, json.dumps(identity, sort_keys=True, default=str))
    made = _base(at, given, "judgment.result", event_id, time_ns)
    identifier = said.get("identifier")
    return {**made, "source": {"kind": kind, **_sdk(at)},
            "payload": _filled({**payload, "identifier": identifier, "metadata": _decoded(said.get("metadata"))})}


# ---- what all share --------------------------------------------------------------------------------------------------


def _base(at: Signal, given: Attributes, event_type: str, event_id: str, time_ns: int | None = None) -> Event:
    own = f"{at.trace_id}-{at.span_id}" if at.trace_id else None
    about = _text(given, "gen_ai.response.id")
    subject = _filled({
        "level": "response" if about or at.span_id else "session" if _session(given) else "span",
        "response_id": about or (own if event_type == "generation.completed" else None),
        "session_id": _session(given), "trace_id": at.trace_id or None, "span_id": at.span_id or None})
    actor = _filled({"user_key": _text(given, "user.hash", "user.id", "enduser.id")})
    both = {**at.resource, **given}
    context = _filled({
        "app": _text(both, "service.name"), "release": _text(both, "service.version"),
        "environment": _text(both, "deployment.environment.name", "deployment.environment"),
        "model_requested": _text(both, "gen_ai.request.model", "llm.model_name"),
        "model_answered": _text(both, "gen_ai.response.model"),
        "provider": _text(both, "gen_ai.provider.name", "gen_ai.system", "llm.provider"),
        "prompt_name": _text(both, "gen_ai.prompt.name", "llm.prompt_template.name"),
        "prompt_version": _text(both, "gen_ai.prompt.version", "llm.prompt_template.version"),
        "variant": _text(both, "feature_flag.result.variant"), "trace_sampled": at.sampled})
    event: Event = {"schema": SCHEMA, "event_id": event_id, "event_type": event_type,
                    "occurred_at": _time(at.time_ns if time_ns is None else time_ns), "subject": subject}
    return {**event, **_filled({"actor": actor, "context": context})}


def _session(given: Attributes) -> str | None:
    return _text(given, "gen_ai.conversation.id", "session.id")


def _subject_marks(given: Attributes) -> dict[str, Any]:
    """What an event of a span takes over from it."""
    names = ("gen_ai.response.id", "gen_ai.conversation.id", "session.id", "user.hash", "user.id", "enduser.id")
    return {name: given[name] for name in names if name in given}


def _id(kind: str, at: Signal, more: str = "") -> str:
    if not more and at.trace_id:
        return f"otel-{kind}-{at.trace_id}-{at.span_id}"
    text = "\0".join((at.trace_id, at.span_id, "" if at.trace_id else str(at.time_ns), more))
    return f"otel-{kind}-{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:40]}"


def _sdk(at: Signal) -> dict[str, str]:
    name, version = (at.resource.get(f"telemetry.sdk.{part}") for part in ("name", "version"))
    return {"sdk": f"{name}/{version}"[:120]} if name else {"sdk": "otlp"}


def _time(time_ns: int) -> str:
    try:
        return time_text(datetime.fromtimestamp(time_ns / 1e9, UTC))
    except (ValueError, OverflowError, OSError):
        return "not a time"


def _text(given: Attributes, *names: str) -> str | None:
    found = _first(given, *names)
    return None if found is None else found if isinstance(found, str) else json.dumps(found)


def _first(given: Attributes, *names: str) -> Any:
    return next((given[name] for name in names if given.get(name) not in (None, "")), None)


def _filled(block: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in block.items() if value is not None and value != {} and value != []}

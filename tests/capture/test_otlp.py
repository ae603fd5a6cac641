"""OTLP exports become events: model calls, evaluation results and annotations, from JSON and protobuf alike."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("opentelemetry.proto", reason="needs the extra serve")

from evalloop.capture import otlp, otlp_wire
from evalloop.capture.importing import prepare, problems
from evalloop.capture.intake import BodyError

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
END = "1767607200000000000"


def attribute(key: str, value: Any) -> dict[str, Any]:
    """One attribute as OTLP writes it."""
    kind = {str: "stringValue", int: "intValue", float: "doubleValue", bool: "boolValue"}[type(value)]
    return {"key": key, "value": {kind: str(value) if kind == "intValue" else value}}


def export(attributes: dict[str, Any], events: tuple[tuple[str, dict[str, Any]], ...] = ()) -> dict[str, Any]:
    """An export of one span."""
    span = {"traceId": TRACE, "spanId": SPAN, "name": "chat gpt", "kind": 3, "startTimeUnixNano": END,
            "endTimeUnixNano": END, "attributes": [attribute(*each) for each in attributes.items()],
            "events": [{"name": name, "timeUnixNano": END, "attributes": [attribute(*each) for each in more.items()]}
                       for name, more in events]}
    resource = {"attributes": [attribute("service.name", "shop"), attribute("service.version", "1.2")]}
    return {"resourceSpans": [{"resource": resource, "scopeSpans": [{"scope": {"name": "x"}, "spans": [span]}]}]}


def packed(request: dict[str, Any], kind: str) -> bytes:
    """The same in protobuf."""
    import base64

    from google.protobuf.json_format import ParseDict
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    text = json.dumps(request)
    for name in (TRACE, SPAN):
        text = text.replace(f'"{name}"', f'"{base64.b64encode(bytes.fromhex(name)).decode()}"')
    message = ExportTraceServiceRequest() if kind == "trace" else ExportLogsServiceRequest()
    return bytes(ParseDict(json.loads(text), message).SerializeToString())


def converted(request: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of an export, the same from both forms, each of them good."""
    found = [[event for span in spans for event in otlp.events_of_span(span)] for spans in (
        otlp_wire.spans(json.dumps(request).encode(), protobuf=False),
        otlp_wire.spans(packed(request, "trace"), protobuf=True))]
    assert found[0] == found[1]
    assert [list(problems(prepare(event))) for event in found[0]] == [[]] * len(found[0])
    return found[0]


def test_a_model_call_becomes_a_generation() -> None:
    """The attributes of the GenAI conventions fill subject, context and payload."""
    [event] = converted(export({
        "gen_ai.operation.name": "chat", "gen_ai.request.model": "m-1", "gen_ai.response.model": "m-1-mini",
        "gen_ai.provider.name": "acme", "gen_ai.response.id": "resp-9", "gen_ai.conversation.id": "s-1",
        "gen_ai.usage.input_tokens": 12, "user.id": "ada",
        "gen_ai.input.messages": json.dumps([{"role": "user", "parts": [{"type": "text", "content": "hello"}]}]),
        "gen_ai.output.messages": json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": "hi"}]}])}))
    assert event["event_type"] == "generation.completed"
    assert event["subject"] == {"level": "response", "response_id": "resp-9", "session_id": "s-1", "trace_id": TRACE,
                                "span_id": SPAN}
    assert event["context"] == {"app": "shop", "release": "1.2", "model_requested": "m-1",
                                "model_answered": "m-1-mini", "provider": "acme"}
    assert event["payload"]["output"]["messages"][0]["parts"][0]["content"] == "hi"
    assert event["occurred_at"] == "2026-01-05T10:00:00.000000Z"


def test_openinference_calls_and_annotations() -> None:
    """``llm.*`` messages are read in order; both terms for one result make one event by the kind of its judge."""
    made = converted(export({
        "openinference.span.kind": "LLM", "session.id": "s-1", "llm.model_name": "m-1",
        "llm.input_messages.1.message.role": "user", "llm.input_messages.1.message.content": "b",
        "llm.input_messages.0.message.role": "system", "llm.input_messages.0.message.content": "a",
        "annotations.0.annotation.name": "correctness", "annotations.0.annotation.score": 0.5,
        "annotations.0.annotation.annotator_kind": "HUMAN", "annotations.0.annotation.identifier": "x",
        "evaluations.0.evaluation.name": "correctness", "evaluations.0.evaluation.score": 0.5,
        "evaluations.0.evaluation.annotator_kind": "HUMAN", "evaluations.0.evaluation.identifier": "x"}))
    generation, first, second = made
    assert [each["content"] for each in generation["payload"]["input"]["messages"]] == ["a", "b"]
    assert first["event_id"] == second["event_id"]
    assert first["source"]["kind"] == "reviewer"
    assert first["payload"] == {"name": "correctness", "score": 0.5, "identifier": "x"}


def test_evaluation_events_of_spans_and_logs() -> None:
    """``gen_ai.evaluation.result`` becomes a judgment on the response, whether on a span or in the logs."""
    said = {"gen_ai.evaluation.name": "relevance", "gen_ai.evaluation.score.value": 0.25,
            "gen_ai.evaluation.score.label": "poor", "gen_ai.response.id": "resp-9"}
    [judged] = converted(export({"gen_ai.operation.name": "execute_tool"}, ((otlp.EVALUATION, said),)))
    record = {"timeUnixNano": END, "eventName": otlp.EVALUATION,
              "attributes": [attribute(*each) for each in said.items()]}
    request = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    for body, protobuf in ((json.dumps(request).encode(), False), (packed(request, "logs"), True)):
        [logged] = [event for each in otlp_wire.log_records(body, protobuf=protobuf)
                    for event in otlp.events_of_log(each)]
        for event in (judged, logged):
            assert event["payload"] == {"name": "relevance", "score": 0.25, "label": "poor"}
            assert event["subject"]["response_id"] == "resp-9"


def test_other_spans_give_nothing() -> None:
    """A database call is no event."""
    assert converted(export({"db.system": "postgresql"})) == []


JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
                        st.sampled_from(["resourceSpans", "scopeSpans", "spans", "attributes", "key", "value", "events",
                                         "traceId", "endTimeUnixNano", "arrayValue", "values", "stringValue"]),
                        inner, max_size=4), max_leaves=20)


@settings(max_examples=150, deadline=None)
@given(JSON, st.binary(max_size=60))
def test_any_body_is_read_or_refused(data: Any, junk: bytes) -> None:
    """Whatever comes, it is converted or a BodyError."""
    for body, protobuf in ((json.dumps(data).encode(), False), (junk, True), (junk, False)):
        try:
            for span in otlp_wire.spans(body, protobuf=protobuf):
                otlp.events_of_span(span)
            for record in otlp_wire.log_records(body, protobuf=protobuf):
                otlp.events_of_log(record)
        except BodyError:
            continue

"""OTLP/HTTP bodies, in JSON or protobuf, as spans and log records."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from typing import Any

import orjson

from evalloop.capture.intake import BodyError
from evalloop.capture.otlp import Signal

MAX_DEPTH = 20


def spans(body: bytes, *, protobuf: bool) -> list[Signal]:
    """The spans of an ExportTraceServiceRequest; BodyError when the body is none."""
    return list(_spans(_from_protobuf(body, "trace") if protobuf else _from_json(body)))


def log_records(body: bytes, *, protobuf: bool) -> list[Signal]:
    """The records of an ExportLogsServiceRequest; BodyError when the body is none."""
    return list(_records(_from_protobuf(body, "logs") if protobuf else _from_json(body)))


def _from_json(body: bytes) -> Mapping[str, Any]:
    try:
        data = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BodyError(f"not valid JSON: {error}", fix="send an OTLP export request") from None
    if not isinstance(data, dict):
        raise BodyError("not an OTLP export request", fix='send {"resourceSpans": [...]} or {"resourceLogs": [...]}')
    return data


def _from_protobuf(body: bytes, kind: str) -> Mapping[str, Any]:
    """The request in the shape of its JSON, ids as hex."""
    from google.protobuf.json_format import MessageToDict
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request: Any = ExportTraceServiceRequest() if kind == "trace" else ExportLogsServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError as error:
        raise BodyError(f"not valid protobuf: {error}", fix="send an OTLP export request") from None
    data = MessageToDict(request)
    for each in (*_each(data, "resourceSpans", "scopeSpans", "spans"),
                 *_each(data, "resourceLogs", "scopeLogs", "logRecords")):
        for name in ("traceId", "spanId"):
            if name in each[1]:
                each[1][name] = base64.b64decode(each[1][name]).hex()
    result: Mapping[str, Any] = data
    return result


def _each(data: Mapping[str, Any], outer: str, middle: str, inner: str) -> Iterator[tuple[dict[str, Any], Any]]:
    """(resource attributes, item) of every item; what has another shape is passed over."""
    for resource in _list(data, outer):
        attributes = _attributes(_map(resource, "resource"))
        for scope in _list(resource, middle):
            for item in _list(scope, inner):
                if isinstance(item, dict):
                    yield attributes, item


def _spans(data: Mapping[str, Any]) -> Iterator[Signal]:
    for resource, span in _each(data, "resourceSpans", "scopeSpans", "spans"):
        yield Signal(
            str(span.get("name", "")), _int(span.get("endTimeUnixNano") or span.get("startTimeUnixNano")),
            _hex(span.get("traceId")), _hex(span.get("spanId")), _attributes(span), resource,
            [(str(each.get("name", "")), _int(each.get("timeUnixNano")), _attributes(each))
             for each in _list(span, "events") if isinstance(each, dict)],
            bool(_int(span["flags"]) & 1) if "flags" in span else None)


def _records(data: Mapping[str, Any]) -> Iterator[Signal]:
    for resource, record in _each(data, "resourceLogs", "scopeLogs", "logRecords"):
        yield Signal(
            str(record.get("eventName", "")), _int(record.get("timeUnixNano") or record.get("observedTimeUnixNano")),
            _hex(record.get("traceId")), _hex(record.get("spanId")), _attributes(record), resource,
            body=_value(_map(record, "body")))


def _attributes(holder: Mapping[str, Any]) -> dict[str, Any]:
    return {str(each.get("key")): _value(_map(each, "value")) for each in _list(holder, "attributes")
            if isinstance(each, dict)}


def _value(value: Mapping[str, Any], depth: int = 0) -> Any:
    """A plain value of an ``AnyValue``; what is nested too deep is left out."""
    kind, found = next(iter(value.items()), ("", None))
    if depth > MAX_DEPTH:
        return None
    if kind == "intValue":
        return _int(found)
    if kind == "arrayValue":
        return [_value(each, depth + 1) for each in _list(found, "values") if isinstance(each, dict)]
    if kind == "kvlistValue":
        return {str(each.get("key")): _value(_map(each, "value"), depth + 1) for each in _list(found, "values")
                if isinstance(each, dict)}
    return found if kind in ("stringValue", "boolValue", "doubleValue") else None


def _list(holder: Any, name: str) -> list[Any]:
    found = holder.get(name) if isinstance(holder, dict) else None
    return found if isinstance(found, list) else []


def _map(holder: Any, name: str) -> dict[str, Any]:
    found = holder.get(name) if isinstance(holder, dict) else None
    return found if isinstance(found, dict) else {}


def _int(value: Any) -> int:
    """64-bit numbers are texts in JSON."""
    try:
        return int(value or 0)
    except (TypeError, ValueError, OverflowError):
        return 0


def _hex(value: Any) -> str:
    """An id, in small letters; empty for none and for all zeros."""
    text = value.lower() if isinstance(value, str) else ""
    return text if text.strip("0") else ""

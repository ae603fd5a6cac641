"""The OpenAPI document of the collector."""

from __future__ import annotations

from typing import Any

from evalloop import __version__
from evalloop.store import schema

TEXT = {"type": "string"}
PROBLEM = {"type": "object", "required": ["field", "message", "fix"], "properties": {
    "field": TEXT, "message": TEXT, "fix": TEXT}}
RESULT = {"type": "object", "required": ["event_id", "status"], "properties": {
    "event_id": {"type": ["string", "null"]},
    "status": {"enum": ["stored", "already", "conflict", "invalid", "refused"]},
    "problems": {"type": "array", "items": {"$ref": "#/components/schemas/Problem"}}}}
COUNT = {"type": "integer", "minimum": 0}
SUMMARY = {"type": "object", "required": ["stored", "already", "conflict", "invalid", "refused", "results"],
           "properties": {**dict.fromkeys(("stored", "already", "conflict", "invalid", "refused"), COUNT),
                          "results": {"type": "array", "items": {"$ref": "#/components/schemas/Result"}}}}
ERROR = {"type": "object", "required": ["error", "fix"], "properties": {"error": TEXT, "fix": TEXT}}
SAID = {400: "no JSON, or broken packing", 401: "no key, or a wrong one", 403: "the key may not do this",
        404: "no such webhook", 413: "too large", 415: "content type or packing not read", 422: "it breaks the schema",
        429: "too fast; see Retry-After", 503: "cannot be written now; see Retry-After"}


def document() -> dict[str, Any]:
    """OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "evalloop collector", "version": __version__,
                 "description": "Takes events of a product and answers when they are durable."},
        "paths": {
            "/v1/events": {"post": _events(), "get": _read()},
            "/v1/otlp/v1/traces": {"post": _otlp("traces")},
            "/v1/otlp/v1/logs": {"post": _otlp("logs")},
            "/v1/webhooks/{name}": {"post": _webhook()},
            "/healthz": {"get": {"operationId": "health", "security": [], "responses": {
                "200": _json({"type": "object", "required": ["status"]}, "the process serves")}}},
            "/metrics": {"get": {"operationId": "metrics", "responses": {
                "200": {"description": "figures for Prometheus", "content": {"text/plain": {"schema": TEXT}}},
                **_errors(401, 403)}}},
            "/openapi.json": {"get": {"operationId": "document", "security": [], "responses": {
                "200": _json({"type": "object"}, "this document")}}},
        },
        "security": [{"bearer": []}, {"query": []}],
        "components": {
            "securitySchemes": {"bearer": {"type": "http", "scheme": "bearer"},
                                "query": {"type": "apiKey", "in": "query", "name": "key"}},
            "schemas": {"Event": _event(), "Problem": PROBLEM, "Result": RESULT, "Summary": SUMMARY, "Error": ERROR},
        },
    }


def _event() -> dict[str, Any]:
    """The schema of an event, its rules by type written as alternatives: clients know these better than if and then."""
    found = {key: value for key, value in schema.read("event").items() if key not in ("$schema", "$id")}
    ask = found["properties"]["ask"]
    kinds = ask["properties"]["kind"]["enum"]
    rest = {"properties": {"kind": {"enum": [kind for kind in kinds if kind != "random"]}}}
    ask["anyOf"] = [rest, ask.pop("then")]
    del ask["if"]
    ruled: dict[str, dict[str, Any]] = {}
    for rule in found.pop("allOf"):
        test = rule["if"]["properties"]["event_type"]
        ruled.update(dict.fromkeys(test.get("enum", [test.get("const")]), rule["then"]))
    free = [kind for kind in found["properties"]["event_type"]["enum"] if kind not in ruled]
    found["anyOf"] = [{"properties": {"event_type": {"enum": free}}}, *(
        {**then, "properties": {**then.get("properties", {}), "event_type": {"const": kind}}}
        for kind, then in ruled.items())]
    return found


def _json(shape: dict[str, Any], about: str) -> dict[str, Any]:
    return {"description": about, "content": {"application/json": {"schema": shape}}}


def _errors(*codes: int) -> dict[str, Any]:
    return {str(code): _json({"$ref": "#/components/schemas/Error"}, SAID[code]) for code in codes}


def _either(about: str) -> dict[str, Any]:
    """One event's own result, or what is wrong with the whole request."""
    return _json({"anyOf": [{"$ref": "#/components/schemas/Summary"}, {"$ref": "#/components/schemas/Error"}]}, about)


def _events() -> dict[str, Any]:
    one, summary = {"$ref": "#/components/schemas/Event"}, {"$ref": "#/components/schemas/Summary"}
    return {
        "operationId": "send", "summary": "send one event, or a list of events",
        "parameters": [{"name": "X-Evalloop-Sent-At", "in": "header", "required": False, "schema": TEXT,
                        "description": "the client's time when it sends, RFC 3339"}],
        "requestBody": {"required": True, "content": {"application/json": {
            "schema": {"anyOf": [one, {"type": "array"}]}}}},
        "responses": {"200": _json(summary, "what became of each event, all durable"),
                      "403": _either(SAID[403]), "409": _json(summary, "the id is stored with another content"),
                      "422": _json(summary, "the one event that was sent breaks the schema"),
                      **_errors(400, 401, 413, 415, 429, 503)}}


def _read() -> dict[str, Any]:
    page = {"type": "object", "required": ["events", "next"], "properties": {
        "events": {"type": "array", "items": {"type": "object"}}, "next": {"type": ["integer", "null"]}}}
    return {"operationId": "read", "summary": "read events in the order of arrival (scope read)",
            "parameters": [
                {"name": "after", "in": "query", "schema": {"type": "integer", "minimum": 0, "maximum": 2**62}},
                {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 1000}}],
            "responses": {"200": _json(page, "events; `next` is the next `after`, null at the end"),
                          **_errors(401, 403, 422)}}


def _otlp(kind: str) -> dict[str, Any]:
    return {"operationId": f"otlp_{kind}", "summary": f"an OTLP/HTTP export of {kind}, JSON or protobuf",
            "requestBody": {"required": True, "content": {"application/json": {"schema": {"type": "object"}}}},
            "responses": {"200": _json({"type": "object"}, "partialSuccess names what was refused"),
                          **_errors(400, 401, 403, 413, 415, 429, 503)}}


def _webhook() -> dict[str, Any]:
    return {"operationId": "webhook", "summary": "what another system tells, signed", "security": [],
            "parameters": [{"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}],
            "requestBody": {"required": True, "content": {"application/json": {"schema": {}}}},
            "responses": {"200": _json({"$ref": "#/components/schemas/Summary"}, "what became of it"),
                          **_errors(400, 401, 404, 413, 415, 422, 503)}}

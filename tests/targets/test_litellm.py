"""Target ``litellm`` over real HTTP: tools, structured output and streams say the same as those of ``openai``."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from evalloop.records.variant import Variant
from evalloop.targets.litellm import LitellmTarget
from evalloop.targets.openai import OpenAITarget

TOOLS = [{"type": "function", "function": {"name": "weather", "parameters": {"type": "object"}}}]
CALL = '[[call: weather {"city": "Paris"}]]'
SHAPE = {"type": "json_schema", "json_schema": {"name": "verdict", "strict": True, "schema": {
    "type": "object", "additionalProperties": False, "required": ["mood", "score"], "properties": {
        "mood": {"enum": ["calm", "angry"]}, "score": {"type": "integer", "minimum": 3}}}}}
BOTH = [(LitellmTarget(), "openai/m-echo"), (OpenAITarget(), "m-echo")]


def variant_of(model: str, server: Any, **options: Any) -> Variant:
    """A variant on the test server."""
    return Variant("v", "any", model, options={"base_url": server.base_url, **options})


@pytest.mark.parametrize(("target", "model"), BOTH)
@pytest.mark.parametrize("stream", [False, True])
def test_structured_output_comes_as_asked(ask: Any, request_for: Any, model_server: Any, target: Any, model: str,
                                          stream: bool) -> None:
    """The schema reaches the server, and its JSON is the reply's text."""
    variant = variant_of(model, model_server, stream=stream)
    reply = ask(target, variant, request_for("how are they?", response_format=SHAPE))[0]
    assert json.loads(reply.text) == {"mood": "calm", "score": 3}


@pytest.mark.parametrize("stream", [False, True])
def test_tool_calls_come_back_whole(ask: Any, request_for: Any, model_server: Any, stream: bool) -> None:
    """Name and arguments of the call, and the reason why the answer ended."""
    variant = variant_of("openai/m-echo", model_server, stream=stream)
    reply = ask(LitellmTarget(), variant, request_for(CALL, tools=TOOLS))[0]
    (call,) = reply.tool_calls
    assert (call["function"]["name"], json.loads(call["function"]["arguments"])) == ("weather", {"city": "Paris"})
    assert (reply.text, reply.finish_reason) == ("", "tool_calls")


def test_a_stream_gives_the_same_text_and_the_time_to_its_first_token(ask: Any, request_for: Any,
                                                                      new_server: Any) -> None:
    """The first token comes before the last; usage is that of an answer in one piece."""
    plain = variant_of("openai/m-echo", new_server("--latency", "0.05"))
    asked = request_for("some words over a line")
    whole = ask(LitellmTarget(), plain, asked)[0]
    streamed = ask(LitellmTarget(), replace(plain, options={**plain.options, "stream": True}), asked)[0]
    assert (streamed.text, streamed.usage) == (whole.text, whole.usage)
    assert 0.05 <= streamed.ttft_s <= streamed.latency_s - 0.04

"""The door to litellm: answers, vectors and errors, against the model server."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from evalloop import model
from evalloop.errors import ConfigError, TargetError
from evalloop.records.call import Request
from evalloop.records.variant import Variant
from evalloop.targets.litellm import LitellmTarget
from evalloop.testing import Offline


@pytest.mark.parametrize(("name", "params"), [
    ("openai/m", {"api_base": "https://evil.test"}), ("openai/m", {"base_url": "https://evil.test"}),
    ("openai/m", {"extra_headers": {}}), ("openai/m", {"api_key": "x"}), ("huggingface/https://evil.test/v1", {}),
    ("bedrock/m", {"aws_bedrock_runtime_endpoint": "https://evil.test"}), ("openai/m", {"mock_response": "good"})])
def test_an_evalset_cannot_lead_a_call_elsewhere(name: str, params: dict[str, Any]) -> None:
    """Variants and rubrics set what a model does; where a call goes, and with which key, is the project's."""
    with pytest.raises(ConfigError, match=r"model|params"):
        asyncio.run(model.complete([{"role": "user", "content": "x"}], name, params))


def test_usual_names_and_parameters_are_taken() -> None:
    """Names of models as litellm calls them, and what their makers document."""
    for name in ("gpt-4o", "anthropic/claude-sonnet-4-5@20250929", "openrouter/a/b:free",
                 "bedrock/arn:aws:bedrock:eu-west-1:1:inference-profile/x.y-v1:0"):
        model.check(name, {"temperature": 0, "max_tokens": 5, "reasoning_effort": "low", "seed": 1})


def test_only_the_judge_gets_the_judges_key(model_server: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A variant's own address gets no key of the environment: neither a provider's nor the judge's."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-canary-openai")
    monkeypatch.setenv(model.JUDGE_KEY, "sk-canary-judge")
    variant = Variant("v", "litellm", "m", options={"base_url": model_server.base_url})

    async def calls() -> list[list[str]]:
        seen = []
        caller = LitellmTarget().open(variant, Offline())
        await caller.call(Request("a", ({"role": "user", "content": "x"},), {}))
        seen.append(model_server.stats()["authorization"])
        await model.complete([{"role": "user", "content": "x"}], "m", base_url=model_server.base_url,
                             api_key=model.judge_key())
        seen.append(model_server.stats()["authorization"])
        await caller.close()
        return seen

    assert asyncio.run(calls()) == [["Bearer none"], ["Bearer none", "Bearer sk-canary-judge"]]


def test_an_echoed_secret_is_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    """A provider that repeats a key in its refusal does not get it into a run log; short words stay as they are."""
    monkeypatch.setenv("SOME_API_KEY", "sk-canary-77aa")
    monkeypatch.setenv("OTHER_API_KEY", "none")
    assert model._hidden("wrong key sk-canary-77aa, none") == "wrong key (SOME_API_KEY), none"


def test_answers_vectors_and_refusals(model_server: Any) -> None:
    """One pass through litellm (its import is slow): text and usage, vectors in order, and each refusal's meaning."""

    async def calls() -> tuple[Any, Any, list[TargetError], list[Any]]:
        reply = await model.complete([{"role": "user", "content": "hi you"}], "m-echo", {"temperature": 0},
                                     base_url=model_server.base_url)
        vectors = await model.embed(["one", "two words"], "e", base_url=model_server.base_url)
        errors = []
        for fault in ("429", "500", "401"):
            with pytest.raises(TargetError) as caught:
                await model.complete([{"role": "user", "content": f"[[fault: {fault}]]"}], "m",
                                     base_url=model_server.base_url)
            errors.append(caught.value)
        tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
        streams = [await model.complete([{"role": "user", "content": text}], "m-echo", {"tools": tools},
                                        base_url=model_server.base_url, stream=True)
                   for text in ("a longer text", '[[call: f {"a": 1}]]')]
        await model.close()
        return reply, vectors, errors, streams

    reply, vectors, (limited, broken, wrong), (streamed, called) = asyncio.run(calls())
    assert (streamed.text, streamed.finish_reason, streamed.usage) == (
        "a longer text", "stop", {"input_tokens": 3, "output_tokens": 3})
    assert 0 < streamed.ttft_s <= streamed.latency_s
    assert reply.ttft_s is None
    assert called.finish_reason == "tool_calls"
    assert called.tool_calls[0]["function"] == {"name": "f", "arguments": '{"a": 1}'}
    assert model.price("gpt-4o").input == pytest.approx(2.5)
    assert model.price("no-such-model") is None
    assert (reply.text, reply.usage, reply.finish_reason) == ("hi you", {"input_tokens": 2, "output_tokens": 2}, "stop")
    assert [len(vector) for vector in vectors] == [32, 32]
    assert vectors[0] != vectors[1]
    assert (limited.limited, limited.retryable, limited.retry_after) == (True, True, 1.0)
    assert (broken.limited, broken.retryable) == (False, True)
    assert (wrong.fatal, wrong.retryable) == (True, False)
    assert set(model_server.stats()["prompts"].values()) == {1}


def connections(port: int) -> int:
    """How many connections to a port of this machine this process holds open."""
    count = 0
    for number in os.listdir("/proc/self/fd"):
        with suppress(OSError):
            if stat.S_ISSOCK(os.stat(int(number)).st_mode):
                with socket.socket(fileno=os.dup(int(number))) as copy:
                    count += copy.family == socket.AF_INET and copy.getpeername()[1] == port
    return count


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="needs /proc to see this process's connections")
def test_the_door_to_models_is_closed(new_server: Callable[..., Any]) -> None:
    """A connection is kept for the next call, and given back when the door is closed (the server is one that no
    other test leaves connections to)."""
    server = new_server()

    async def calls() -> list[int]:
        await model.complete([{"role": "user", "content": "x"}], "m", base_url=server.base_url)
        kept = connections(server.port)
        await model.close()
        return [kept, connections(server.port)]

    assert asyncio.run(calls()) == [1, 0]

"""Watched OpenAI clients and litellm: real clients against a real server; what the product gets is unchanged."""

from __future__ import annotations

import asyncio
import os

import pytest

openai = pytest.importorskip("openai", reason="openai is not installed")

ASKED = [{"role": "user", "content": "what is the sum?"}]
TOOL = [{"type": "function", "function": {"name": "look", "parameters": {"type": "object", "properties": {}}}}]


@pytest.fixture
def target(client, model_server):
    """A watched OpenAI client."""
    return client.openai(openai.OpenAI(base_url=model_server.base_url, api_key="k", max_retries=0))


@pytest.fixture
def async_target(client, model_server):
    """A watched AsyncOpenAI client."""
    return client.openai(openai.AsyncOpenAI(base_url=model_server.base_url, api_key="k", max_retries=0))


def the_generation(client, collector):
    """The one generation that arrived."""
    assert client.flush(10)
    (made,) = collector.events("generation.completed")
    return made


def reply(made):
    """Its answer."""
    return made["payload"]["output"]["messages"][0]


def test_a_completion_is_reported_and_returned_as_it_is(client, collector, target):
    """The provider's id names the response; question, answer, model and usage are there."""
    with client.session("s", user="ann"):
        answer = target.chat.completions.create(model="m", messages=ASKED)
    assert type(answer).__name__ == "ChatCompletion"
    made = the_generation(client, collector)
    assert made["subject"] == {"level": "response", "response_id": answer.id, "session_id": "s"}
    assert made["payload"]["input"] == {"messages": ASKED}
    assert reply(made)["content"] == answer.choices[0].message.content
    assert made["payload"]["usage"]["total_tokens"] == answer.usage.total_tokens
    assert made["payload"]["finish_reason"] == "stop"
    assert made["context"] == {"model_requested": "m", "model_answered": "m", "provider": "openai"}
    assert client.last_response() == answer.id


def test_a_stream_is_reported_when_it_ends(client, collector, target):
    """The pieces arrive unchanged in a real Stream; the whole text is reported with the time of the first piece."""
    stream = target.chat.completions.create(model="m", messages=ASKED, stream=True,
                                            stream_options={"include_usage": True})
    assert isinstance(stream, openai.Stream)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices)
    made = the_generation(client, collector)
    assert reply(made) == {"role": "assistant", "content": text}
    assert made["payload"]["first_token_ms"] <= made["payload"]["latency_ms"]
    assert made["payload"]["usage"]["completion_tokens"] == len(text.split())


def test_a_stream_that_is_left_early_is_reported_as_far_as_it_came(client, collector, target):
    """The user pressed stop."""
    stream = target.chat.completions.create(model="m", messages=ASKED, stream=True)
    for chunk in stream:
        if chunk.choices[0].delta.content:
            break
    stream.close()
    del stream
    made = the_generation(client, collector)
    assert made["payload"]["finish_reason"] == "stopped_early"
    assert reply(made)["content"] == "Answer "


def test_tool_calls_are_reported_whole_and_streamed(client, collector, target):
    """The parts of a streamed call are put together as a whole answer has them."""
    asked = [{"role": "user", "content": '[[call: look {"at": [1, 2]}]]'}]
    target.chat.completions.create(model="m", messages=asked, tools=TOOL)
    for _ in target.chat.completions.create(model="m", messages=asked, tools=TOOL, stream=True):
        pass
    assert client.flush(10)
    first, second = (reply(each)["tool_calls"][0] for each in collector.events())
    assert first == second == {"id": "call-1", "type": "function",
                               "function": {"name": "look", "arguments": '{"at": [1, 2]}'}}


def test_async_completions_and_streams_are_reported(client, collector, async_target):
    """AsyncOpenAI, both ways."""
    async def ask():
        answer = await async_target.chat.completions.create(model="m", messages=ASKED)
        stream = await async_target.chat.completions.create(model="m", messages=ASKED, stream=True)
        assert isinstance(stream, openai.AsyncStream)
        text = "".join([chunk.choices[0].delta.content or "" async for chunk in stream if chunk.choices])
        await async_target.close()
        return answer.choices[0].message.content, text

    whole, streamed = asyncio.run(ask())
    assert whole == streamed
    assert client.flush(10)
    assert [reply(each)["content"] for each in collector.events()] == [whole, streamed]


def test_errors_of_the_provider_pass_through(client, collector, target):
    """The product sees openai's own error; the generation is reported with its name."""
    with pytest.raises(openai.InternalServerError):
        target.chat.completions.create(model="m", messages=[{"role": "user", "content": "[[fault: 500]]"}])
    assert the_generation(client, collector)["payload"]["error"] == "InternalServerError"


def test_raw_answers_and_stream_helpers_still_work(client, collector, target):
    """``with_raw_response`` and ``chat.completions.stream`` give what they always gave."""
    raw = target.chat.completions.with_raw_response.create(model="m", messages=ASKED)
    assert raw.status_code == 200
    assert raw.parse().choices[0].message.content
    with target.chat.completions.stream(model="m", messages=ASKED) as stream:
        final = stream.get_final_completion()
    assert final.choices[0].message.content
    assert client.flush(10)


def test_watching_twice_reports_once_and_a_strange_object_is_left_alone(client, collector, target, make_client):
    """Two calls of ``openai`` are one; an object without completions is counted, not broken."""
    client.openai(target).chat.completions.create(model="m", messages=ASKED)
    the_generation(client, collector)
    quiet = make_client(strict=False)
    strange = object()
    assert quiet.openai(strange) is strange
    assert quiet.stats()["errors"] == 1


def test_litellm_reports_through_its_callback(client, collector, model_server, monkeypatch):
    """Sync, streamed and async completions of litellm, each once, with the session and user of the call's metadata."""
    monkeypatch.setitem(os.environ, "LITELLM_LOCAL_MODEL_COST_MAP", "True")
    import litellm

    monkeypatch.setattr(litellm, "callbacks", [client.litellm()])
    call = {"model": "openai/m", "base_url": model_server.base_url, "api_key": "k", "messages": ASKED,
            "metadata": {"evalloop": {"session": "s", "user": "ann"}}, "num_retries": 0}
    whole = litellm.completion(**call).choices[0].message.content
    streamed = "".join(chunk.choices[0].delta.content or "" for chunk in litellm.completion(**call, stream=True))

    async def ask():
        answer = await litellm.acompletion(**call)
        await asyncio.sleep(0.5)
        return answer.choices[0].message.content

    later = asyncio.run(ask())
    with pytest.raises(litellm.exceptions.InternalServerError):
        litellm.completion(**{**call, "messages": [{"role": "user", "content": "[[fault: 500]]"}]})
    deadline = 50
    while deadline and (not client.flush(10) or len(collector.events()) < 4):
        deadline -= 1
        asyncio.run(asyncio.sleep(0.1))
    made = collector.events()
    assert [reply(each)["content"] for each in made[:3]] == [whole, streamed, later]
    assert {each["subject"]["session_id"] for each in made} == {"s"}
    assert {each["actor"]["user_key"] for each in made} == {client.user_key("ann")}
    assert [each["payload"].get("error") for each in made] == [None, None, None, "InternalServerError"]
    assert made[0]["context"]["provider"] == "openai"

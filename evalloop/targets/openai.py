"""Target ``openai``: any server with the OpenAI chat-completions interface, over plain HTTP.

One session with kept-alive connections; how many are open at once is bounded by the run's concurrency. The key comes
from the environment and is never part of a message, a log or a cache key. A variant comes with an evalset, perhaps from
a stranger, so it cannot send a key where it likes: OPENAI_API_KEY goes to the default address, a key that a variant
names goes to this machine, or where the setting ``allow_keys`` allows it.
"""

from __future__ import annotations

import ipaddress
import os
import re
import time
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

from evalloop.contracts import Services
from evalloop.errors import ConfigError, TargetError
from evalloop.records.call import Price, Reply, Request, price_of
from evalloop.records.variant import Variant
from evalloop.targets import sse
from evalloop.targets.connections import Answer, Connections
from evalloop.targets.session import Session
from evalloop.targets.wire import FATAL, MODEL_OPTIONS, RETRYABLE, URL, from_json, priced, retry_after, to_json

DEFAULT_URL = "https://api.openai.com/v1"
DEFAULT_KEY = "OPENAI_API_KEY"
_NEVER_PARAMS = ("stream", "messages", "n")


class OpenAITarget:
    """Calls ``POST <base_url>/chat/completions``."""

    name = "openai"
    version = "1"
    schema: Mapping[str, Any] = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "base_url": {"type": "string", "pattern": URL,
                         "description": f"address before /chat/completions; default OPENAI_BASE_URL or {DEFAULT_URL}"},
            "api_key_env": {"type": "string", "pattern": "^[A-Z][A-Z0-9_]*_API_KEY$",
                            "description": f"environment variable with the key, allowed by the setting allow_keys; "
                                           f"default {DEFAULT_KEY}, sent only where base_url is the default"},
            **MODEL_OPTIONS,
        },
    }

    def price(self, variant: Variant) -> Price | None:
        """The price that the variant gives."""
        return price_of(variant.options)

    def open(self, variant: Variant, services: Services) -> OpenAICaller:
        """A caller with its own session; raises ConfigError for a missing model or key."""
        place = f"variant {variant.name}"
        if not variant.model:
            raise ConfigError("the variant names no model", file=place, key="model", fix="model: name-of-the-model")
        wrong = [name for name in _NEVER_PARAMS if name in variant.params]
        if wrong:
            raise ConfigError(f"{wrong[0]!r} cannot be set here", file=place, key=f"params.{wrong[0]}",
                              fix="take it out; repeats draw several answers")
        url = _address(variant, place)
        return OpenAICaller(variant, url, _key(variant, url, services.allowed_keys, place))


class OpenAICaller:
    """An open session with one server."""

    def __init__(self, variant: Variant, url: str, key: str | None) -> None:
        self._model = variant.model
        self._variant = variant.name
        self._url = url.rstrip("/") + "/chat/completions"
        self._key = key
        self._options = variant.options
        self._stream = bool(variant.options.get("stream"))
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {key}"} if key else {})
        self._way = _way_to(self._url, headers, streamed=self._stream)

    async def call(self, request: Request) -> Reply:
        """One answer; raises TargetError for a refusal, a broken connection or an answer that is none."""
        asked = {**request.params, "model": self._model, "messages": list(request.messages)}
        began = time.monotonic()
        try:
            if isinstance(self._way, Connections):
                answer: Answer | sse.Gathered = await self._way.post(to_json(asked))
            elif self._stream:
                answer = await self._way.stream(to_json({**asked, **sse.ASK}))
            else:
                answer = await self._way.post(to_json(asked))
        except OSError as error:
            raise TargetError(f"no answer from {self._url}: {type(error).__name__}: {self._hidden(str(error))}",
                              retryable=True, fix="is the server up, and base_url right?") from None
        latency = time.monotonic() - began
        if isinstance(answer, sse.Gathered):
            first = None if answer.first is None else round(answer.first - began, 6)
            return replace(self._reply(answer.data, latency), ttft_s=first)
        if answer.status != 200:
            raise self._refused(answer)
        return self._reply(answer.body, latency)

    async def close(self) -> None:
        """Closes the connections."""
        await self._way.close()

    def _reply(self, data: bytes, latency: float) -> Reply:
        try:
            answer = from_json(data)
            choice = answer["choices"][0]
            message = choice["message"]
        except (ValueError, LookupError, TypeError):
            raise TargetError(f"the answer is no chat completion: {self._hidden(repr(data))[:120]}", retryable=True,
                              fix="is base_url the address before /chat/completions?") from None
        reply = Reply(text=_text(message.get("content")), tool_calls=tuple(message.get("tool_calls") or ()),
                      finish_reason=choice.get("finish_reason"), model=answer.get("model") or self._model,
                      usage=_usage(answer.get("usage")), latency_s=round(latency, 6))
        return priced(reply, self._options)

    def _refused(self, answer: Answer) -> TargetError:
        status, data = answer.status, answer.body
        error = _error_of(data)
        broke = status == 429 and error.get("code") == "insufficient_quota"
        text = self._hidden(str(error.get("message") or data[:200].decode("utf-8", "replace")))[:300]
        return TargetError(f"{self._url} answered {status}: {text}", variant=self._variant,
                           retryable=status in RETRYABLE and not broke, retry_after=retry_after(answer.headers),
                           limited=status in (429, 529) and not broke, fatal=status in FATAL or broke,
                           fix=_mend(status, broke))

    def _hidden(self, text: str) -> str:
        return text.replace(self._key, "(key)") if self._key else text


def _way_to(url: str, headers: Mapping[str, str], *, streamed: bool) -> Connections | Session:
    """The fast way, or aiohttp's where the answer is streamed or a proxy stands between."""
    proxies = bool(urllib.request.getproxies())
    return Session(url, headers, proxies=proxies) if streamed or proxies else Connections(url, headers)


def _address(variant: Variant, place: str) -> str:
    url = variant.options.get("base_url") or os.environ.get("OPENAI_BASE_URL") or DEFAULT_URL
    if not re.match(URL, str(url)):
        raise ConfigError("base_url is no plain address", file=place, key="options.base_url",
                          fix="write https://host/path without user, password and query; keys go into the environment")
    return str(url)


def _key(variant: Variant, url: str, allowed: frozenset[str], place: str) -> str | None:
    """The key that may be sent; a variant's own address gets a key only when the variant names it."""
    named = variant.options.get("api_key_env")
    own_address = "base_url" in variant.options
    if own_address and not named:
        return None
    name = str(named or DEFAULT_KEY)
    host = urlsplit(url).hostname or ""
    permit = f"{name}@{host}"
    if (own_address or name != DEFAULT_KEY) and permit not in allowed and not _is_here(host):
        raise ConfigError(f"the key {name} may not be sent to {host}", file=place, key="options.api_key_env",
                          fix=f'if that is where it belongs, add it to evalloop.toml: allow_keys = ["{permit}"]')
    key = os.environ.get(name)
    if not key:
        raise ConfigError(f"the environment has no {name}", file=place, key="options.api_key_env",
                          fix=f"export {name}=..., or set options.base_url for a server without a key")
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"{name} holds a character that no key has, perhaps a line break", file=place,
                          key="options.api_key_env", fix="set it again")
    return key


def _is_here(host: str) -> bool:
    """True for an address of this machine itself."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _text(content: Any) -> str:
    if isinstance(content, Sequence) and not isinstance(content, str):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, Mapping))
    return content if isinstance(content, str) else ""


def _usage(usage: Any) -> dict[str, int]:
    if not isinstance(usage, Mapping):
        return {}
    return {"input_tokens": int(usage.get("prompt_tokens") or 0),
            "output_tokens": int(usage.get("completion_tokens") or 0)}


def _error_of(data: bytes) -> Mapping[str, Any]:
    try:
        error = from_json(data)["error"]
    except (ValueError, LookupError, TypeError):
        return {}
    return error if isinstance(error, Mapping) else {"message": error}


def _mend(status: int, broke: bool) -> str:
    if broke:
        return "the account has no credit left"
    return {401: "check the key", 403: "check the key's rights", 404: "check base_url and model",
            429: "lower -j"}.get(status, "")

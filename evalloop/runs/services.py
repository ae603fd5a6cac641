"""The host's services for targets and graders: the judge model and the embedder, cached and within the budget."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from evalloop.contracts import Embedder
from evalloop.errors import ConfigError
from evalloop.records.call import Reply, Request
from evalloop.records.variant import Variant
from evalloop.runs.calls import Calls
from evalloop.store.cache import Keys

Complete = Callable[[Sequence[Mapping[str, Any]], str, Mapping[str, Any]], Awaitable[Reply]]
"""(messages, model, params) -> Reply; raises TargetError."""


class Host:
    """What all trials of a run share; ``for_trial`` gives each its own Services."""

    def __init__(self, *, root: Path, allowed: frozenset[str] = frozenset(), allowed_keys: frozenset[str] = frozenset(),
                 allowed_commands: frozenset[str] = frozenset(), complete: Complete | None = None,
                 judge_model: str = "", judge_base_url: str = "", calls: Calls | None = None,
                 embedder: Embedder | None = None) -> None:
        self.root = root
        self.allowed = allowed
        self.allowed_commands = allowed_commands
        self.allowed_keys = allowed_keys
        self.calls = calls
        self.judge_model = judge_model
        self._complete = complete
        self._judge_base_url = judge_base_url
        self._embedder = embedder
        self._keys: dict[str, Keys] = {}

    def for_trial(self) -> TrialServices:
        """Services that tell apart the votes of one trial: the n-th same question is another sample."""
        return TrialServices(self)

    async def ask(self, messages: Sequence[Mapping[str, Any]], model: str | None, params: Mapping[str, Any],
                  sample: Callable[[bytes], int]) -> Reply:
        """One answer of the judge; ``sample`` numbers questions that are the same."""
        name = model or self.judge_model
        complete, calls = self._complete, self.calls
        if not name or complete is None or calls is None:
            raise ConfigError("this grader needs a judge model, and none is set", key="judge_model",
                              fix="set judge_model in evalloop.toml, or EVALLOOP_JUDGE_MODEL")
        keys = self._keys.get(name) or self._keys.setdefault(name, self._judge_keys(name))
        number = sample(keys.key(Request("", tuple(messages), params)))
        key = keys.key(Request("", tuple(messages), params, number))
        return await calls.ask(key, lambda: complete(messages, name, params))

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One vector for each text, made beside the event loop."""
        embedder = self._embedder
        if embedder is None:
            raise ConfigError("this grader needs an embedder, and none is set", key="embedder",
                              fix="set embedder in evalloop.toml; evalloop plugins lists them")
        vectors = await asyncio.to_thread(embedder.embed, texts)
        rows: list[list[float]] = vectors.tolist()
        return rows

    def _judge_keys(self, model: str) -> Keys:
        return Keys("judge", "1", Variant(model, "judge", model, options={"base_url": self._judge_base_url}))


class TrialServices:
    """The Services of one trial."""

    def __init__(self, host: Host) -> None:
        self.root = host.root
        self.allowed = host.allowed
        self.allowed_commands = host.allowed_commands
        self.allowed_keys = host.allowed_keys
        self.judge_model = host.judge_model
        self._host = host
        self._asked: Counter[bytes] = Counter()

    async def complete(self, messages: Sequence[Mapping[str, Any]], *, model: str | None = None,
                       params: Mapping[str, Any] | None = None) -> Reply:
        """One answer of the judge model; asking the same again draws another sample."""
        return await self._host.ask(messages, model, params or {}, self._sample)

    async def embed(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        """One vector for each text, by the configured embedder."""
        return await self._host.embed(texts)

    def _sample(self, key: bytes) -> int:
        self._asked[key] += 1
        return self._asked[key] - 1

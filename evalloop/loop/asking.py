"""The judge model for the stages before runs: many questions at once, cached, retried, and within a number of calls."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from evalloop.errors import ConfigError
from evalloop.loop.project import Project


@dataclass
class Asker:
    """Asks the judge model of a project; ``max_calls`` new calls at most in its life, cached answers are free.

    ``refused`` counts questions without an answer, ``problems`` says why (one text for each reason).
    """

    project: Project
    max_calls: int
    refused: int = 0
    problems: set[str] = field(default_factory=set)

    def __call__(self, questions: Sequence[list[dict[str, str]]]) -> list[str | None]:
        """The text of each answer, in order; None where the calls were used up or the provider failed."""
        if not self.project.config.judge_model:
            raise ConfigError("this needs a model", key="judge_model", fix="set judge_model in evalloop.toml")
        return asyncio.run(self._all(questions)) if questions else []

    async def _all(self, questions: Sequence[list[dict[str, str]]]) -> list[str | None]:
        from evalloop import model
        from evalloop.runs.budget import Budget
        from evalloop.runs.calls import Calls
        from evalloop.runs.session import cache_path
        from evalloop.runs.throttle import Throttle
        from evalloop.store.cache import CallCache

        config = self.project.config
        cache = CallCache(cache_path(config)) if config.cache else None
        try:
            calls = Calls(budget=Budget(max_calls=self.max_calls), throttle=Throttle(config.concurrency),
                          retries=config.retries, timeout=config.timeout, cache=cache, target="themes",
                          seed=config.seed)
            found = await asyncio.gather(*(self._one(calls, each) for each in questions))
            self.max_calls -= calls.budget.calls
            return list(found)
        finally:
            await model.close()
            if cache is not None:
                cache.close()

    async def _one(self, calls: object, question: Sequence[Mapping[str, str]]) -> str | None:
        from evalloop import model
        from evalloop.errors import EvalloopError
        from evalloop.records.call import Request
        from evalloop.records.variant import Variant
        from evalloop.runs.calls import Calls
        from evalloop.store.cache import Keys

        assert isinstance(calls, Calls)
        name, base_url = self.project.config.judge_model, self.project.config.judge_base_url or None
        keys = Keys("themes", "1", Variant(name="themes", target="litellm", model=name, options={"base_url": base_url}))
        try:
            reply = await calls.ask(keys.key(Request("", tuple(question), {})), lambda: model.complete(
                question, name, {}, base_url=base_url, api_key=model.judge_key()))
        except EvalloopError as error:
            self.refused += 1
            self.problems.add(error.message)
            return None
        return reply.text

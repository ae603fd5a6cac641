"""The suite in DeepEval: the application is called first, through aiohttp, then ``evaluate`` judges its outputs.

DeepEval's own cache of results is off: with it each case rewrites the whole file. Arguments: base URL, number of cases,
calls in flight.
"""

from __future__ import annotations

import asyncio
import sys

from client import Client
from deepeval import evaluate
from deepeval.evaluate.configs import AsyncConfig, CacheConfig, DisplayConfig
from deepeval.metrics import BaseMetric, PatternMatchMetric
from deepeval.test_case import LLMTestCase


class Contains(BaseMetric):
    """A text is in the output."""

    def __init__(self, text: str) -> None:
        self.text, self.threshold, self.async_mode = text, 0.5, True
        self.score, self.success, self.reason, self.error = 0.0, False, "", None

    def measure(self, test_case: LLMTestCase, *_: object, **__: object) -> float:
        """One when it is there."""
        self.success = self.text in test_case.actual_output
        self.score = float(self.success)
        return self.score

    async def a_measure(self, test_case: LLMTestCase, *_: object, **__: object) -> float:
        """The same."""
        return self.measure(test_case)

    def is_successful(self) -> bool:
        """Whether it was there."""
        return self.success

    @property
    def __name__(self) -> str:
        return "contains"


async def outputs(base_url: str, questions: list[str], in_flight: int) -> list[str]:
    """All answers, at most ``in_flight`` calls at once."""
    gate = asyncio.Semaphore(in_flight)
    async with Client(base_url) as client:
        async def one(question: str) -> str:
            async with gate:
                return await client.ask(question)

        return await asyncio.gather(*map(one, questions))


def main(base_url: str, cases: int, in_flight: int) -> None:
    """Runs the suite and checks that all cases passed."""
    questions = [f"Sum up: {n} + {n}" for n in range(cases)]
    answers = asyncio.run(outputs(base_url, questions, in_flight))
    tests = [LLMTestCase(input=question, actual_output=answer)
             for question, answer in zip(questions, answers, strict=True)]
    result = evaluate(tests, [Contains("Answer"), PatternMatchMetric(pattern="Answer [0-9]+.*")],
                      async_config=AsyncConfig(max_concurrent=in_flight), cache_config=CacheConfig(write_cache=False),
                      display_config=DisplayConfig(show_indicator=False, print_results=False))
    passed = sum(bool(each.success) for each in result.test_results)
    assert passed == cases, passed
    print(passed)


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

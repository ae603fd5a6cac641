"""The suite in pydantic-evals; the model is asked through one aiohttp session, the fastest client there is for it.

Arguments: base URL (or ``-``: no model, the answer is at hand), number of cases, calls in flight.
"""

from __future__ import annotations

import asyncio
import re
import sys
from contextlib import AsyncExitStack
from dataclasses import dataclass

from pydantic_evals import Case, Dataset
from pydantic_evals.evaluators import Contains, Evaluator, EvaluatorContext


@dataclass
class Matches(Evaluator):
    """A regular expression is found in the output."""

    pattern: str

    def evaluate(self, ctx: EvaluatorContext) -> bool:
        """Whether it is found."""
        return re.search(self.pattern, ctx.output) is not None


async def main(base_url: str, cases: int, in_flight: int) -> None:
    """Runs the suite and checks that all cases passed."""
    suite = Dataset(name="sums", cases=[Case(name=f"c-{n:06d}", inputs=f"Sum up: {n} + {n}") for n in range(cases)],
                    evaluators=[Contains(value="Answer"), Matches(pattern="Answer [0-9]+")])
    async with AsyncExitStack() as stack:
        if base_url == "-":
            async def task(question: str) -> str:
                return f"Answer 42 to: {question}"
        else:
            from client import Client

            task = (await stack.enter_async_context(Client(base_url))).ask
        report = await suite.evaluate(task, max_concurrency=in_flight, progress=False)
    passed = sum(all(each.value for each in case.assertions.values()) for case in report.cases)
    assert passed == cases, (passed, report.failures[:1])
    print(passed)


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))

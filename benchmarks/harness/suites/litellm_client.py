"""litellm alone: the same calls, their answers parsed and thrown away. Arguments: base URL, calls, calls in flight."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Iterator

os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
import litellm


async def ask(base_url: str, numbers: Iterator[int]) -> None:
    """One worker: asks until no number is left."""
    for number in numbers:
        answer = await litellm.acompletion(model="openai/m", api_base=base_url, api_key="none", max_retries=0,
                                           messages=[{"role": "user", "content": f"Sum up: {number} + {number}"}])
        assert "Answer" in answer.choices[0].message.content


async def main(base_url: str, calls: int, in_flight: int) -> None:
    """All calls, at most ``in_flight`` at once."""
    numbers = iter(range(calls))
    await asyncio.gather(*(ask(base_url, numbers) for _ in range(in_flight)))


asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))

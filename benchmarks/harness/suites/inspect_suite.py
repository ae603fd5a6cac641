"""The suite in Inspect, asked through its own OpenAI-compatible provider; it writes its log, as evalloop does.

Arguments: base URL, number of cases, calls in flight.
"""

from __future__ import annotations

import sys
import tempfile

from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.model import get_model
from inspect_ai.scorer import includes, pattern
from inspect_ai.solver import generate


def main(base_url: str, cases: int, in_flight: int) -> None:
    """Runs the suite and checks that all cases passed."""
    samples = [Sample(id=n + 1, input=f"Sum up: {n} + {n}", target="Answer") for n in range(cases)]
    model = get_model("openai-api/local/m", base_url=base_url, api_key="none", responses_api=False)
    task = Task(dataset=MemoryDataset(samples), solver=generate(), scorer=[includes(), pattern("(Answer) [0-9]+")])
    with tempfile.TemporaryDirectory() as folder:
        [log] = eval(task, model=model, max_connections=in_flight, max_samples=in_flight, display="none",
                     log_dir=folder, log_level="warning", adaptive_connections=False)
        assert log.status == "success", log.error
        means = [score.metrics["accuracy"].value for score in log.results.scores]
    assert means == [1.0, 1.0], means
    print(cases)


main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))

"""Feedback as other platforms export it: one mapping file for each, and code only for what a mapping cannot say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from evalloop.capture.platforms import reshape
from evalloop.contracts import RawRow

HERE = Path(__file__).parent


@dataclass
class Shipped:
    """A platform whose mapping lies in this folder."""

    name: str
    reshape: Callable[[Iterator[RawRow]], Iterator[RawRow]] = reshape.unchanged
    version: str = "1"

    @property
    def mapping(self) -> Path:
        """The mapping file that makes events of the platform's rows."""
        return HERE / f"{self.name}.yaml"

    def rows(self, rows: Iterator[RawRow]) -> Iterator[RawRow]:
        """The rows that the mapping reads."""
        return self.reshape(rows)


SHIPPED = (
    Shipped("braintrust", reshape.braintrust),
    Shipped("copilot", reshape.copilot),
    Shipped("copilot_metrics", reshape.copilot_metrics),
    Shipped("helicone", reshape.helicone),
    Shipped("langfuse", reshape.langfuse),
    Shipped("langsmith"),
    Shipped("mlflow", reshape.mlflow),
    Shipped("open_webui", reshape.open_webui),
    Shipped("opik", reshape.opik),
    Shipped("phoenix", reshape.phoenix),
    Shipped("posthog", reshape.posthog),
    Shipped("preferences", reshape.preferences),
    Shipped("raindrop"),
    Shipped("tensorzero", reshape.tensorzero),
)

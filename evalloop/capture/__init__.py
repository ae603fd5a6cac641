"""Stage capture: rows of files become events - mapped, masked, checked; ``Client`` reports them from a live product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalloop.hookspecs import hookimpl

if TYPE_CHECKING:
    from evalloop.capture.client import Client, Limits
    from evalloop.contracts import Platform, Source

__all__ = ["Client", "Limits", "evalloop_platforms", "evalloop_sources"]


def __getattr__(name: str) -> Any:
    if name not in ("Client", "Limits"):
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from evalloop.capture import client

    return getattr(client, name)


@hookimpl
def evalloop_sources() -> list[Source]:
    """The readers of files that come with evalloop."""
    from evalloop.capture.sources import CsvSource, DatasetsSource, JsonlSource, JsonSource, ParquetSource

    return [CsvSource(), DatasetsSource(), JsonSource(), JsonlSource(), ParquetSource()]


@hookimpl
def evalloop_platforms() -> list[Platform]:
    """The platforms whose feedback evalloop knows how to read."""
    from evalloop.capture.platforms import SHIPPED

    return list(SHIPPED)

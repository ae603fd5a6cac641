"""Stage preferences: what users did becomes training data, with weights, consent and provenance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evalloop.hookspecs import hookimpl

if TYPE_CHECKING:
    from evalloop.contracts import TrainingFormat


@hookimpl
def evalloop_training_formats() -> list[TrainingFormat]:
    """The formats of training data that come with evalloop."""
    from evalloop.preferences.formats import FORMATS

    return list(FORMATS)

"""Every hook, in the order of the loop.

A plugin is a module (or object) with functions marked ``@evalloop.hookimpl``; a package names it in the entry-point
group ``evalloop``. Every hook returns a list of objects (contracts.py says what they look like). A hook may be called
more than once in a process and must be cheap: import heavy libraries inside the objects' methods.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from evalloop.contracts import (
        Channel,
        Clusterer,
        Detector,
        Embedder,
        Exporter,
        Grader,
        Importer,
        Labeler,
        Platform,
        Renderer,
        Source,
        Target,
        TrainingFormat,
    )

PROJECT = "evalloop"
hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


# ---- capture -------------------------------------------------------------------------------------------------------


@hookspec
def evalloop_sources() -> list[Source]:  # type: ignore[empty-body]
    """Readers of raw rows.

    When: a capture needs to open a place.
    Returns: objects with ``matches(place)`` and ``rows(place)``.
    On error: a name used twice is refused, both owners are named.
    Since: 0.1
    """


@hookspec
def evalloop_platforms() -> list[Platform]:  # type: ignore[empty-body]
    """Platforms whose exports can be captured by name.

    When: ``evalloop capture --from NAME`` reads an export, and ``evalloop capture --list``.
    Returns: objects with ``mapping`` (a mapping file) and ``rows(rows)``.
    On error: a name used twice is refused, both owners are named.
    Since: 0.1
    """


# ---- signals -------------------------------------------------------------------------------------------------------


@hookspec
def evalloop_detectors() -> list[Detector]:  # type: ignore[empty-body]
    """Detectors that derive signals from turns and acts.

    When: signals are derived.
    Returns: objects with ``kind`` and ``detect(evidence)``, which gives an Ibis table.
    On error: a name used twice is refused, both owners are named.
    Since: 0.1
    """


# ---- clusters ------------------------------------------------------------------------------------------------------


@hookspec
def evalloop_embedders() -> list[Embedder]:  # type: ignore[empty-body]
    """Embedders of short texts.

    When: failures are clustered, or the grader ``similar`` runs.
    Returns: objects with ``embed(texts)``.
    On error: a name used twice is refused, both owners are named.
    Since: 0.1
    """


@hookspec
def evalloop_clusterers() -> list[Clusterer]:  # type: ignore[empty-body]
    """Algorithms that group vectors.

    When: failures are clustered.
    Returns: objects with ``cluster(vectors, seed=)``.
    On error: a name used twice is refused, both owners are named.
    Since: 0.1
    """


@hookspec
def evalloop_labelers() -> list[Labeler]:  # type: ignore[empty-body]
    """Labelers that name groups.

    When: failures are clustered.
    Returns: objects with ``label(texts, groups, vectors)``.
    On error: a name used twice is refused, both owners are named.
    Since: 0.1
    """


# ---- cases ---------------------------------------------------------------------------------------------------------


@hookspec
def evalloop_importers() -> list[Importer]:  # type: ignore[empty-body]
    """Readers of other tools' suites.

    When: ``evalloop import`` turns a suite into an evalset.
    Returns: objects with ``fields``, ``matches(place)`` and ``read(place, fields)``.
    On error: a name used twice is refused, both owners are named.
    Since: 0.1
    """


# ---- runs ----------------------------------------------------------------------------------------------------------


@hookspec
def evalloop_targets() -> list[Target]:  # type: ignore[empty-body]
    """Targets that make outputs for variants.

    When: a variant file is read, and when a run starts.
    Returns: objects with ``schema`` and ``open(variant, services)``.
    On error: a name used twice is refused, both owners are named.
    Since: 0.1
    """


@hookspec
def evalloop_graders() -> list[Grader]:  # type: ignore[empty-body]
    """Graders that judge outputs.

    When: an evalset is read (to check names and options), and when a trial is graded.
    Returns: objects with ``schema``, ``short``, ``deterministic``, ``needs`` and ``grade(context, options)``.
    On error: a name used twice is refused, both owners are named.
    Since: 0.1
    """


# ---- report --------------------------------------------------------------------------------------------------------


@hookspec
def evalloop_renderers() -> list[Renderer]:  # type: ignore[empty-body]
    """Formats of the comparison report.

    When: ``evalloop compare`` or ``evalloop report`` writes a report.
    Returns: objects with ``suffix`` and ``render(data)``.
    On error: a name used twice is refused, both owners are named.
    Since: 0.1
    """


@hookspec
def evalloop_exporters() -> list[Exporter]:  # type: ignore[empty-body]
    """Formats that a run can be exported to.

    When: ``evalloop export`` writes a run for another tool.
    Returns: objects with ``suffix`` and ``export(run, trials, place)``.
    On error: a name used twice is refused, both owners are named.
    Since: 0.1
    """


# ---- preferences ---------------------------------------------------------------------------------------------------


@hookspec
def evalloop_training_formats() -> list[TrainingFormat]:  # type: ignore[empty-body]
    """Formats of training data.

    When: ``evalloop export`` writes preference pairs or judged answers for a trainer.
    Returns: objects with ``about`` and ``write(data, folder)``.
    On error: a name used twice is refused, both owners are named.
    Since: 0.1
    """


# ---- notes ---------------------------------------------------------------------------------------------------------


@hookspec
def evalloop_channels() -> list[Channel]:  # type: ignore[empty-body]
    """Ways of notices to users.

    When: ``evalloop notify`` tells users that what they complained of got better.
    Returns: objects with ``matches(place)`` and ``send(notice, place, options)``.
    On error: a name used twice is refused, both owners are named.
    Since: 0.1
    """

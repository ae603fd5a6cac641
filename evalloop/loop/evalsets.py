"""Cases: themes become candidate cases, files become evalsets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from evalloop.errors import EmptyError, UsageError
from evalloop.loop.project import Project

if TYPE_CHECKING:
    from evalloop.cases.check import Checked
    from evalloop.records.case import Evalset
    from evalloop.records.known import KnownFailure
    from evalloop.records.variant import Variant

def load_evalset(project: Project, place: Path | str) -> Evalset:
    """The evalset at a path, or of that name in the project's folder of evalsets, checked against all graders."""
    from evalloop.cases import suite

    config = project.config
    places = (Path(place), config.root / place, config.evalsets_dir / place)
    path = next((each for each in places if each.exists()), places[0])
    return suite.load(path, project.objects("graders"))


def known_failures(evalset: Evalset) -> list[KnownFailure]:
    """The cases of an evalset that may fail until a date: what ``known-failures.yaml`` beside it says."""
    from evalloop.cases import known

    return known.load(evalset)


def choose_variants(project: Project, evalset: Evalset, given: Sequence[str] = ()) -> dict[str, Variant]:
    """The variants by name: those that ``given`` names (``NAME`` or ``NAME=FILE``), else all of the evalset.

    The name of a grid, or a pattern (``grid.*``), means all variants that fit.
    """
    from fnmatch import fnmatchcase

    from evalloop.cases import variants

    root, targets = project.config.root, project.objects("targets")
    if not given:
        return variants.of_evalset(evalset, root, targets)
    chosen: dict[str, Variant] = {}
    for text in given:
        name, _, file = text.partition("=")
        path = Path(file) if file else root / "variants" / f"{name}.yaml"
        if not file and name in evalset.variants:
            part = replace(evalset, variants={name: evalset.variants[name]})
            chosen |= variants.of_evalset(part, root, targets)
        elif path.is_file():
            chosen |= variants.load_all(name, path, root, targets)
        elif fitting := {each: variant for each, variant in variants.of_evalset(evalset, root, targets).items()
                         if not file and fnmatchcase(each, name)}:
            chosen |= fitting
        else:
            raise UsageError(f"no variant {name!r}" + (f" at {file}" if file else ""),
                             fix=f"variants of {evalset.name}: {', '.join(evalset.variants) or 'none'}; "
                                 "or a file: variants/NAME.yaml, --variant NAME=FILE")
    return chosen


def check_evalsets(project: Project, path: Path | None = None) -> list[Checked]:
    """Every evalset at ``path`` (default: the project's) with its problems; EmptyError when there is none."""
    from evalloop.cases import check, suite

    place = path or near_here(project.config.evalsets_dir)
    found = suite.find(place)
    if not found:
        raise EmptyError(f"no evalset in {place}", fix="write one, or let evalloop grow make candidate cases")
    graders, targets = project.objects("graders"), project.objects("targets")
    return [check.check(each, graders, targets, project.config.root) for each in found]


def near_here(path: Path) -> Path:
    """A path as people see it: relative when it lies under the current folder."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path

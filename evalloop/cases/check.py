"""Checks one evalset with its variants, and keeps the problems instead of raising them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from evalloop.cases import suite, variants
from evalloop.cases.usable import Skipped
from evalloop.contracts import Grader, Target
from evalloop.errors import RecordError, RecordErrors
from evalloop.records.case import Case


@dataclass(frozen=True)
class Checked:
    """What one evalset holds, or what is wrong with it."""

    path: Path
    name: str = ""
    cases: tuple[Case, ...] = ()
    variants: tuple[str, ...] = ()
    problems: tuple[RecordError, ...] = ()

    def clusters(self) -> dict[str, int]:
        """Cases of each cluster, by name."""
        return dict(sorted(Counter(case.cluster for case in self.cases).items()))


@dataclass(frozen=True)
class Grown:
    """What one growing brought: the candidates, the files that changed, and what could not be used.

    ``branch`` is the branch of git that got them, if any, with ``commits`` new ones; ``pull_request`` is the address of
    the pull request, ``commands`` are those that open one by hand.
    """

    cases: tuple[Case, ...]
    changed: tuple[Path, ...]
    skipped: tuple[Skipped, ...]
    branch: str | None = None
    commits: tuple[str, ...] = ()
    pull_request: str | None = None
    commands: tuple[str, ...] = ()


def check(path: Path, graders: Mapping[str, Grader], targets: Mapping[str, Target], root: Path) -> Checked:
    """The evalset at ``path`` with the problems of its files and of its variants."""
    try:
        evalset = suite.load(path, graders)
        found = variants.of_evalset(evalset, root, targets)
    except RecordErrors as error:
        return Checked(path, problems=tuple(error.errors))
    return Checked(path, evalset.name, evalset.cases, tuple(found))

"""What the plugin knows of one session: the project, its evalsets, and the trials that run ahead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

from evalloop import loop
from evalloop.config import find_root
from evalloop.errors import PluginError, UsageError
from evalloop.pytest_plugin import CONFTESTS, SUITES, begins_evalset
from evalloop.pytest_plugin.options import Options
from evalloop.records.case import Case, Evalset
from evalloop.records.known import KnownFailure
from evalloop.records.run import Trial
from evalloop.records.variant import Variant
from evalloop.runs.plan import default_name

if TYPE_CHECKING:
    from evalloop.runs.regrade import Saved

KEY: pytest.StashKey[State] = pytest.StashKey()


@dataclass(frozen=True)
class Job:
    """What one item asks for: a case under a variant, ``repeats`` times."""

    evalset: Evalset
    case: Case
    variant: Variant
    repeats: int

    @property
    def group(self) -> tuple[str, str]:
        """What all items of one run share."""
        return self.evalset.path, self.variant.name


class Results(Protocol):
    """Where the trials of items come from."""

    def result(self, nodeid: str, job: Job) -> list[Trial]:
        """The trials of the item, waiting for them if need be."""


class State:
    """One per session (and per xdist worker)."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.options = Options.of(config)
        self.project = loop.open_project(home_of(config), concurrency=self.options.concurrency,
                                         cache=self.options.cache)
        self.today = date.today().isoformat()
        self.results: Results | None = None
        self.planned: dict[tuple[str, str], list[str]] = {}
        self._evalsets: dict[Path, Evalset] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._heads: dict[str, Evalset] = {}
        self._cases: dict[str, Mapping[Path, list[Case]]] = {}
        self._variants: dict[str, Mapping[str, Variant]] = {}
        self._known: dict[str, Mapping[str, list[KnownFailure]]] = {}
        self._marks: set[str] = set()
        self._conftests = 0

    def add_conftests(self) -> None:
        """Registers the conftest files with hooks that were loaded since the last time; raises PluginError."""
        modules = self.config.stash[CONFTESTS]
        for module in modules[self._conftests:]:
            self._conftests += 1
            name = str(module.__file__)
            loaded = self.project.host.add(name, module, origin="conftest")
            if loaded.state != "ok":
                raise PluginError(loaded.problem, plugin=name, fix="mend the hooks of this conftest.py")

    def evalset(self, place: Path) -> Evalset:
        """The evalset that a file belongs to: its folder when that has a suite file, else the file itself."""
        folder = place.parent
        suite = not place.is_dir() and any(begins_evalset(folder / name) for name in SUITES)
        home = folder if suite else place
        if home not in self._evalsets:
            self.add_conftests()
            evalset = loop.load_evalset(self.project, home)
            accepted = tuple(case for case in evalset.cases if case.status == "accepted")
            loop.check_services(self.project, replace(evalset, cases=accepted))
            self._evalsets[home] = evalset
        return self._evalsets[home]

    def run_name(self, job: Job) -> str:
        """The name of the run that the trials of a job are kept in."""
        if job.group not in self._names:
            self._names[job.group] = default_name(job.evalset.name, job.variant.name, started(self.config))
        return self._names[job.group]

    def head(self, evalset: Evalset) -> Evalset:
        """An evalset without its cases."""
        if evalset.path not in self._heads:
            self._heads[evalset.path] = replace(evalset, cases=())
        return self._heads[evalset.path]

    def cases(self, evalset: Evalset, file: Path) -> list[Case]:
        """The accepted cases of an evalset that are written in this file."""
        if evalset.path not in self._cases:
            self._cases[evalset.path] = by_file(evalset)
        return self._cases[evalset.path].get(file, [])

    def variants(self, evalset: Evalset) -> Mapping[str, Variant]:
        """The variants to run: of the replayed runs, or those that were asked for, or all of the evalset."""
        if evalset.path not in self._variants:
            self._variants[evalset.path] = self._choose(evalset)
        return self._variants[evalset.path]

    def _choose(self, evalset: Evalset) -> Mapping[str, Variant]:
        if self.saved is not None:
            return self.saved.variants(evalset.name)
        chosen = loop.choose_variants(self.project, evalset, self.options.variants)
        if not chosen:
            raise UsageError(f"evalset {evalset.name!r} names no variants",
                             fix="add `variants:` to its suite.yaml, or give --evalloop-variant NAME=FILE")
        baseline = self.options.baseline
        if baseline and baseline not in chosen:
            self._check_baseline(baseline, evalset)
        return chosen

    def _check_baseline(self, baseline: str, evalset: Evalset) -> None:
        """Raises UsageError before anything is paid for when there is no such run."""
        if baseline != "@baseline":
            loop.find_run(self.project, baseline)
        elif not loop.baseline_path(self.project, evalset.name).is_file():
            raise UsageError(f"the evalset {evalset.name} has no baseline", fix="evalloop baseline set RUN")

    @cached_property
    def saved(self) -> Saved | None:
        """The outputs that are graded again; None when variants are called."""
        return loop.open_saved(self.project, self.options.replay) if self.options.replay else None

    def known(self, evalset: Evalset, case: str, variant: str) -> KnownFailure | None:
        """The entry of the evalset's known failures that covers this case under this variant."""
        if evalset.path not in self._known:
            entries: dict[str, list[KnownFailure]] = {}
            for entry in loop.known_failures(evalset):
                entries.setdefault(entry.case, []).append(entry)
            self._known[evalset.path] = entries
        return next((each for each in self._known[evalset.path].get(case, ()) if each.covers(case, variant)), None)

    def fail_on(self, evalset: Evalset) -> str:
        """gate, case or never."""
        if self.options.fail_on != "auto":
            return self.options.fail_on
        kept = loop.baseline_path(self.project, evalset.name).is_file()
        return "gate" if self.options.baseline or evalset.baseline or kept else "case"

    def register_mark(self, name: str) -> None:
        """Makes a mark known, so that --strict-markers accepts it."""
        if name not in self._marks:
            self._marks.add(name)
            self.config.addinivalue_line("markers", f"{name}: cases of an evalset")

    def plan(self, jobs: Sequence[Job]) -> None:
        """Remembers what this process was to run, for the headers of the runs."""
        for job in jobs:
            self.planned.setdefault(job.group, []).append(job.case.id)

    def trials(self, nodeid: str, job: Job) -> list[Trial]:
        """The trials of one item: run ahead where possible, else now."""
        assert self.results is not None
        return self.results.result(nodeid, job)


def baseline_of(project: loop.Project, options: Options, evalset: Evalset, variants: Iterable[str]) -> str | None:
    """What to compare with: as asked, else the evalset's own among the variants, else the one that is kept in git."""
    if options.baseline or evalset.baseline in (*variants, "@baseline"):
        return options.baseline or evalset.baseline
    return "@baseline" if loop.baseline_path(project, evalset.name).is_file() else None


def by_file(evalset: Evalset) -> dict[Path, list[Case]]:
    """The accepted cases by the file that holds them."""
    named: dict[str, list[Case]] = {}
    for case in evalset.cases:
        if case.status == "accepted" and case.file:
            named.setdefault(case.file, []).append(case)
    return {Path(file).resolve(): cases for file, cases in named.items()}


def started(config: pytest.Config) -> datetime:
    """When the session began; the same on all workers, so that all name its runs alike."""
    listener = config.pluginmanager.get_plugin("evalloop-listener")
    return datetime.fromtimestamp(listener.started, UTC)  # type: ignore[union-attr]


def home_of(config: pytest.Config) -> Path:
    """Where the project of the session is looked for: the first argument that lies in one, else pytest's own root.

    pytest's root may lie above the project, as in a repository with one configuration for many.
    """
    places = (config.invocation_params.dir / arg.partition("::")[0] for arg in config.args)
    return next((root for each in places if (root := find_root(each, config.rootpath)) != config.rootpath),
                config.rootpath)


def state_of(config: pytest.Config) -> State:
    """The session's state, made when the first evalset is collected."""
    if KEY not in config.stash:
        config.stash[KEY] = State(config)
    return config.stash[KEY]

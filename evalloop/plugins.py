"""Builds the plugin host: loads built-ins, entry points and the project's own plugins, refuses bad ones by name."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import inspect
import re
import sys
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType
from typing import Any, Protocol

import pluggy

from evalloop import contracts, hookspecs
from evalloop.errors import PluginError

BUILT_IN = "built-in"
BUILTINS = ("capture", "signals", "clusters", "cases", "targets", "graders", "report", "runs", "preferences", "notes")
KINDS: Mapping[str, type] = {
    "sources": contracts.Source,
    "platforms": contracts.Platform,
    "detectors": contracts.Detector,
    "embedders": contracts.Embedder,
    "clusterers": contracts.Clusterer,
    "labelers": contracts.Labeler,
    "importers": contracts.Importer,
    "targets": contracts.Target,
    "graders": contracts.Grader,
    "renderers": contracts.Renderer,
    "exporters": contracts.Exporter,
    "training_formats": contracts.TrainingFormat,
    "channels": contracts.Channel,
}


@dataclass
class Loaded:
    """One plugin as ``evalloop plugins`` lists it; ``state`` is ok, broken, doubled or disabled."""

    name: str
    origin: str
    version: str = ""
    state: str = "ok"
    problem: str = ""
    trace: str = ""
    provides: dict[str, list[str]] = field(default_factory=dict)


class PluginHost:
    """All plugin objects by kind and name, with their owners."""

    def __init__(self) -> None:
        self.manager = pluggy.PluginManager(hookspecs.PROJECT)
        self.manager.add_hookspecs(hookspecs)
        self.plugins: list[Loaded] = []
        self._objects: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
        self._owners: dict[tuple[str, str], Loaded] = {}
        self._asleep: dict[str, list[tuple[Loaded, ModuleType]]] = {}

    def add_builtin(self, name: str) -> None:
        """Registers a package of evalloop; its objects of a kind are made when that kind is first asked for."""
        module = importlib.import_module(f"evalloop.{name}")
        self.manager.register(module, name=f"{BUILT_IN}:{name}")
        self.plugins.append(Loaded(name, BUILT_IN))
        for kind in KINDS:
            if hasattr(module, f"evalloop_{kind}"):
                self._asleep.setdefault(kind, []).append((self.plugins[-1], module))

    def wake(self, *kinds: str) -> None:
        """Makes the built-in objects of these kinds."""
        for kind in kinds:
            for loaded, module in self._asleep.pop(kind, ()):
                self._take(loaded, _offers(loaded.name, loaded.version, module, [kind]))

    def add(self, name: str, module: object, *, origin: str, version: str = "") -> Loaded:
        """Registers one plugin; a bad one is listed with its problem and none of its objects."""
        loaded = Loaded(name, origin, version)
        self.plugins.append(loaded)
        try:
            _check_hooks(name, version, module)
            self.manager.register(module, name=f"{origin}:{name}")
            offers = list(_offers(name, version, module, KINDS))
            if not offers:
                raise PluginError("gives nothing: no function in it is a hook", plugin=name, version=version,
                                  fix="name the module that holds the @evalloop.hookimpl functions")
        except (Exception, SystemExit) as error:
            return _mark(loaded, "broken", error)
        self.wake(*{kind for kind, _ in offers})
        doubled = [(kind, each) for kind, each in offers if (kind, each.name) in self._owners]
        if doubled:
            return _mark(loaded, "doubled", self._doubled(loaded, doubled))
        self._take(loaded, offers)
        return loaded

    def _take(self, loaded: Loaded, offers: Iterable[tuple[str, Any]]) -> None:
        for kind, each in offers:
            self._objects[kind][each.name] = each
            self._owners[kind, each.name] = loaded
            loaded.provides.setdefault(kind, []).append(each.name)

    def add_failed(self, name: str, error: BaseException, *, origin: str, version: str = "") -> None:
        """Lists a plugin whose import failed."""
        self.plugins.append(_mark(Loaded(name, origin, version), "broken", error))

    def names(self, kind: str) -> list[str]:
        """The names of all objects of a kind, sorted."""
        self.wake(kind)
        return sorted(self._objects[kind])

    def all(self, kind: str) -> list[Any]:
        """All objects of a kind, sorted by name."""
        return [self._objects[kind][name] for name in self.names(kind)]

    def get(self, kind: str, name: str) -> Any:
        """The object of that kind and name; raises PluginError with the valid names."""
        self.wake(kind)
        try:
            return self._objects[kind][name]
        except KeyError:
            raise PluginError(f"no {kind[:-1]} named {name!r}", fix=self._suggest(kind, name)) from None

    def owner(self, kind: str, name: str) -> Loaded:
        """The plugin that gave this object."""
        self.wake(kind)
        return self._owners[kind, name]

    def versions(self) -> dict[str, str]:
        """Name and version of every healthy plugin that is not built in (for run headers)."""
        return {each.name: each.version for each in self.plugins if each.state == "ok" and each.origin != BUILT_IN}

    def problems(self) -> list[Loaded]:
        """The plugins that could not be used."""
        return [each for each in self.plugins if each.state in ("broken", "doubled")]

    def _suggest(self, kind: str, name: str) -> str:
        close = get_close_matches(name, self.names(kind), n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        broken = "".join(f"; plugin {each.name} is {each.state}: {each.problem}" for each in self.problems())
        return f"{hint}known {kind}: {', '.join(self.names(kind)) or 'none'}{broken}"

    def _doubled(self, loaded: Loaded, doubled: list[tuple[str, Any]]) -> PluginError:
        kind, each = doubled[0]
        first = self._owners[kind, each.name]
        return PluginError(
            f"{kind[:-1]} {each.name!r} is given by {first.name} ({first.origin}) and by "
            f"{loaded.name} ({loaded.origin})",
            plugin=loaded.name, version=loaded.version, fix="uninstall or disable one of the two")


def load(*, root: Path | None = None, project: Iterable[str] = (), only: Iterable[str] | None = None,
         disabled: Iterable[str] = (), builtin_only: bool = False) -> PluginHost:
    """The host with built-ins first, then the project's own plugins, then entry points.

    ``project`` are files or package folders under ``root`` that the project's config names; ``only`` limits entry
    points to these names; ``disabled`` leaves some out. Nothing raises: a bad plugin is listed as such.
    """
    host = PluginHost()
    for name in BUILTINS:
        host.add_builtin(name)
    if builtin_only:
        return host
    for place in project:
        for each in _places(root or Path.cwd(), place):
            _load_project(host, (root or Path.cwd()), each)
    for entry in sorted(entry_points(group=hookspecs.PROJECT), key=lambda entry: entry.name):
        _load_entry(host, entry, only=None if only is None else set(only), disabled=set(disabled))
    return host


def _load_entry(host: PluginHost, entry: EntryPoint, *, only: set[str] | None, disabled: set[str]) -> None:
    version = entry.dist.version if entry.dist else ""
    origin = entry.dist.name if entry.dist else "entry point"
    if entry.name in disabled or (only is not None and entry.name not in only):
        host.plugins.append(Loaded(entry.name, origin, version, state="disabled"))
        return
    try:
        module = entry.load()
    except (Exception, SystemExit) as error:
        host.add_failed(entry.name, error, origin=origin, version=version)
        return
    host.add(entry.name, module, origin=origin, version=version)


def _load_project(host: PluginHost, root: Path, place: str) -> None:
    version = ""
    try:
        path = _inside(root, place)
        version = _digest(path)
        module = _import_path(path, place)
    except (Exception, SystemExit) as error:
        host.add_failed(place, error, origin="project", version=version)
        return
    host.add(place, module, origin="project", version=version)


def _places(root: Path, place: str) -> list[str]:
    """A place as it is, or the files that a pattern such as ``graders/*.py`` means, but those beginning with ``_``."""
    pattern = Path(place)
    if not any(sign in place for sign in "*?[") or pattern.is_absolute() or ".." in pattern.parts:
        return [place]
    found = sorted(path for path in root.glob(place) if not path.name.startswith("_"))
    return [path.relative_to(root).as_posix() for path in found] or [place]


def _inside(root: Path, place: str) -> Path:
    path = (root / place).resolve()
    if not path.is_relative_to(root.resolve()):
        raise PluginError(f"{place!r} lies outside the project", fix=f"move it under {root}")
    if not path.exists():
        raise PluginError(f"nothing at {place!r}", fix="name a .py file or a package folder")
    return path


def _digest(path: Path) -> str:
    """The version of a project's own plugin: a hash of its code."""
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    content = b"".join(hashlib.sha256(file.read_bytes()).digest() for file in files)
    return hashlib.sha256(content).hexdigest()[:12]


def _import_path(path: Path, place: str) -> ModuleType:
    """The module of a file, or of a package folder under its own name, so that its parts can import each other."""
    folder = path.is_dir()
    file = path / "__init__.py" if folder else path
    name = path.name if folder else "evalloop_project_" + re.sub(r"\W", "_", place)
    _make_room(name, file)
    spec = importlib.util.spec_from_file_location(
        name, file, submodule_search_locations=[str(path)] if folder else None)
    if spec is None or spec.loader is None or not file.is_file():
        raise PluginError(f"no python module at {place!r}", fix="name a .py file or a package folder")
    module = importlib.util.module_from_spec(spec)
    module.__dict__["__evalloop_project__"] = True
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _make_room(name: str, file: Path) -> None:
    """Forgets what another project loaded under this name; refuses to take the name of an installed module."""
    loaded = sys.modules.get(name)
    if loaded is None:
        return
    if not getattr(loaded, "__evalloop_project__", False):
        raise PluginError(f"the name {name!r} belongs to the module {getattr(loaded, '__file__', None) or 'built in'}",
                          fix=f"rename the folder {file.parent.name!r}, or uninstall the other module")
    for each in [key for key in sys.modules if key == name or key.startswith(f"{name}.")]:
        del sys.modules[each]


def _check_hooks(name: str, version: str, module: object) -> None:
    """Refuses unknown and unmarked ``evalloop_*`` functions, which pluggy would pass over in silence."""
    known = [each for each in vars(hookspecs) if each.startswith("evalloop_")]
    for attribute, value in inspect.getmembers(module, callable):
        if not attribute.startswith("evalloop_"):
            continue
        if attribute not in known:
            close = get_close_matches(attribute, known, n=1)
            raise PluginError(f"unknown hook {attribute!r}", plugin=name, version=version,
                              fix=f"did you mean {close[0]!r}?" if close else f"known hooks: {', '.join(known)}")
        if getattr(value, "evalloop_impl", None) is None:
            raise PluginError(f"{attribute!r} is not marked as a hook", plugin=name, version=version,
                              fix="put @evalloop.hookimpl above it")


def _offers(name: str, version: str, module: object, kinds: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """(kind, object) for all that the plugin gives of these kinds; raises PluginError for what cannot be used."""
    seen: set[tuple[str, str]] = set()
    for kind in kinds:
        contract = KINDS[kind]
        hook = getattr(module, f"evalloop_{kind}", None)
        for each in _listed(kind, hook()) if hook else ():
            problem = _problem(each, contract)
            if not problem and (kind, each.name) in seen:
                problem = f"two {kind} of this plugin are named {each.name!r}"
            if problem:
                raise PluginError(problem, plugin=name, version=version, fix="evalloop/contracts.py lists the members")
            seen.add((kind, each.name))
            yield kind, each


def _listed(kind: str, given: Any) -> Iterable[Any]:
    if not isinstance(given, Iterable):
        raise PluginError(f"evalloop_{kind} returned {given!r}", fix="return a list of objects")
    return given


def _problem(each: object, contract: type) -> str:
    """Why ``each`` is no such object; empty when it is one."""
    if isinstance(each, type):
        return f"{each.__name__} is a class; give an object: {each.__name__}()"
    missing = sorted(member for member in members(contract) if not hasattr(each, member))
    if missing:
        return f"{type(each).__name__} is not a {contract.__name__}: it lacks {', '.join(missing)}"
    wrong = [member for member in ("name", "version") if not isinstance(getattr(each, member), str)
             or not getattr(each, member)]
    return f"{type(each).__name__}.{wrong[0]} must be a text that is not empty" if wrong else ""


def members(contract: type) -> set[str]:
    """The names that an object of this protocol must have."""
    protocols = [base for base in contract.__mro__ if getattr(base, "_is_protocol", False) and base is not Protocol]
    return {name for base in protocols for name in {**vars(base), **inspect.get_annotations(base)} if name[0] != "_"}


def _mark(loaded: Loaded, state: str, error: BaseException) -> Loaded:
    loaded.state = state
    loaded.problem = str(error) if isinstance(error, PluginError) else f"{type(error).__name__}: {error}"
    loaded.trace = "".join(traceback.format_exception(error))
    return loaded

"""Reads variants: what is compared, from a YAML file or from a suite's inline definition."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from evalloop.cases import grid
from evalloop.contracts import Target
from evalloop.errors import RecordError, RecordErrors
from evalloop.records.case import Evalset
from evalloop.records.variant import SLOT, SLOT_FIX, Variant, is_slot_name
from evalloop.store import files, schema, yaml
from evalloop.store.schema import Problem, suggest

_SECRET = re.compile(r"(?i)^(?:x-)?(?:api[-_]?key|authorization|access[-_]?token|secret|password)$")


@dataclass(frozen=True)
class _Place:
    """Where a definition is written: for messages, and for paths relative to it."""

    file: str
    folder: Path
    root: Path
    document: yaml.Document | None = None

    def error(self, problem: Problem) -> RecordError:
        """A problem with its file and line."""
        line = self.document.line(problem.path) if self.document else 0
        return RecordError(problem.message, file=self.file, line=line, field=problem.field, fix=problem.fix)


def load(name: str, definition: Path | Mapping[str, Any], root: Path, targets: Mapping[str, Target] | None = None, *,
         folder: Path | None = None, file: str = "") -> Variant:
    """The one variant ``name`` of a definition, as ``load_all`` reads it; RecordErrors for a grid."""
    found = load_all(name, definition, root, targets, folder=folder, file=file)
    if list(found) != [name]:
        raise RecordErrors([RecordError(f"{name} is a grid of {len(found)} variants", file=file or str(definition)[:80],
                                        field="grid", fix=f"name one of them: {', '.join(list(found)[:5])}")])
    return found[name]


def load_all(name: str, definition: Path | Mapping[str, Any], root: Path,
             targets: Mapping[str, Target] | None = None, *, folder: Path | None = None,
             file: str = "") -> dict[str, Variant]:
    """The variants of a YAML file or of an inline definition by name: one, or as many as its ``grid`` has.

    ``prompt_file`` is relative to the variant's file (inline: to ``folder``, by default ``root``) and must lie inside
    ``root``. With ``targets`` the target's name and its options are checked. Raises RecordErrors with every problem.
    """
    if isinstance(definition, Path):
        text, _ = _text(definition)
        document = yaml.load(text, file=str(definition))
        place = _Place(str(definition), definition.parent, root, document)
        data = document.data
    else:
        place = _Place(file or f"variant {name}", folder or root, root)
        data = definition
    if not isinstance(data, Mapping) or "grid" not in data:
        return {name: _variant(name, data, place, targets)}
    if wrong := grid.problems(data):
        raise RecordErrors(place.error(problem) for problem in wrong)
    return {each: _variant(each, part, place, targets) for each, part in grid.expand(name, data)}


def _variant(name: str, data: Any, place: _Place, targets: Mapping[str, Target] | None) -> Variant:
    problems = schema.validate("variant", data) or list(_beyond_schema(data, targets))
    if problems:
        raise RecordErrors(place.error(problem) for problem in problems)
    return Variant(name=name, target=data["target"], model=data.get("model"), prompt=_prompt(data, place),
                   params=data.get("params", {}), options=data.get("options", {}))


def of_evalset(evalset: Evalset, root: Path, targets: Mapping[str, Target] | None = None) -> dict[str, Variant]:
    """All variants of a suite by name, grids expanded; raises RecordErrors with the problems of all of them."""
    path = Path(evalset.path)
    folder = path if path.is_dir() else path.parent
    found: dict[str, Variant] = {}
    errors: list[RecordError] = []
    for name, definition in evalset.variants.items():
        field = f"variants.{name}"
        try:
            if isinstance(definition, str):
                definition = inside(definition, folder, root, file=str(path), field=field)
            found |= load_all(name, definition, root, targets, folder=folder, file=f"{path}: {field}")
        except RecordErrors as error:
            errors += error.errors
    if errors:
        raise RecordErrors(errors)
    return found


def inside(text: str, folder: Path, root: Path, *, file: str, field: str, line: int = 0) -> Path:
    """The file that ``text`` names relative to ``folder``; RecordErrors when it is missing or outside ``root``."""
    path = (folder / text).resolve()
    message, fix = "", ""
    if Path(text).is_absolute() or not path.is_relative_to(root.resolve()):
        message, fix = f"{text!r} lies outside the project", f"use a path inside {root}, relative to {folder}"
    elif not path.is_file():
        message, fix = f"there is no file {text!r}", f"the path is relative to {folder}"
    if message:
        raise RecordErrors([RecordError(message, file=file, field=field, line=line, fix=fix)])
    return path


def _text(path: Path) -> tuple[str, str]:
    try:
        return files.read_text(path)
    except RecordError as error:
        raise RecordErrors([error]) from None


def _beyond_schema(data: Mapping[str, Any], targets: Mapping[str, Target] | None) -> Iterator[Problem]:
    """Secrets, unknown targets, and options that the target does not take."""
    for part in ("params", "options"):
        for path in _secrets(data.get(part, {}), (part,)):
            yield Problem(path, "a secret does not belong into a file", "put it into the environment")
    if targets is None:
        return
    target = targets.get(data["target"])
    if target is None:
        yield Problem(("target",), f"no target named {data['target']!r}", suggest(data["target"], sorted(targets)))
        return
    for problem in schema.check(target.schema, dict(data.get("options", {}))):
        yield Problem(("options", *problem.path), problem.message, problem.fix)


def _secrets(data: Any, path: tuple[str | int, ...]) -> Iterator[tuple[str | int, ...]]:
    if isinstance(data, Mapping):
        for key, value in data.items():
            if _SECRET.match(key) and isinstance(value, str):
                yield (*path, key)
            else:
                yield from _secrets(value, (*path, key))


def _prompt(data: Mapping[str, Any], place: _Place) -> tuple[Mapping[str, Any], ...]:
    """The messages of ``prompt`` or ``prompt_file``; a text is one user message."""
    prompt: str | Sequence[Mapping[str, Any]] = data.get("prompt", ())
    if "prompt_file" in data:
        line = place.document.line(("prompt_file",)) if place.document else 0
        path = inside(data["prompt_file"], place.folder, place.root, file=place.file, field="prompt_file", line=line)
        prompt = _prompt_file(path)
    elif wrong := list(_odd_slots(prompt, ("prompt",))):
        raise RecordErrors(place.error(each) for each in wrong)
    return ({"role": "user", "content": prompt},) if isinstance(prompt, str) else tuple(prompt)


def _odd_slots(part: Any, path: tuple[str | int, ...]) -> Iterator[Problem]:
    """Slots of a prompt that hold anything but a name."""
    if isinstance(part, str):
        for slot in _odd(part):
            yield Problem(path, _told(slot), SLOT_FIX)
    for key, inner in part.items() if isinstance(part, Mapping) else enumerate(part) if isinstance(part, list) else ():
        yield from _odd_slots(inner, (*path, key))


def _odd(text: str) -> Iterator[re.Match[str]]:
    return (slot for slot in SLOT.finditer(text) if not is_slot_name(slot[1]))


def _told(slot: re.Match[str]) -> str:
    return f"{' '.join(slot[0].split())[:80]} is not a named slot"


def _prompt_file(path: Path) -> str | Sequence[Mapping[str, Any]]:
    text, _ = _text(path)
    if path.suffix not in (".yaml", ".yml"):
        if odd := list(_odd(text)):
            raise RecordErrors(RecordError(_told(slot), file=str(path), line=text.count("\n", 0, slot.start()) + 1,
                                           fix=SLOT_FIX) for slot in odd)
        return text.removesuffix("\n")
    document = yaml.load(text, file=str(path))
    prompt_schema = {**schema.read("variant")["properties"]["prompt"]}
    problems = schema.check(prompt_schema, document.data) or list(_odd_slots(document.data, ()))
    if problems:
        raise RecordErrors(RecordError(each.message, file=str(path), line=document.line(each.path), field=each.field,
                                       fix=each.fix) for each in problems)
    prompt: str | Sequence[Mapping[str, Any]] = document.data
    return prompt

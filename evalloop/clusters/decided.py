"""What people decide of themes, as text files in their git: names, joined themes, the taxonomy of failures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from evalloop.clusters.label import LONGEST_LABEL, TAXONOMY
from evalloop.clusters.text import showable
from evalloop.errors import RecordError, UsageError
from evalloop.store import yaml
from evalloop.store.files import write_text

NAMES, KINDS = "names.yaml", "taxonomy.yaml"
HEAD = "# Names that people gave to themes, and themes that they joined: written by evalloop themes rename and merge.\n"


@dataclass(frozen=True)
class Decided:
    """``names`` by cluster id; ``merged`` maps an id to the one that it was joined to; ``taxonomy`` maps each category
    to what it means."""

    names: Mapping[str, str] = field(default_factory=dict)
    merged: Mapping[str, str] = field(default_factory=dict)
    taxonomy: Mapping[str, str] = field(default_factory=lambda: dict(TAXONOMY))


def read(folder: Path) -> Decided:
    """What stands in the folder; without files nothing is decided and the taxonomy is the built-in one."""
    names = _mapping(folder / NAMES)
    given = _mapping(folder / KINDS).get("taxonomy")
    if given is not None and not (_texts(given) and given):
        raise RecordError("taxonomy is not a mapping of categories to what they mean", file=str(folder / KINDS),
                          field="taxonomy", fix="write `taxonomy:` and below it lines such as `  tone: too harsh`")
    parts = {}
    for key in ("names", "merged"):
        parts[key] = names.get(key) or {}
        if not _texts(parts[key]):
            raise RecordError(f"{key} is not a mapping of ids to texts", file=str(folder / NAMES), field=key,
                              fix="write lines such as `c-0123456789: Broken citations`")
    return Decided(parts["names"], _ends(parts["merged"]), given or dict(TAXONOMY))


def rename(folder: Path, cluster_id: str, name: str) -> Path:
    """Writes the name; UsageError for one that is empty or too long."""
    plain = showable(name, 1_000)
    if not plain:
        raise UsageError("the name is empty", fix=f"write a name of 1 to {LONGEST_LABEL} characters")
    if len(plain) > LONGEST_LABEL:
        raise UsageError(f"a name has at most {LONGEST_LABEL} characters", fix="choose a shorter name")
    return _write(folder, "names", cluster_id, plain)


def merge(folder: Path, gone: str, into: str) -> Path:
    """Writes that a theme is part of another from now on."""
    if into == gone or _ends({**read(folder).merged, gone: into}).get(into) == into:
        raise UsageError("a theme cannot be joined to itself", fix="name two different themes")
    return _write(folder, "merged", gone, into)


def _write(folder: Path, part: str, key: str, value: str) -> Path:
    path = folder / NAMES
    data = _mapping(path)
    write_text(path, HEAD + yaml.dump({**data, part: {**(data.get(part) or {}), key: value}}))
    return path


def _mapping(path: Path) -> dict[str, Any]:
    data = yaml.load(path).data if path.is_file() else {}
    if not isinstance(data or {}, dict):
        raise RecordError("not a mapping", file=str(path), fix="write `key: value` lines")
    return dict(data or {})


def _texts(given: Any) -> bool:
    return isinstance(given, dict) and all(isinstance(value, str) for value in given.values())


def _ends(merged: Mapping[str, str]) -> dict[str, str]:
    """Each id with the end of its chain: a joined to b joined to c is a joined to c."""
    ends = {}
    for each in merged:
        end, seen = each, set[str]()
        while end in merged and end not in seen:
            seen.add(end)
            end = merged[end]
        ends[each] = end
    return ends

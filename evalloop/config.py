"""One table of settings: name, type, default, help; and where each value came from.

A value is looked up in this order: command-line flag, environment (``EVALLOOP_NAME``), ``evalloop.toml`` or
``[tool.evalloop]`` of ``pyproject.toml`` in the project folder, default.
"""

from __future__ import annotations

import math
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from evalloop.errors import ConfigError

FILES = ("evalloop.toml", "pyproject.toml")


@dataclass(frozen=True)
class Setting:
    """One setting; ``kind`` is str, int, float, bool or list (of texts); numbers lie in [``low``, ``high``]."""

    name: str
    kind: type
    default: Any
    help: str
    low: float = 0
    high: float = math.inf


SETTINGS = (
    Setting("evalsets", str, "evalsets", "folder that holds the evalsets"),
    Setting("calibrations", str, "calibrations", "folder of the judges' calibrations, for git"),
    Setting("state", str, ".evalloop", "folder for runs, cache and the event store; private, can be rebuilt"),
    Setting("store", str, "", "database address of the event store (default: sqlite file in the state folder)"),
    Setting("lake", str, "", "folder or address (s3://...) of the lake of events (default: lake in the state folder)"),
    Setting("settle_days", int, 2, "days (UTC) after which a day is taken to be complete and moves into the lake"),
    Setting("engine", str, "duckdb", "what analyses the lake: duckdb, local[*], spark://host:port or sc://host:port"),
    Setting("engine_options", list, (), "settings of Spark, as spark.executor.memory=8g"),
    Setting("engine_memory", str, "", "memory that duckdb may take, such as 4GB (default: most of the machine's)"),
    Setting("warehouse", str, "", "table of events to read where it lies: postgresql://user@host/database#schema.table"),
    Setting("session_gap", float, 1800.0, "seconds without an answer that end a session where none is named", low=1),
    Setting("thresholds", list, (), "thresholds of detectors that differ from their defaults: copy.full=0.9"),
    Setting("retention_days", float, 0.0, "days after which `evalloop store prune` drops events (0: never)"),
    Setting("masker", str, "regex", "what masks personal data: regex (forms), or presidio behind it (an extra)"),
    Setting("masker_models", list, (), "installed spaCy models of presidio, LANGUAGE=NAME-OR-FOLDER (default: none)"),
    Setting("masker_entities", list, (), "what presidio looks for, such as PERSON, US_SSN (default: a usual set)"),
    Setting("masker_score", float, 0.5, "how sure presidio must be of a find", high=1),
    Setting("masker_patterns", str, "", "YAML file of more patterns for presidio, relative to the project"),
    Setting("plugins", list, (), "the project's own plugins: .py files or package folders, relative to the project"),
    Setting("only_plugins", list, (), "load only these entry points (default: all)"),
    Setting("disable_plugins", list, (), "do not load these entry points"),
    Setting("allow_python", list, (), "callables (module:name) that a python target may call"),
    Setting("allow_commands", list, (), "command lines that a command target may start, as a shell would write them"),
    Setting("allow_keys", list, (), "NAME@host: keys of the environment that variants may send there"),
    Setting("concurrency", int, 50, "calls in flight at once, for each provider", low=1),
    Setting("retries", int, 4, "times a failed call is tried again"),
    Setting("timeout", float, 120.0, "seconds until a call is given up", low=0.001),
    Setting("cache", bool, True, "keep answers and reuse them for the same question"),
    Setting("judge_model", str, "", "model that judges (rubric) and names clusters, as litellm names it"),
    Setting("judge_base_url", str, "", "address of an OpenAI-compatible server for the judge model"),
    Setting("embedder", str, "offline", "embedder of clusters and of the grader similar"),
    Setting("embedding_model", str, "", "model of the embedders litellm and sentence-transformers: name or folder"),
    Setting("embedding_base_url", str, "", "address of an OpenAI-compatible server for the embedding model"),
    Setting("clusterer", str, "leiden", "algorithm that groups failures: leiden, hdbscan, kmeans"),
    Setting("labeler", str, "auto", "labeler of clusters: phrases, llm, or auto (llm when judge_model is set)"),
    Setting("failure_threshold", float, 0.5, "probability of failure above which a turn is a failure", high=1),
    Setting("weighting", str, "auto", "weights of failures: auto, none, cap, rake or ipw"),
    Setting("user_cap", float, 1.0, "failures that one user counts as at most, in shares (0: no cap)"),
    Setting("weight_limit", float, 10.0, "no unasked failure weighs more than so many times the mean (0: no limit)"),
    Setting("margins", list, (), "declared shares of failures, COLUMN:LEVEL=SHARE (default: expected from all turns)"),
    Setting("quarantine", list, (), "user keys whose votes and acts never count"),
    Setting("trusted", list, (), "user keys that the account filter leaves alone"),
    Setting("themes", str, "themes", "folder with what people decide of themes: names.yaml, taxonomy.yaml"),
    Setting("theme_calls", int, 500, "most new calls of the judge model for the themes of one week"),
    Setting("summaries", bool, True, "with a judge model: one line on what went wrong where users said nothing"),
    Setting("min_cluster", int, 5, "fewest failures that make a cluster", low=1),
    Setting("min_users", int, 1, "fewest users before a cluster is shown", low=1),
    Setting("notes_template", str, "", "Jinja template of release notes, relative to the project (default: built in)"),
    Setting("margin", float, 0.05, "how much worse a release may be: share of the score's scale", high=1),
    Setting("alpha", float, 0.05, "level of the tests and intervals", low=1e-9, high=0.5),
    Setting("seed", int, 0, "seed of everything that draws"),
    Setting("salt", str, "", "secret of this project for user keys (default: made once, kept in the state folder)"),
)
_KINDS = {str: "a text", int: "a whole number", float: "a number", bool: "true or false", list: "a list of texts"}
BY_NAME = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True)
class Value:
    """A setting's value and where it came from (default, file:key, environment name, or flag)."""

    value: Any
    source: str


class Config:
    """The settings of one project; read a value as an attribute: ``config.concurrency``."""

    def __init__(self, root: Path, values: Mapping[str, Value]) -> None:
        self.root = root
        self.values = dict(values)

    def __getattr__(self, name: str) -> Any:
        try:
            return self.__dict__["values"][name].value
        except KeyError:
            raise AttributeError(name) from None

    @property
    def state_dir(self) -> Path:
        """Folder for what can be rebuilt or is private."""
        return self.root / str(self.state)

    @property
    def evalsets_dir(self) -> Path:
        """Folder of the evalsets."""
        return self.root / str(self.evalsets)

    def replace(self, **flags: Any) -> Config:
        """The same project with values given on the command line (None: not given)."""
        given = {name: Value(_check(name, list(value) if isinstance(value, tuple) else value, flag), flag)
                 for name, value in flags.items() if value is not None for flag in (f"--{name.replace('_', '-')}",)}
        return Config(self.root, {**self.values, **given})


def load(root: Path | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """The settings of the project that holds ``root`` (default: the current folder)."""
    folder = find_root(root or Path.cwd())
    environ = os.environ if environ is None else environ
    values = {setting.name: Value(setting.default, "default") for setting in SETTINGS}
    for name, raw, source in _from_file(folder):
        values[name] = Value(_check(name, raw, source), source)
    for setting in SETTINGS:
        key = f"EVALLOOP_{setting.name.upper()}"
        if key in environ:
            values[setting.name] = Value(_parse(setting, environ[key], key), key)
    return Config(folder, values)


def find_root(start: Path, default: Path | None = None) -> Path:
    """The nearest folder upwards with ``evalloop.toml``, a ``[tool.evalloop]`` table or ``.evalloop``.

    Without one: ``default``, or else ``start``.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / "evalloop.toml").is_file() or (folder / ".evalloop").is_dir() or _tool_table(folder):
            return folder
    return start if default is None else default


def _tool_table(folder: Path) -> Mapping[str, Any]:
    path = folder / "pyproject.toml"
    if not path.is_file():
        return {}
    tool = _read_toml(path).get("tool")
    table = tool.get("evalloop", {}) if isinstance(tool, dict) else {}
    if not isinstance(table, dict):
        raise ConfigError("tool.evalloop is not a table", file=str(path), fix="write [tool.evalloop]")
    return table


def _from_file(folder: Path) -> list[tuple[str, Any, str]]:
    own = folder / "evalloop.toml"
    if own.is_file():
        return [(key, value, "evalloop.toml") for key, value in _read_toml(own).items()]
    return [(key, value, "pyproject.toml") for key, value in _tool_table(folder).items()]


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"not valid TOML: {error}", file=str(path), fix="mend the syntax at that place") from None


def _check(name: str, raw: Any, source: str) -> Any:
    setting = BY_NAME.get(name)
    if setting is None:
        close = get_close_matches(name, BY_NAME, n=1)
        raise ConfigError(f"unknown setting {name!r}", file=source, key=name,
                          fix=f"did you mean {close[0]!r}?" if close else "evalloop config lists all settings")
    if not _fits(raw, setting.kind):
        raise ConfigError(f"{raw!r} is not {_KINDS[setting.kind]}", file=source, key=name, fix=setting.help)
    return _ranged(setting, tuple(raw) if isinstance(raw, list) else setting.kind(raw), source)


def _fits(raw: Any, kind: type) -> bool:
    if kind is list:
        return isinstance(raw, list) and all(isinstance(each, str) for each in raw)
    if isinstance(raw, bool):
        return kind is bool
    return isinstance(raw, (int, float) if kind is float else kind)


def _ranged(setting: Setting, value: Any, source: str) -> Any:
    if setting.kind in (int, float) and not setting.low <= value <= setting.high:
        limits = f"at least {setting.low:g}" + (f" and at most {setting.high:g}" if setting.high < math.inf else "")
        raise ConfigError(f"{value!r} is out of range", file=source, key=setting.name, fix=f"give {limits}")
    return value


def _parse(setting: Setting, text: str, key: str) -> Any:
    if setting.kind is list:
        return tuple(part.strip() for part in text.split(",") if part.strip())
    if setting.kind is bool:
        if text.lower() in ("1", "true", "yes", "on", "0", "false", "no", "off"):
            return text.lower() in ("1", "true", "yes", "on")
        raise ConfigError(f"{text!r} is neither true nor false", key=key, fix=setting.help)
    try:
        value = setting.kind(text)
    except ValueError:
        raise ConfigError(f"{text!r} is not {_KINDS[setting.kind]}", key=key, fix=setting.help) from None
    return _ranged(setting, value, key)

"""The project: what every verb works on."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from evalloop import config as settings
from evalloop import plugins
from evalloop.masking import Masker, Masking, open_masker
from evalloop.printable import one_line

_log = logging.getLogger("evalloop")
Progress = Callable[[str, int, int], None]
"""Hears of long work: the step, how much of it is done, and of how much (0: not known)."""


def _unheard(step: str, done: int, total: int) -> None:
    """Nobody watches."""


@dataclass
class Project:
    """What every verb works on: the settings of a folder, its plugins (loaded when first used), and who watches."""

    config: settings.Config
    progress: Progress = _unheard

    @cached_property
    def host(self) -> plugins.PluginHost:
        """All plugins of this project."""
        config = self.config
        made = plugins.load(root=config.root, project=config.plugins, only=config.only_plugins or None,
                            disabled=config.disable_plugins)
        for each in made.problems():
            if each.origin == "project":
                _log.warning("%s", one_line(f"warning: plugin {each.name} is {each.state} and left out: {each.problem}",
                                           limit=300))
        return made

    @property
    def masking(self) -> Masking:
        """How texts are masked: a choice that travels to other processes."""
        config, root = self.config, self.config.root
        return Masking(config.masker, tuple(_placed(root, each) for each in config.masker_models),
                       config.masker_entities, config.masker_score,
                       str(root / config.masker_patterns) if config.masker_patterns else "")

    @property
    def masker(self) -> Masker:
        """The masker in this process; ConfigError or UsageError when it cannot be had."""
        return open_masker(self.masking)

    def objects(self, kind: str) -> dict[str, Any]:
        """All plugin objects of a kind by name."""
        return {each.name: each for each in self.host.all(kind)}


def _placed(root: Path, model: str) -> str:
    """LANGUAGE=MODEL, a folder of the project with its whole path."""
    language, _, name = model.partition("=")
    return f"{language}={root / name}" if name and (root / name).is_dir() else model


def open_project(root: Path | None = None, **flags: Any) -> Project:
    """The project that holds ``root`` (default: the current folder), with command-line values over its settings."""
    return Project(settings.load(root).replace(**flags))

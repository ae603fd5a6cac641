"""Signals as files: one folder of Parquet for each detector and version, and what they were derived from.

    FOLDER/copy@2/part-0.parquet ...        FOLDER/signals.json
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any
from urllib.parse import quote

from evalloop.store.files import private_folder, read_json, replacing, write_json

LIST = "signals.json"


class SignalFiles:
    """The signals of a project. Whoever is killed leaves the old ones or the new ones."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def fresh(self, detector: str, inputs: str) -> list[str] | None:
        """The files of a detector (``name@version``) derived from these inputs; None when they must be made."""
        known = self._known().get(detector)
        if known is None or known["inputs"] != inputs:
            return None
        files = sorted(self._of(detector).glob("*.parquet"))
        return [str(each) for each in files] if files or not known["rows"] else None

    def replace(self, detector: str, inputs: str, rows: int, write: Callable[[Path], Any]) -> None:
        """Puts what ``write`` makes in a folder in place of the signals of this detector and of its other versions."""
        private_folder(self.folder)
        known, family = self._known(), detector.partition("@")[0] + "@"
        old = [name for name in known if name.startswith(family)]
        write_json(self.folder / LIST, {name: each for name, each in known.items() if name not in old}, private=True)
        with replacing(self._of(detector)) as new:
            new.mkdir(mode=0o700)
            write(new)
        for name in old:
            if name != detector:
                shutil.rmtree(self._of(name), ignore_errors=True)
        known = {name: each for name, each in known.items() if name not in old}
        write_json(self.folder / LIST, {**known, detector: {"inputs": inputs, "rows": rows}}, private=True)

    def names(self) -> list[str]:
        """The detectors (``name@version``) whose signals are kept."""
        return sorted(self._known())

    def clear(self, detectors: Iterable[str] | None = None) -> None:
        """Takes signals away (default: all); they are derived anew when they are next asked for."""
        gone = self.names() if detectors is None else list(detectors)
        known = {name: each for name, each in self._known().items() if name not in gone}
        if self.folder.exists():
            write_json(self.folder / LIST, known, private=True)
        for name in gone:
            shutil.rmtree(self._of(name), ignore_errors=True)

    def _of(self, detector: str) -> Path:
        return self.folder / quote(detector, safe="@+.-_")

    def _known(self) -> dict[str, Any]:
        place = self.folder / LIST
        return read_json(place) if place.is_file() else {}

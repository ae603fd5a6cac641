"""Every shipped platform keeps the contract that the kit asks of anyone's."""

from __future__ import annotations

import shutil
from pathlib import Path

from evalloop.capture.platforms import SHIPPED
from evalloop.capture.sources import JsonSource
from evalloop.testing import PlatformContract
from tests.capture.platforms.reading import DATA


class TestLangfuse(PlatformContract):
    platform = next(each for each in SHIPPED if each.name == "langfuse")
    source = JsonSource()

    def place(self, folder: Path) -> str:
        """A page of version 2."""
        return shutil.copy(DATA / "langfuse-v2.json", folder)

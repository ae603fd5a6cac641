"""The OpenAPI document tells the truth: schemathesis finds nothing wrong with it on a real collector."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest


def test_schemathesis_finds_nothing(collector: Any, tmp_path: Path) -> None:
    """Generated requests, good and bad, get documented answers of the documented shape, and never a server error."""
    program = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    if program is None:
        (pytest.fail if os.environ.get("CI") else pytest.skip)("needs schemathesis")
    key = collector.key(scopes=["write", "read", "metrics"])
    done = subprocess.run(
        [program, "run", f"{collector.url}/openapi.json", "-H", f"Authorization: Bearer {key}", "--max-examples", "8",
         "--phases", "examples,coverage,fuzzing", "--seed", "1", "--no-color", "--exclude-checks",
         "unsupported_method,ignored_auth"],
        capture_output=True, text=True, timeout=400, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-6000:]


def test_every_route_is_documented(collector: Any) -> None:
    """What the collector serves and what it documents are the same."""
    document = httpx.get(collector.url + "/openapi.json").json()
    assert document["openapi"] == "3.1.0"
    for path, item in document["paths"].items():
        for method in item:
            answer = httpx.request(method.upper(), collector.url + path.replace("{name}", "x"))
            assert answer.status_code in (200, 401, 404), (method, path)

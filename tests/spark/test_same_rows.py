"""A standalone Spark cluster with two worker processes gives the rows that DuckDB gives, in every analysis."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("pyspark", reason="needs the extra spark: tox -e spark")
STUDY = Path(__file__).parents[2] / "benchmarks" / "engine_same_rows.py"
ANALYSES = {"turns", "signals", "scores", "capture rate by day", "capture rate by surface", "capture rate by plan",
            "cells", "failures", "weights", "theme shares", "pairs", "labels", "counts"}


def test_a_cluster_gives_the_same_rows(tmp_path: Path) -> None:
    """Sessions, detectors, scores, capture rates, weights, theme shares, pairs and labels: not one row differs."""
    if shutil.which("java") is None:
        if os.environ.get("CI"):
            pytest.fail("no Java: .ci/run installs Debian's package default-jre-headless")
        pytest.skip("needs Java 17 or later (Debian: default-jre-headless)")
    events = os.environ.get("EVALLOOP_SPARK_EVENTS", "1000000")
    done = subprocess.run([sys.executable, str(STUDY), "--events", events, "--folder", str(tmp_path / "rows")],
                          capture_output=True, text=True, check=False, timeout=1800)
    assert done.returncode == 0, done.stdout + done.stderr[-4000:]
    _, *lines = done.stdout.splitlines()[1:]
    found = {line[:26].strip(): [int(each.replace(",", "")) for each in line[26:].split()[:2]] for line in lines}
    assert found.keys() == ANALYSES
    assert all(rows and not differ for rows, differ in found.values()), done.stdout

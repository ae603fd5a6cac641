"""Importing is light, and every module can be imported alone."""

from __future__ import annotations

import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import evalloop

ROOT = Path(__file__).parent.parent
HEAVY = ("litellm", "datasets", "scipy", "numpy", "pandas", "sklearn", "duckdb", "ibis", "sqlalchemy", "pyarrow",
         "jsonschema_rs", "aiohttp", "rich", "regex", "rapidfuzz", "pytest", "hypothesis")
MODULES = sorted(each.name for each in pkgutil.walk_packages(evalloop.__path__, "evalloop.", onerror=lambda name: None)
                 if not each.name.endswith("__main__"))


def python(code: str) -> subprocess.CompletedProcess[str]:
    """``code`` in a fresh interpreter."""
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=400,
                          env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False)


def loaded_after(code: str) -> list[str]:
    """The heavy libraries that ``code`` loads."""
    done = python(f"import sys\n{code}\nprint('\\n' + ' '.join(n for n in {HEAVY} if n in sys.modules))")
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()[-1].split()


@pytest.mark.parametrize("code", [
    "import evalloop",
    "from evalloop.cli.main import run; assert run(['--help']) == 0",
    "from evalloop.cli.main import run; assert run(['plugins']) == 0",
    "import evalloop.loop",
    "from evalloop import plugins; plugins.load(builtin_only=True)",
])
def test_nothing_heavy_is_loaded(code):
    """Importing the package, its help, and listing plugins load none of the heavy libraries."""
    assert loaded_after(code) == []


def test_the_package_that_is_imported_is_this_checkout():
    """Not the stranger's package of the same name."""
    assert Path(evalloop.__file__).is_relative_to(ROOT)


def test_every_module_can_be_imported_alone():
    """Each module in its own process, so that no import order hides a missing one (libraries are there already)."""
    done = python(f"""
import multiprocessing
import numpy, pytest, scipy.stats

def alone(name):
    try:
        __import__(name)
    except BaseException as error:
        return f"{{name}}: {{error!r}}"

with multiprocessing.get_context("fork").Pool(2, maxtasksperchild=1) as pool:
    print("\\n".join(filter(None, pool.imap(alone, {MODULES}, chunksize=1))))
""")
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n") == ["", ""]

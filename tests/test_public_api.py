"""The public names are pinned: a change of them is a change of the promise to users."""

from __future__ import annotations

import ast
from pathlib import Path

import evalloop
from evalloop import testing

NAMES = ["EvalloopError", "ExitCode", "Grade", "__version__", "assert_case", "expect", "hookimpl"]
TESTING = [
    "HOSTILE", "INJECTIONS", "ChannelContract", "ClustererContract", "DetectorContract", "EmbedderContract", "Example",
    "ExporterContract", "GraderContract", "ImporterContract", "LabelerContract", "Offline", "PlatformContract",
    "RendererContract", "Scripted", "ServiceUsed", "SourceContract", "TargetContract", "TrainingFormatContract",
    "derived_of", "evidence_of", "grade", "hostile_outputs", "joined_of", "make_case", "make_context", "make_delta",
    "make_event", "make_generation", "make_notice", "make_report", "make_run", "make_training_data", "make_trials",
    "make_turn", "no_network", "outputs", "signals_of"]
EXIT_CODES = {"OK": 0, "GATE_FAILED": 1, "INTERRUPTED": 2, "INTERNAL": 3, "USAGE": 4, "EMPTY": 5, "INCONCLUSIVE": 6,
              "INCOMPLETE": 7}


def natural(names: list[str]) -> list[str]:
    """Constants, then classes, then functions, each by name."""
    return sorted(names, key=lambda name: (0 if name.isupper() else 1 if name[0].isupper() else 2, name))


def test_the_public_names_are_pinned():
    """Exactly these, in order, and each exists."""
    for module, names in ((evalloop, NAMES), (testing, TESTING)):
        assert module.__all__ == names == natural(names)
        assert all(hasattr(module, name) for name in names)


def test_nothing_public_is_missing_from_all():
    """What ``evalloop/__init__.py`` imports for users is in ``__all__``."""
    tree = ast.parse(Path(evalloop.__file__).read_text(encoding="utf-8"))
    imported = {alias.asname or alias.name for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)
                for alias in node.names if str(node.module).startswith("evalloop.")}
    assert imported | {"__version__"} == set(NAMES)


def test_exit_codes_are_pinned():
    """Scripts rely on them."""
    assert {code.name: code.value for code in evalloop.ExitCode} == EXIT_CODES


def test_the_version_is_that_of_the_distribution():
    """pyproject.toml and the package agree."""
    import tomllib

    path = Path(evalloop.__file__).parent.parent / "pyproject.toml"
    assert tomllib.loads(path.read_text(encoding="utf-8"))["project"]["version"] == evalloop.__version__

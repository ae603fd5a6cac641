"""``evalloop graders``, ``explain`` and ``plugins`` through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalloop.cli import printing
from evalloop.cli.main import run
from evalloop.store import yaml

PLUGIN = '''
import evalloop


class Loud:
    """Passes when the output \\x1b[31mshouts."""

    name, version, short, deterministic, needs = "loud", "3", None, True, frozenset()
    schema = {"type": "object", "properties": {}, "additionalProperties": False}

    def grade(self, context, options):
        return context.output.isupper()


@evalloop.hookimpl
def evalloop_graders():
    return [Loud()]
'''


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one grader of its own, as the current folder."""
    (tmp_path / "evalloop.toml").write_text('plugins = ["own.py"]\n')
    (tmp_path / "own.py").write_text(PLUGIN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("EVALLOOP_PLUGINS", raising=False)
    return tmp_path


def test_graders_lists_all_or_those_with_a_word(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Own ones too, with what they need and who gives them; 5 when none fits."""
    assert run(["graders"]) == 0
    listed = capsys.readouterr().out
    assert {"loud", "citations", "cascade"} <= {line.split()[0] for line in listed.splitlines() if line}
    assert "\x1b" not in listed
    assert run(["graders", "LOUD", "--json"]) == 0
    about, = json.loads(capsys.readouterr().out)
    assert (about["name"], about["version"], about["plugin"]) == ("loud", "3", "own.py")
    assert run(["graders", "no such word"]) == 5


def test_explain_shows_options_and_an_example_that_reads(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The example is YAML; hyphens are as good as underscores."""
    assert run(["explain", "json-path"]) == 0
    shown = capsys.readouterr().out
    assert "path (text; required; takes the bare value)" in shown
    assert "grader (a grader)" in shown
    example = yaml.load(shown.split("example:\n")[1], file="example").data
    assert example["graders"][1]["json_path"]["grader"] == {"length": {"max_words": 30}}


@pytest.mark.parametrize("grader", ["citations", "loud", "user_would_downvote", "weighted"])
def test_explain_fits_the_terminal(
        project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, grader: str) -> None:
    """What is told is broken at blanks and not twice; the example is whole; a pipe gets a paragraph to a line."""
    assert run(["explain", grader]) == 0
    piped = capsys.readouterr().out
    monkeypatch.setattr(printing, "columns", lambda stream: 60)
    assert run(["explain", grader]) == 0
    shown = capsys.readouterr().out
    assert max(map(len, shown.split("example:\n")[0].splitlines())) <= 60
    assert shown.split() == piped.split()
    assert shown.partition("example:\n")[2] == piped.partition("example:\n")[2]
    assert all(line[:1] != " " for line in shown.split("\n\n")[1].splitlines())


def test_explain_takes_a_grader_without_options_and_refuses_an_unknown_one(
        project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An own grader is explained as well; a misspelt name gets a suggestion and exit 4."""
    assert run(["explain", "loud"]) == 0
    shown = capsys.readouterr().out
    assert "it takes no options" in shown
    assert "\x1b" not in shown
    assert run(["explain", "citation"]) == 4
    assert "did you mean 'citations'?" in capsys.readouterr().err


def test_plugins_hides_the_built_in_ones_unless_asked(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """--all shows them; --json always holds them."""
    assert run(["plugins"]) == 0
    short = capsys.readouterr().out
    assert "own.py" in short
    assert "(built-in)" not in short
    assert run(["plugins", "--all"]) == 0
    assert "(built-in): ok" in capsys.readouterr().out
    assert run(["plugins", "--json"]) == 0
    assert {"own.py", "graders"} <= {each["name"] for each in json.loads(capsys.readouterr().out)}

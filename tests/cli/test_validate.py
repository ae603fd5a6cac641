"""``evalloop validate`` through the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evalloop.cli.main import run

PLUGIN = '''
import evalloop


class Loud:
    name = "loud"
    version = "1"
    schema = {"type": "object", "properties": {"value": {"type": "string"}}, "additionalProperties": False}
    short = "value"
    deterministic = True
    needs = frozenset()

    def grade(self, context, options):
        return context.output.isupper()


@evalloop.hookimpl
def evalloop_graders():
    return [Loud()]
'''
HEAD = "evalset: e\ncases:\n"
CASE = "  - id: a\n    input: {vars: {q: hello}}\n"
BOMB = "a: &a [x, x]\n" + "".join(f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in ("ab", "bc", "cd", "de", "ef", "fg"))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project with one grader of its own, as the current folder."""
    (tmp_path / "evalloop.toml").write_text('plugins = ["own_grader.py"]\n')
    (tmp_path / "own_grader.py").write_text(PLUGIN)
    (tmp_path / "evalsets").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(("text", "place", "message", "fix"), [
    (HEAD + CASE + "    asert:\n      - loud\n", "x.evalset.yaml:5: cases[0].asert", "unknown key 'asert'",
     "did you mean 'assert' or 'graders'?"),
    (HEAD + CASE, "x.evalset.yaml:3: cases[0]", "case 'a' has no graders, so it could never fail", "add graders: "),
    ("evalset: e\ngraders: [loud]\ncases: []\n", "x.evalset.yaml:3: cases", "there are no cases", "add cases "),
    (HEAD + CASE + "    graders: [loud]\n" + CASE + "    graders: [loud]\n", "x.evalset.yaml:6: cases[1].id",
     "id 'a' is used twice, first at evalsets/x.evalset.yaml:3", "give one of the two another id"),
    (BOMB, "x.evalset.yaml:1", "anchor &a is not allowed", "write the value out where it is used"),
    (HEAD + CASE + "    graders: [loud]\n    expected: no\n", "x.evalset.yaml:6", "unquoted no is read as false",
     'quote it: "no", or write false')])
def test_a_broken_suite_is_refused_with_its_place_and_mend(
        text: str, place: str, message: str, fix: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Misspelt key, zero graders, zero cases, duplicate id, alias bomb, expected: no - exit 4 for each."""
    (project / "evalsets/x.evalset.yaml").write_text(text)
    assert run(["validate", "evalsets"]) == 4
    error = capsys.readouterr().err
    assert f"evalsets/{place}: {message}" in error
    assert f"    fix: {fix}" in error
    assert "Traceback" not in error


def test_a_sound_project_is_listed_by_cluster(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Evalsets, cases of each cluster, statuses and variants; exit 0."""
    folder = project / "evalsets/cites"
    folder.mkdir()
    (folder / "suite.yaml").write_text("evalset: cites\ngraders: [loud]\nvariants: {}\n")
    (folder / "tone.evalset.yaml").write_text("evalset: cites\ncases:\n" + CASE + "    status: candidate\n")
    assert run(["validate"]) == 0
    out = capsys.readouterr().out
    assert "cites, 1 case (1 candidate), 0 variants: ok" in out
    assert "1  tone" in out


def test_json_holds_the_same(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """For scripts: clusters and problems."""
    (project / "evalsets/x.evalset.yaml").write_text(HEAD + CASE + "    graders: [lod]\n")
    assert run(["validate", "--json"]) == 4
    (row,) = json.loads(capsys.readouterr().out)
    assert row["problems"] == [{"file": "evalsets/x.evalset.yaml", "line": 5, "field": "cases[0].graders[0]",
                                "message": "no grader named 'lod'", "fix": "did you mean 'loud'?"}]


def test_a_variant_of_a_suite_is_checked(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A misspelt key in a variant's file is found without running it."""
    (project / "evalsets/v.yaml").write_text("target: loud\nmodle: x\n")
    (project / "evalsets/x.evalset.yaml").write_text(HEAD + CASE + "    graders: [loud]\nvariants: {v: v.yaml}\n")
    assert run(["validate"]) == 4
    assert "v.yaml:2: modle: unknown key 'modle'" in capsys.readouterr().err


def test_nothing_to_check_is_exit_5(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty project is no success."""
    assert run(["validate"]) == 5
    assert "no evalset in" in capsys.readouterr().err

"""``evalloop grow --open-pr``: candidates as commits on a branch, and as a pull request."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from evalloop.cli.main import run
from evalloop.store.branches import git

GROW = ["grow", "--evalset", "new", "--per-cluster", "5", "--open-pr"]
GH = """#!/bin/sh
printf '%s\\n' "$@" > "$GH_SAID"
cat >> "$GH_SAID"
echo https://git.example/pull/7
"""


@pytest.fixture
def repository(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The grown project as a repository with a bare one as its remote, and no ``gh``."""
    for command in (["init", "-q", "-b", "main"], ["config", "user.name", "Ann"],
                    ["config", "user.email", "a@b.example"], ["add", "evalsets", "evalloop.toml"],
                    ["commit", "-qm", "first"],
                    ["init", "-q", "--bare", "../remote.git"], ["remote", "add", "origin", "../remote.git"]):
        git(project, *command)
    (project.parent / "bin").mkdir()
    (project.parent / "bin/git").symlink_to(next(
        place for folder in os.environ["PATH"].split(os.pathsep) if (place := Path(folder) / "git").exists()))
    monkeypatch.setenv("PATH", f"{project.parent / 'bin'}")
    return project


def test_each_theme_is_a_commit_and_growing_again_brings_nothing(
        repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing of the checkout changes; what the branch holds already is not proposed again."""
    before = {path: path.read_bytes() for path in (repository / "evalsets").rglob("*") if path.is_file()}
    status = git(repository, "status", "--porcelain")
    assert run([*GROW, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    clusters = list(dict.fromkeys(case["cluster"] for case in told["cases"]))
    assert clusters
    subjects = git(repository, "log", "--reverse", "--format=%s", "main..evalloop/grow-new").splitlines()
    assert len(subjects) == len(told["commits"]) == len(clusters)
    assert all(line.startswith("Add ") and "candidate case" in line for line in subjects)
    for commit, cluster in zip(told["commits"], clusters, strict=True):
        files = git(repository, "show", "--name-only", "--format=", commit).splitlines()
        assert f"evalsets/new/{cluster}.evalset.yaml" in files
    assert told["commands"][0] == "git push -u origin evalloop/grow-new"
    assert git(repository, "status", "--porcelain") == status
    assert {path: path.read_bytes() for path in (repository / "evalsets").rglob("*") if path.is_file()} == before
    assert run(GROW) == 0
    assert "0 candidates" in capsys.readouterr().out
    assert git(repository, "rev-list", "--count", "main..evalloop/grow-new") == str(len(clusters))
    git(repository, "checkout", "-q", "evalloop/grow-new")
    assert run(["validate"]) == 0
    assert run(GROW) == 4
    assert "is checked out" in capsys.readouterr().err


def test_what_was_rejected_on_the_branch_never_comes_back(
        repository: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A reviewer decides on the branch; the next growing reads that from there."""
    assert run([*GROW, "--json"]) == 0
    cases = json.loads(capsys.readouterr().out)["cases"]
    git(repository, "checkout", "-q", "evalloop/grow-new")
    assert run(["review", "new", "--reject", cases[0]["id"], "--by", "ann"]) == 0
    git(repository, "add", "evalsets")
    git(repository, "commit", "-qm", "review")
    git(repository, "checkout", "-q", "main")
    capsys.readouterr()
    assert run([*GROW, "--json"]) == 0
    assert cases[0]["id"] not in [each["id"] for each in json.loads(capsys.readouterr().out)["cases"]]


def test_with_gh_the_branch_is_pushed_and_a_pull_request_opened(
        repository: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Its text names every theme with its share and the number of its cases."""
    program, said = repository.parent / "bin/gh", repository.parent / "said"
    program.write_text(GH)
    program.chmod(0o755)
    monkeypatch.setenv("GH_SAID", str(said))
    monkeypatch.setenv("PATH", f"{repository.parent / 'bin'}:/usr/bin:/bin")
    assert run(GROW) == 0
    assert "opened https://git.example/pull/7" in capsys.readouterr().out
    assert git(repository, "ls-remote", "--heads", "origin").endswith("refs/heads/evalloop/grow-new")
    text = said.read_text()
    assert text.startswith("pr\ncreate\n--head\nevalloop/grow-new\n--title\nCandidate cases of ")
    assert "| theme | share of failures | cases |" in text
    assert "% in 2022-W52 |" in text


def test_a_folder_without_git_is_refused(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """With the mend."""
    assert run(GROW) == 4
    assert "git init" in capsys.readouterr().err

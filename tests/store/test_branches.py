"""Commits on a branch beside the user's checkout."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from evalloop.errors import IncompleteError, UsageError
from evalloop.store.branches import branch, git, remote

PART = Path("evalsets")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A project in a folder of a repository, with a staged and an unstaged change, an untracked file and a hook."""
    top = tmp_path / "repo"
    (top / "app/evalsets").mkdir(parents=True)
    (top / "app/evalsets/a.yaml").write_text("one\n")
    (top / "README").write_text("read me\n")
    for command in (["init", "-q", "-b", "main"], ["config", "user.name", "Ann"],
                    ["config", "user.email", "a@b.example"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run(["git", "-C", str(top), *command], check=True)
    (top / "README").write_text("staged\n")
    git(top, "add", "README")
    (top / "app/evalsets/a.yaml").write_text("changed, not staged\n")
    (top / "app/evalsets/new.yaml").write_text("untracked\n")
    for name in ("pre-commit", "post-checkout", "commit-msg"):
        (top / ".git/hooks" / name).write_text("#!/bin/sh\ntouch ran\nexit 1\n")
        (top / ".git/hooks" / name).chmod(0o755)
    return top


def seen(top: Path) -> tuple[str, str, str, str]:
    """What the user would notice: status, index, checked-out branch, working trees."""
    return (git(top, "status", "--porcelain"), git(top, "write-tree"), git(top, "symbolic-ref", "HEAD"),
            git(top, "worktree", "list"))


def add(top: Path, name: str, *files: str) -> None:
    """One commit for each file."""
    with branch(top / "app", name, PART) as found:
        for file in files:
            path = found.folder / PART / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(file)
            found.commit([path], f"Add {file}")


def test_the_users_files_stay_as_they_are(repository: Path) -> None:
    """Files, index, checkout and hooks; the branch has the commits on top of HEAD, with nothing uncommitted in them."""
    before = seen(repository)
    add(repository, "evalloop/grow-x", "b.yaml", "c.yaml")
    assert seen(repository) == before
    assert (repository / "app/evalsets/a.yaml").read_text() == "changed, not staged\n"
    assert git(repository, "log", "--format=%s %an", "evalloop/grow-x").splitlines() == [
        "Add c.yaml Ann", "Add b.yaml Ann", "first Ann"]
    assert git(repository, "diff", "--name-only", "main", "evalloop/grow-x").splitlines() == [
        "app/evalsets/b.yaml", "app/evalsets/c.yaml"]
    assert git(repository, "show", "evalloop/grow-x:app/evalsets/a.yaml") == "one"
    assert not list(repository.rglob("ran"))


def test_an_unmerged_branch_is_gone_on_with_and_a_merged_one_begun_anew(repository: Path) -> None:
    """So that a pull request under review gets more commits, and the next one begins at the present."""
    add(repository, "grow", "b.yaml")
    add(repository, "grow", "c.yaml")
    assert git(repository, "log", "--format=%s", "main..grow").splitlines() == ["Add c.yaml", "Add b.yaml"]
    git(repository, "stash", "-q")
    git(repository, "-c", "core.hooksPath=/dev/null", "merge", "-q", "grow")
    git(repository, "-c", "core.hooksPath=/dev/null", "commit", "-q", "--allow-empty", "-m", "later")
    add(repository, "grow", "d.yaml")
    assert git(repository, "log", "--format=%s", "main..grow") == "Add d.yaml"


def test_nothing_committed_leaves_no_branch(repository: Path) -> None:
    """Neither does an error half-way: no branch, no working tree left behind."""
    before = seen(repository)
    add(repository, "grow")
    with pytest.raises(IsADirectoryError):
        add(repository, "grow", "b.yaml", "")
    assert git(repository, "branch", "--list", "grow") == ""
    assert seen(repository) == before


def test_what_cannot_be_done_is_said(repository: Path, tmp_path: Path) -> None:
    """No repository, no commit, a branch that is checked out, a bad name, evalsets elsewhere, no name of the user."""
    def refused(root: Path, name: str, part: Path = PART) -> str:
        with pytest.raises(UsageError) as caught, branch(root, name, part):
            pass
        return caught.value.message

    (tmp_path / "empty").mkdir()
    assert "is not in a git repository" in refused(tmp_path / "empty", "grow")
    git(tmp_path / "empty", "init", "-q")
    assert "with a commit" in refused(tmp_path / "empty", "grow")
    assert "the branch main is checked out" in refused(repository / "app", "main")
    assert "no name of a branch" in refused(repository / "app", "a..b")
    assert "lies outside" in refused(repository / "app", "grow", Path("../../elsewhere"))
    assert "lies outside" in refused(repository / "app", "grow", tmp_path)
    git(repository, "config", "user.name", "")
    with pytest.raises(IncompleteError, match="git refused"):
        add(repository, "grow", "b.yaml")
    assert remote(repository) is None

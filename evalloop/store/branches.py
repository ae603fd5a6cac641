"""Commits on a branch beside the one that the user works on: their files, index and checkout stay as they are."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from evalloop.errors import IncompleteError, UsageError

NO_HOOKS = ("-c", "core.hooksPath=/dev/null")
"""The user's hooks are for what the user commits."""
_OWN = ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX")


@dataclass
class Branch:
    """A branch in a checkout of its own: ``folder`` is the copy of the project's folder in it, holding only what was
    asked for; ``commits`` are those that were made, oldest first."""

    name: str
    top: Path
    folder: Path
    commits: list[str] = field(default_factory=list)

    def commit(self, paths: Sequence[Path], message: str) -> None:
        """Commits these files with the user's name; IncompleteError with git's words when it cannot."""
        git(self.folder, "add", "--", *map(str, paths))
        git(self.folder, "commit", "--quiet", "--no-verify", "-m", message)
        self.commits.append(git(self.folder, "rev-parse", "HEAD"))


@contextmanager
def branch(root: Path, name: str, part: Path) -> Iterator[Branch]:
    """The branch ``name`` of the repository that holds ``root``, with the files under ``part`` (a path under ``root``).

    A branch that is there and not merged yet is gone on with, else it begins at the checkout's commit. The branch moves
    at the end, when all went well. UsageError without a repository or commit, or when the branch is checked out.
    """
    top = Path(_need(root, "rev-parse", "--show-toplevel"))
    if part.is_absolute() or not (root / part).resolve().is_relative_to(top.resolve()):
        raise UsageError(f"{root / part} lies outside of the repository {top}", fix="keep evalsets in it")
    before = _tip(top, name)
    base = before if before and not _merged(top, before) else _need(top, "rev-parse", "--verify", "HEAD")
    with tempfile.TemporaryDirectory(prefix="evalloop-branch-") as place:
        tree = Path(place) / "tree"
        git(top, "worktree", "add", "--quiet", "--detach", "--no-checkout", str(tree), base)
        try:
            found = Branch(name, top, tree / root.resolve().relative_to(top.resolve()))
            _check_out(found, part)
            yield found
            if found.commits:
                git(top, "update-ref", f"refs/heads/{name}", found.commits[-1], before or "0" * 40)
        finally:
            git(top, "worktree", "remove", "--force", str(tree))


def remote(root: Path) -> str | None:
    """The remote that branches are pushed to: ``origin`` if there is one, else the first; None without any."""
    names = git(root, "remote").split()
    return "origin" if "origin" in names else next(iter(names), None)


def open_pull_request(root: Path, name: str, title: str, body: str) -> str | None:
    """Pushes the branch and opens a pull request with GitHub's ``gh``; its address, or None where there is no ``gh`` or
    no remote. IncompleteError when one of the two refuses."""
    program, target = shutil.which("gh"), remote(root)
    if program is None or target is None:
        return None
    git(root, "push", "--quiet", "--set-upstream", target, name, hooks=True)
    return _run([program, "pr", "create", "--head", name, "--title", title, "--body-file", "-"], root, body)


def git(folder: Path, *arguments: str, hooks: bool = False) -> str:
    """What git prints; IncompleteError with its words when it fails."""
    return _run(["git", "-C", str(folder), *(() if hooks else NO_HOOKS), *arguments], folder)


def _run(command: Sequence[str], folder: Path, given: str = "") -> str:
    environment = {key: value for key, value in os.environ.items() if key not in _OWN}
    try:
        done = subprocess.run(command, cwd=folder, input=given, env=environment, capture_output=True, text=True,
                              timeout=120, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise IncompleteError(f"{command[0]} cannot be run: {error}",
                              fix="install it, or do this step by hand") from None
    if done.returncode:
        said = " ".join((done.stderr or done.stdout).split())[:400]
        raise IncompleteError(f"{Path(command[0]).name} refused: {said}", fix="mend what it says, then run this again")
    return done.stdout.strip()


def _need(folder: Path, *arguments: str) -> str:
    try:
        return git(folder, *arguments)
    except IncompleteError:
        raise UsageError(f"{folder} is not in a git repository with a commit",
                         fix="git init && git add . && git commit, or leave --open-pr out") from None


def _tip(top: Path, name: str) -> str:
    """The commit of a branch, or nothing; UsageError for a name that git refuses and a branch that is checked out."""
    try:
        git(top, "check-ref-format", "--branch", name)
    except IncompleteError:
        raise UsageError(f"{name!r} is no name of a branch", fix="--branch evalloop/grow") from None
    if f"branch refs/heads/{name}" in git(top, "worktree", "list", "--porcelain").splitlines():
        raise UsageError(f"the branch {name} is checked out", fix="check another one out, or give --branch NAME")
    return git(top, "for-each-ref", "--format=%(objectname)", f"refs/heads/{name}")


def _merged(top: Path, commit: str) -> bool:
    try:
        return git(top, "merge-base", "HEAD", commit) == commit
    except IncompleteError:
        return False


def _check_out(found: Branch, part: Path) -> None:
    """Fills the index, and writes the files under ``part``."""
    tree = found.folder
    while not (tree / ".git").exists():
        tree = tree.parent
    git(tree, "read-tree", "HEAD")
    found.folder.mkdir(parents=True, exist_ok=True)
    if git(found.folder, "ls-tree", "-r", "--name-only", "HEAD", "--", str(part)):
        git(found.folder, "checkout", "--quiet", "HEAD", "--", str(part))

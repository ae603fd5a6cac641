"""Proposing: candidates as a branch of git with one commit for each theme, and as a pull request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

from evalloop.loop.growing import Growing, GrowOptions, editor_schema, existing_cases
from evalloop.loop.project import Project
from evalloop.printable import many

if TYPE_CHECKING:
    from evalloop.cases.check import Grown
    from evalloop.records.case import Case
    from evalloop.store.branches import Branch

LONGEST_TITLE = 60


def propose_cases(project: Project, name: str, options: GrowOptions | None = None, branch_name: str = "") -> Grown:
    """Grows candidates onto a branch (default: evalloop/grow-NAME) and opens a pull request where ``gh`` is there.

    Working tree, index and checkout of the user stay as they are. A branch of an earlier growing that is not merged yet
    is gone on with, and what it holds is not proposed again.
    """
    from evalloop.cases.check import Grown
    from evalloop.store import branches

    options, config = options or GrowOptions(), project.config
    branch_name, part = branch_name or f"evalloop/grow-{name}", Path(str(config.evalsets))
    work = Growing.open(project, name, options)
    with branches.branch(config.root, branch_name, part) as found:
        there = {case.id: case for case in existing_cases(project, found.folder / part)}
        there |= {case.id: case for case in existing_cases(project)}
        cases = work.grow(list(there.values()), found.folder / part)
        changed = [] if options.dry_run else _commit(project, found, part, name, cases)
    grown = Grown(tuple(cases), tuple(changed), tuple(work.left_out()), branch_name, tuple(found.commits))
    return _told(project, grown, name) if found.commits else grown


def _commit(project: Project, found: Branch, part: Path, name: str, cases: Sequence[Case]) -> list[Path]:
    """One commit for each cluster; the files that it changed, as paths of the project."""
    from evalloop.cases import write

    schema = write.relative(editor_schema(project), project.config.evalsets_dir / name)
    changed: dict[Path, None] = {}
    for cluster in dict.fromkeys(case.cluster for case in cases):
        own = [case for case in cases if case.cluster == cluster]
        paths = write.add(found.folder / part / name, name, own, schema_path=schema)
        found.commit(paths, _message(own))
        changed |= dict.fromkeys(path.relative_to(found.folder) for path in paths)
    return list(changed)


def _message(cases: Sequence[Case]) -> str:
    """What the commit of a theme says."""
    origin = cases[0].provenance
    number = many(len(cases), "candidate case")
    return (f"Add {number}: {_plain(str(origin['theme']))}\n\n"
            f"Theme {origin['cluster_id']}, {origin['share']:.1%} of failures in {_weeks(origin)}.\n"
            f"evalloop review decides about them.\n\n" + "\n".join(f"- {case.id}" for case in cases) + "\n")


def _told(project: Project, grown: Grown, name: str) -> Grown:
    """With the pull request, or with the commands that open one."""
    from dataclasses import replace

    from evalloop.store import branches

    title = f"Candidate cases of {many(len({case.cluster for case in grown.cases}), 'theme')} for {name}"
    branch = str(grown.branch)
    target = branches.remote(project.config.root)
    commands = (f"git push -u {quote(target or 'REMOTE')} {quote(branch)}",
                f"gh pr create --head {quote(branch)} --title {quote(title)}")
    address = branches.open_pull_request(project.config.root, branch, title, _body(grown, name))
    return replace(grown, pull_request=address, commands=() if address else commands)


def _body(grown: Grown, name: str) -> str:
    """What the pull request says, in Markdown."""
    from evalloop.encode import markdown

    rows = ["| theme | share of failures | cases |", "|---|---|---|"]
    for cluster in dict.fromkeys(case.cluster for case in grown.cases):
        own = [case for case in grown.cases if case.cluster == cluster]
        origin = own[0].provenance
        rows.append(f"| {markdown(_plain(str(origin['theme'])))} | {origin['share']:.1%} in {_weeks(origin)} "
                    f"| {len(own)} |")
    return "\n".join([*rows, "", f"Decide about them on this branch with `evalloop review {name}`."]) + "\n"


def _weeks(origin: Mapping[str, Any]) -> str:
    from evalloop.records.times import weeks_text

    return weeks_text(str(origin["week"]), str(origin.get("since", "")))


def _plain(text: str) -> str:
    """A theme's name on one line, as users' words may stand in a message of git."""
    from evalloop.printable import one_line

    return one_line(text, limit=LONGEST_TITLE).lstrip("#")

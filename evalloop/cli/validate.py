"""``evalloop validate``: what is in the evalsets, and what is wrong with them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import click

from evalloop.cases.check import Checked
from evalloop.cli.printing import say
from evalloop.errors import ExitCode, RecordErrors
from evalloop.loop import check_evalsets, open_project
from evalloop.printable import many, one_line, printable

EPILOG = """Examples: evalloop validate; evalloop validate evalsets/citations; evalloop validate --json

Exit 0: all is well; 4: a file has problems, each is shown with its line and mend; 5: there is no evalset."""


@click.command("validate", epilog=EPILOG)
@click.argument("path", required=False, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def command(path: Path | None, as_json: bool) -> int:
    """Check evalsets and their variants without running them.

    PATH is a folder (all evalsets under it), a suite.yaml or one evalset file; by default the project's evalsets.
    """
    checked = check_evalsets(open_project(), path)
    if as_json:
        click.echo(json.dumps([_row(each) for each in checked], indent=1))
    else:
        for each in checked:
            _print(each)
    return ExitCode.USAGE if any(each.problems for each in checked) else ExitCode.OK


def _row(each: Checked) -> dict[str, object]:
    problems = [{"file": error.file, "line": error.line, "field": error.field, "message": error.message,
                 "fix": error.fix} for error in each.problems]
    return {"path": str(each.path), "evalset": each.name, "cases": len(each.cases), "clusters": each.clusters(),
            "statuses": dict(Counter(case.status for case in each.cases)), "variants": list(each.variants),
            "problems": problems}


def _print(each: Checked) -> None:
    if each.problems:
        click.echo(f"{each.path}: {many(len(each.problems), 'problem')}")
        click.echo(printable(str(RecordErrors(each.problems))), err=True)
        return
    statuses = Counter(case.status for case in each.cases)
    counts = ", ".join(f"{count} {status}" for status, count in sorted(statuses.items()))
    say(f"{each.path}: {one_line(each.name)}, {many(len(each.cases), 'case')} ({counts}), "
        f"{many(len(each.variants), 'variant')}: ok")
    for cluster, count in each.clusters().items():
        click.echo(f"    {count:6d}  {one_line(cluster)}")

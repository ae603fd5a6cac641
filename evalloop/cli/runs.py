"""``evalloop runs``: the runs there are, and one made of shards."""

from __future__ import annotations

import json

import click

from evalloop import loop
from evalloop.cli.printing import show_table
from evalloop.printable import many, one_line


@click.group("runs", invoke_without_command=True,
             epilog="Examples: evalloop runs; evalloop runs --json; evalloop runs merge part-1 part-2 --name whole")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """List runs, the oldest first; the last is what @latest means, @{-1} is the one before it.

    Wherever a RUN is named, these work: its name or id, a path, @latest, @{-1}, and a branch, tag or commit of git: the
    newest run that was made there with no file changed.
    """
    if ctx.invoked_subcommand is None:
        _list(as_json)


@command.command("merge", epilog="Example: evalloop runs merge part-1 part-2 --name whole")
@click.argument("runs", nargs=-1, required=True)
@click.option("--name", help="name of the new run (default: evalset, variant and time)")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def merge(runs: tuple[str, ...], name: str | None, as_json: bool) -> int:
    """Make one run of RUNS, the shards of one run (--shard I/N), perhaps from several machines.

    RUNS are names or paths of run logs. They stay as they are. Exit 7 when trials ended in an error, or a shard was not
    finished: --resume goes on with the new run.
    """
    from evalloop.cli.live import Live
    from evalloop.cli.run import tell
    from evalloop.errors import ExitCode

    outcome = loop.merge_runs(loop.open_project(), runs, name)
    tell([outcome], Live(), as_json)
    return ExitCode.INCOMPLETE if outcome.summary.errors or outcome.summary.stopped else ExitCode.OK


def _list(as_json: bool) -> None:
    runs = loop.list_runs(loop.open_project())
    if as_json:
        click.echo(json.dumps([{**run.to_dict(), "case_ids": len(run.case_ids),
                                "summary": summary and summary.to_dict()} for run, summary in runs], indent=1))
        return
    if not runs:
        click.echo("no runs yet; make one with evalloop run")
        return
    rows = []
    for run, summary in runs:
        said = summary and (summary.stopped or (many(summary.errors, "error") if summary.errors else "done"))
        verdicts = (summary.passed, summary.failed) if summary else ("", "")
        rows.append([one_line(each, limit=60) for each in (
            run.name, run.evalset, run.variant.name, run.created_at[:16], str(run.cases or ""), *map(str, verdicts),
            said or "unfinished")])
    headers = ["run", "evalset", "variant", "begun (UTC)", "cases", "passed", "failed", "last sitting"]
    show_table(rows, headers, below=("evalset", "begun (UTC)"))

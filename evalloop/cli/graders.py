"""``evalloop graders``: every grader that a case may name."""

from __future__ import annotations

import json

import click

from evalloop.cli.printing import show_table
from evalloop.contracts import Grader
from evalloop.errors import ExitCode
from evalloop.loop import open_project
from evalloop.plugins import PluginHost
from evalloop.printable import one_line

WIDTH = 72


@click.command("graders", epilog="Examples: evalloop graders; evalloop graders json; evalloop graders --json")
@click.argument("word", required=False)
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def command(word: str | None, as_json: bool) -> int:
    """List the graders, or those with WORD in their name or first line. Exit 5 when there is none.

    A grader that needs a judge asks a model, and one that needs an embedding asks the embedder: both may cost money.
    """
    host = open_project().host
    wanted = (word or "").casefold()
    found = [each for each in host.all("graders") if wanted in f"{each.name} {told(each)}".casefold()]
    if as_json:
        click.echo(json.dumps([about(host, each) for each in found], indent=1))
    else:
        rows = [[one_line(each.name), one_line(", ".join(sorted(each.needs)) or "-"),
                 one_line(host.owner("graders", each.name).name), one_line(told(each), limit=WIDTH)] for each in found]
        show_table(rows, ["grader", "needs", "plugin", "what it does"], cut=("plugin", "what it does"))
        click.echo("\nevalloop explain GRADER shows options and an example")
    return ExitCode.OK if found else ExitCode.EMPTY


def told(grader: Grader) -> str:
    """The first line of a grader's documentation."""
    return (type(grader).__doc__ or "").strip().split("\n")[0]


def about(host: PluginHost, grader: Grader) -> dict[str, object]:
    """What there is to know of a grader, as JSON types."""
    return {"name": grader.name, "version": grader.version, "plugin": host.owner("graders", grader.name).name,
            "about": (type(grader).__doc__ or "").strip(), "deterministic": grader.deterministic,
            "needs": sorted(grader.needs), "short": grader.short, "schema": dict(grader.schema)}

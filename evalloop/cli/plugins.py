"""``evalloop plugins``: who is loaded, what they give, and what is wrong with the others."""

from __future__ import annotations

import json
from dataclasses import asdict
from textwrap import indent

import click

from evalloop.cli.printing import say
from evalloop.errors import ExitCode
from evalloop.loop import open_project
from evalloop.plugins import BUILT_IN, KINDS
from evalloop.printable import one_line, printable


@click.command("plugins", epilog="Examples: evalloop plugins; evalloop plugins --all; evalloop plugins --trace")
@click.option("--all", "everything", is_flag=True, help="show the built-in ones too")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
@click.option("--trace", is_flag=True, help="show the traceback of broken plugins")
def command(everything: bool, as_json: bool, trace: bool) -> int:
    """List plugins, their state and what they give. Exit 4 when one is broken or doubled.

    --json holds all of them, the built-in ones too.
    """
    host = open_project().host
    host.wake(*KINDS)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in host.plugins], indent=1))
        return ExitCode.USAGE if host.problems() else ExitCode.OK
    shown = [each for each in host.plugins if everything or each.origin != BUILT_IN]
    if not everything:
        say(f"{len(host.plugins) - len(shown)} are built in; evalloop plugins --all shows them")
    for each in shown:
        say(one_line(f"{each.name} {each.version} ({each.origin}): {each.state}", limit=200))
        for kind, names in each.provides.items():
            say(f"    {kind}: {one_line(', '.join(names), limit=2000)}")
        if each.problem:
            click.echo(indent(printable(each.problem), "    "))
        if trace and each.trace:
            click.echo(printable(each.trace))
    return ExitCode.USAGE if host.problems() else ExitCode.OK

"""``evalloop status``: the loop at a glance."""

from __future__ import annotations

import json

import click

from evalloop import loop
from evalloop.cli.printing import say
from evalloop.cli.steps import watched
from evalloop.printable import one_line

MARKS = {"works": ("works", "green"), "thin": ("thin", "yellow"), "exhaust": ("EXHAUST", "red")}


@click.command("status", epilog="Examples: evalloop status; evalloop status --json")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def command(*, as_json: bool) -> None:
    """Show the five parts of the loop, how long things take, and the one command to run next.

    A part is exhaust when what comes into it goes nowhere: votes that nobody groups, themes without cases, runs that
    decide nothing, releases that nobody asks production about.
    """
    with watched(loop.open_project()) as project:
        told = loop.status(project)
    if as_json:
        click.echo(json.dumps(told.to_dict(), indent=1, ensure_ascii=False))
        return
    for part in told.parts:
        mark, color = MARKS[part.state]
        say(f"{part.name:<15}{click.style(f'{mark:<9}', fg=color)}{one_line(part.says, limit=200)}", hang=24)
    spans = (("signal to case", told.days_signal_to_case), ("case to release", told.days_case_to_release),
             ("release to confirmed", told.days_release_to_confirmed))
    told_spans = ", ".join(f"{name} {'-' if days is None else f'{days:.1f}'}" for name, days in spans)
    say(f"\nmedian days: {told_spans}")
    say(f"next: {click.style(told.next_command, bold=True)}   ({one_line(told.why, limit=120)})")

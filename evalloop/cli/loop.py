"""``evalloop loop``: one turn, unattended."""

from __future__ import annotations

import re
from datetime import timedelta

import click

from evalloop import loop
from evalloop.cli.printing import say
from evalloop.errors import ExitCode, UsageError
from evalloop.printable import one_line

EPILOG = """\b
Examples:
  evalloop loop --since 7d
  0 6 * * 1  cd /srv/product && evalloop loop --since 7d      (cron, Mondays at six)
"""


@click.command("loop", epilog=EPILOG)
@click.option("--since", default="7d", show_default=True, metavar="DAYS", help="length of a turn: 1d, 7d, 14d")
@click.option("--evalset", default="feedback", show_default=True, help="evalset that candidates go to")
@click.option("--again", is_flag=True, help="do every step again, also those done in this turn")
def command(since: str, evalset: str, *, again: bool) -> int:
    """Turn the loop once without anybody watching: drain, signals, cluster, grow, verify.

    Run it from cron or CI. What was done in the same turn is not done twice; after an error the next call goes on
    where it stopped. Nothing is accepted, released or sent: what needs a human is printed at the end. Exit 7 when a
    step broke.
    """
    made = loop.turn(loop.open_project(), _span(since), evalset=evalset, again=again,
                     progress=lambda name: click.echo(f"{name} ...", err=True))
    for step in made.steps:
        say(f"{step.name:<9}{step.state:<9}{one_line(step.told, limit=400)}", hang=18)
    say("\nfor a human:" if made.human else "\nnothing waits for a human")
    for line in made.human:
        say(f"  - {one_line(line, limit=200)}")
    return ExitCode.INCOMPLETE if made.failed else ExitCode.OK


def _span(text: str) -> timedelta:
    match = re.fullmatch(r"([1-9][0-9]{0,3})d?", text.strip())
    if not match:
        raise UsageError(f"{text!r} is no number of days", fix="write --since 7d")
    return timedelta(days=int(match[1]))

"""``evalloop forget``: a user who wants to be forgotten."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from evalloop import loop
from evalloop.cli.printing import say
from evalloop.errors import ExitCode, UsageError
from evalloop.printable import one_line

if TYPE_CHECKING:
    from evalloop.loop.forgetting import Forgotten

EPILOG = """\b
Examples:
  evalloop forget ada --dry-run
  evalloop forget ada
  evalloop forget --pending
"""


@click.command("forget", epilog=EPILOG)
@click.argument("user", required=False)
@click.option("--pending", is_flag=True, help="erase every user that an event privacy.erased names")
@click.option("--dry-run", is_flag=True, help="only count what there is")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def command(user: str | None, pending: bool, dry_run: bool, as_json: bool) -> int:
    """Erase USER (your own id of the user, or its hash) from everything that the project keeps.

    Events, signals, dead letters, the lake and themes lose the user's rows and words, also answers that name no user
    and on which this user alone acted; cases made of them are taken out of the evalsets; the user's words are taken out
    of runs, exports, reports and notes. A receipt with counts stays, and events of the time before that come later and
    name the user are refused. Exit code 7 when words may be left somewhere; the places are named.
    """
    if (user is None) != pending or (pending and dry_run):
        raise UsageError("say whom to forget", fix="evalloop forget USER [--dry-run], or evalloop forget --pending")
    project = loop.open_project()
    done = loop.forget_pending(project) if user is None else [loop.forget_user(project, user, dry_run=dry_run)]
    if as_json:
        click.echo(json.dumps([asdict(each) for each in done], indent=1))
    else:
        for each in done:
            _print(each, dry_run=dry_run)
    if not done:
        click.echo("nobody asks to be forgotten", err=True)
        return ExitCode.EMPTY
    return ExitCode.INCOMPLETE if any(each.left for each in done) else ExitCode.OK


def _print(done: Forgotten, *, dry_run: bool) -> None:
    counts = ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in done.counts.items())
    click.echo(f"{'would erase' if dry_run else 'erased'}: {counts}")
    for name in done.changed:
        say(f"    changed {one_line(name, limit=200)}")
    for name in done.left:
        click.echo(f"    words may be left in {one_line(name, limit=200)}", err=True)
    if not dry_run:
        click.echo(f"receipt {done.receipt}")

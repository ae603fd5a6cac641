"""``evalloop deadletter``: what was sent and is no event."""

from __future__ import annotations

import json
from dataclasses import asdict

import click

from evalloop import loop
from evalloop.cli.printing import say
from evalloop.errors import ExitCode
from evalloop.printable import many, one_line

EPILOG = """\b
Examples:
  evalloop deadletter list
  evalloop deadletter list --json > letters.json
  evalloop deadletter replay
  evalloop deadletter drop 3 4
"""


@click.group("deadletter", epilog=EPILOG)
def command() -> None:
    """List, replay or drop what a collector was sent and could not take.

    Letters are kept masked, with what is wrong with each. After a mend (a newer version that knows more event types,
    say) replay tries them again.
    """


@command.command("list")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="letters to show at most")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def list_(limit: int, as_json: bool) -> int:
    """Show the letters, oldest first, with what is wrong."""
    letters, total = loop.dead_letters(loop.open_project(), limit=limit)
    if as_json:
        click.echo(json.dumps([asdict(each) for each in letters], ensure_ascii=False, indent=1))
    else:
        for each in letters:
            again = f", {each.times} times" if each.times > 1 else ""
            say(f"{each.id}  {each.first_at[:19]}Z  {each.key_id or ''}{again}")
            for problem in each.problems:
                say(f"    {one_line(problem, limit=200)}")
            say(f"    {one_line(each.body, limit=160)}")
        say(many(total, "dead letter") + (f", the first {len(letters)} shown" if total > len(letters) else ""))
    return ExitCode.OK if total else ExitCode.EMPTY


@command.command("replay")
@click.argument("ids", nargs=-1, type=int, metavar="[ID]...")
def replay(ids: tuple[int, ...]) -> int:
    """Try the letters again (default: all); those that are events now leave the list."""
    stored, left = loop.replay_letters(loop.open_project(), ids)
    click.echo(f"{stored:,} stored, {left:,} still no {'event' if left == 1 else 'events'}")
    return ExitCode.USAGE if left else ExitCode.OK


@command.command("drop")
@click.argument("ids", nargs=-1, type=int, required=True, metavar="ID...")
def drop(ids: tuple[int, ...]) -> None:
    """Forget letters for good."""
    say(f"dropped {many(loop.drop_letters(loop.open_project(), ids), 'dead letter')}")

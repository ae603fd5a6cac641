"""``evalloop store``: the event store - the inbox that captures write to, and the lake that analysis reads."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict

import click

from evalloop import loop
from evalloop.cli.printing import say
from evalloop.errors import ExitCode
from evalloop.printable import many, printable

EPILOG = """\b
Examples:
  evalloop store drain
  evalloop store drain --settle-days 0 --json
"""


@click.group("store", epilog="Example: evalloop store drain")
def command() -> None:
    """Look after the event store: the inbox that captures write to, and the lake that analysis reads."""


@command.command("drain", epilog=EPILOG)
@click.option("--settle-days", type=click.IntRange(0), metavar="DAYS",
              help="leave events of the last DAYS days (UTC) in the inbox (default: the setting settle_days)")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def drain(settle_days: int | None, as_json: bool) -> int:
    """Move settled days from the inbox into the lake: Parquet files by day, which analysis reads fastest.

    Nothing is lost or doubled when it is killed: run it again. Late events become further files of their day. What
    analysis sees does not change. Exit 4 when an event is in conflict: the lake has another body under its id.
    """
    with _progress(show=not as_json and sys.stderr.isatty()) as progress:
        done = loop.drain(loop.open_project(settle_days=settle_days), progress=progress)
    if as_json:
        click.echo(json.dumps(asdict(done), indent=1))
        return ExitCode.USAGE if done.conflicts else ExitCode.OK
    say(f"moved {many(done.moved, 'event')} of {many(done.days, 'day')} into {many(done.parts, 'file')}")
    if done.already:
        click.echo(f"{done.already:,} events were in the lake already")
    for name in done.conflicts:
        say(f"conflict: {printable(name)} is in the lake with another body; this one stays in the inbox, unread")
    return ExitCode.USAGE if done.conflicts else ExitCode.OK


@command.command("migrate")
def migrate() -> None:
    """Carry the store over to the layout of this version (a SQLite file is carried over when it is opened).

    Stop collectors of an older version first.
    """
    say(f"the store has layout {loop.migrate_store(loop.open_project())}")


@command.command("stats")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def stats(as_json: bool) -> int:
    """Say how many events of each type wait in the inbox, what the lake holds, and how many letters are dead."""
    held = loop.store_stats(loop.open_project())
    if as_json:
        click.echo(json.dumps(held, indent=1))
        return ExitCode.OK
    for name, number in sorted(held["inbox"].items()):
        click.echo(f"inbox  {printable(name)}: {number:,}")
    say(f"lake   {held['lake']['events']:,} events in {held['lake']['files']:,} files of "
        f"{held['lake']['days']:,} days")
    say(f"{held['dead_letters']:,} dead letters, {held['erasures']:,} erased users")
    return ExitCode.OK


@command.command("prune")
@click.option("--days", type=click.FloatRange(0), help="drop what is older (default: the setting retention_days)")
def prune(days: float | None) -> None:
    """Drop events and dead letters that are too old, and events past their own privacy.expires_at."""
    counts = loop.prune_store(loop.open_project(), days=days)
    say("dropped " + ", ".join(f"{number:,} {name.replace('_', ' ')}" for name, number in counts.items()))


@contextmanager
def _progress(*, show: bool) -> Iterator[Callable[[str, int], None]]:
    """Hears of the steps of a drain; on a terminal the events moved so far are shown."""
    if not show:
        yield lambda step, rows: None
        return
    from rich.console import Console

    moved = 0
    with Console(stderr=True).status("looking for settled days ...") as status:
        def step(name: str, rows: int) -> None:
            nonlocal moved
            moved += rows if name == "committed" else 0
            status.update(f"{moved:,} events moved ...")

        yield step

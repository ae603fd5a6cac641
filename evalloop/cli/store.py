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
from evalloop.errors import ExitCode, UsageError
from evalloop.printable import many, one_line, printable

EPILOG = """\b
Examples:
  evalloop store drain
  evalloop store drain --settle-days 0 --json
"""
CONFLICTS = """\b
Examples:
  evalloop store conflicts
  evalloop store conflicts --keep lake 0192f3a1-7c55-7d10-8000-0a1b2c3d4e5f
  evalloop store conflicts --keep inbox --all
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
        say(f"{many(done.already, 'event')} in the lake already")
    for name in done.conflicts:
        say(f"conflict: {printable(name)} is in the lake with another body; this one stays in the inbox, unread")
    if done.conflicts:
        say("evalloop store conflicts shows what differs; with --keep it drops one of the two")
    return ExitCode.USAGE if done.conflicts else ExitCode.OK


@command.command("conflicts", epilog=CONFLICTS)
@click.argument("ids", nargs=-1, metavar="[EVENT]...")
@click.option("--keep", type=click.Choice(["lake", "inbox"]),
              help="which event of the two counts; the other one is dropped for good")
@click.option("--all", "every", is_flag=True, help="with --keep: all events in conflict")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def conflicts(ids: tuple[str, ...], keep: str | None, every: bool, as_json: bool) -> int:
    """List the events of the inbox whose ids the lake has with another body; with --keep, settle them.

    Nothing reads such an event, and no drain moves it. Signals are derived anew after a choice; themes, cases and
    reports that were made stay as they are.
    """
    if keep is None:
        if every:
            raise UsageError("--all needs --keep", fix="say which event of the two counts: --keep lake or --keep inbox")
        return _list_conflicts(ids, as_json=as_json)
    if bool(ids) == every:
        raise UsageError("--keep needs the ids of events, or --all", fix="evalloop store conflicts lists them")
    settled = loop.settle_conflicts(loop.open_project(), ids, accepted=keep == "inbox")
    dropped = "inbox" if keep == "lake" else "lake"
    click.echo(json.dumps({"kept": keep, "dropped": settled}, indent=1) if as_json
               else f"dropped {many(settled, 'event')} of the {dropped}, kept those of the {keep}")
    return ExitCode.OK


def _list_conflicts(ids: tuple[str, ...], *, as_json: bool) -> int:
    found = [each for each in loop.conflicts(loop.open_project()) if not ids or each.event_id in ids]
    if as_json:
        click.echo(json.dumps([asdict(each) for each in found], ensure_ascii=False, indent=1))
        return ExitCode.OK if found else ExitCode.EMPTY
    for each in found:
        click.echo(f"{printable(each.event_id)}  {each.day}")
        for one in each.differs:
            lake, inbox = (one_line(json.dumps(value, ensure_ascii=False), limit=70) for value in (one.lake, one.inbox))
            click.echo(f"    {printable(one.field)}: {lake} in the lake, {inbox} in the inbox")
    click.echo(f"{many(len(found), 'event')} in conflict")
    return ExitCode.OK if found else ExitCode.EMPTY


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
    say(f"lake   {many(held['lake']['events'], 'event')} in {many(held['lake']['files'], 'file')} of "
        f"{many(held['lake']['days'], 'day')}")
    say(f"{many(held['dead_letters'], 'dead letter')}, {many(held['erasures'], 'erased user')}")
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
            status.update(f"{many(moved, 'event')} moved ...")

        yield step

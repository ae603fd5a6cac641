"""``evalloop cache``: the answers that were kept."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime

import click

from evalloop import loop
from evalloop.cli.printing import say
from evalloop.errors import UsageError
from evalloop.printable import many, one_line


@click.group("cache", epilog="Examples: evalloop cache stats; evalloop cache prune --days 30 --max-mb 500")
def command() -> None:
    """Show or prune the answers that runs keep and reuse."""


@command.command("stats")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def stats(as_json: bool) -> None:
    """Say how many answers are kept, how large, how old, and of which targets."""
    held = loop.cache_stats(loop.open_project())
    if as_json:
        click.echo(json.dumps(asdict(held) if held else {"entries": 0}, indent=1))
        return
    if held is None or not held.entries:
        click.echo("the cache is empty")
        return
    say(f"{many(held.entries, 'answer')}, {held.bytes / 1e6:.1f} MB ({held.file_bytes / 1e6:.1f} MB on disk), "
        f"from {_day(held.oldest)} to {_day(held.newest)}")
    for target, count in held.targets.items():
        say(f"    {one_line(target, limit=80)}: {count:,}")


@command.command("prune")
@click.option("--days", type=click.FloatRange(0), help="drop answers older than so many days")
@click.option("--max-mb", type=click.FloatRange(0), help="then drop the oldest until the rest takes so many megabytes")
@click.option("--all", "everything", is_flag=True, help="drop all answers")
def prune(days: float | None, max_mb: float | None, everything: bool) -> None:
    """Drop answers; the next run that asks the same pays again."""
    if not everything and days is None and max_mb is None:
        raise UsageError("nothing says what to drop", fix="give --days, --max-mb or --all")
    dropped = loop.prune_cache(loop.open_project(), days=days, max_mb=0.0 if everything else max_mb)
    click.echo(f"dropped {many(dropped, 'answer')}")


def _day(seconds: float | None) -> str:
    return datetime.fromtimestamp(seconds or 0, UTC).strftime("%Y-%m-%d")

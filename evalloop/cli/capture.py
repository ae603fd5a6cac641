"""``evalloop capture``: rows of a file become events in the store."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalloop.cli.printing import say
from evalloop.errors import ExitCode, UsageError
from evalloop.loop import Reading, capture, open_project, platforms
from evalloop.printable import many, printable

if TYPE_CHECKING:
    from evalloop.capture.importing import Captured, Watcher
    from evalloop.errors import RecordError

LISTED = 20
BASES = ("consent", "contract", "legitimate_interest", "none")
PURPOSES = ("ops", "analytics", "eval", "training", "notify")

EPILOG = """\b
Examples:
  evalloop capture votes.jsonl
  evalloop capture chats.csv.gz --mapping chats.yaml --dry-run
  evalloop capture chats.parquet --mapping chats.yaml --skip-invalid --json
  evalloop capture scores.csv --from langfuse --option max=5
  evalloop capture postgresql://reader@db/shop --query ratings --cursor id --mapping ratings.yaml
  evalloop capture --list
"""


@click.command("capture", epilog=EPILOG)
@click.argument("place", metavar="FILE", required=False)
@click.option("--from", "platform", metavar="PLATFORM", default="", help="FILE is what this platform exports (--list "
              "shows them all)")
@click.option("--list", "show", is_flag=True, help="show the platforms and their options")
@click.option("--mapping", type=click.Path(path_type=Path), help="file that says how rows become events; without it "
              "each row is an event already")
@click.option("--query", metavar="SQL", default="", help="FILE is the address of a database (a SQLAlchemy URL), read "
              "by this SELECT, or this table")
@click.option("--cursor", metavar="COLUMN", default="", help="column of the query that only grows: an import goes on "
              "where the last one stopped")
@click.option("--restart", is_flag=True, help="read all rows of the query again")
@click.option("--option", "options", metavar="NAME=VALUE", multiple=True, help="sets an option of the mapping")
@click.option("--consent", metavar="BASIS:PURPOSE,...", help="what your users agreed to, for events that do not say "
              "it; without it they are only counted")
@click.option("--dry-run", is_flag=True, help="check everything, store nothing, show the first event")
@click.option("--skip-invalid", is_flag=True, help="exit 0 although some rows were refused (they are still listed)")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def command(place: str | None, platform: str, show: bool, mapping: Path | None, query: str, cursor: str,
            restart: bool, options: tuple[str, ...], consent: str | None, dry_run: bool, skip_invalid: bool,
            as_json: bool) -> int:
    """Import events from FILE (CSV, JSON, JSON Lines, all also as .gz, Parquet, or a folder saved by datasets).

    Rows are events already, or a mapping file makes events of them, your own (--mapping) or the one for the export of
    another platform (--from). Good rows are stored; rows that are not are listed with line and field, and the exit code
    is 4. Personal data is masked before anything is stored (setting masker). Importing the same file again stores
    nothing twice.
    """
    if show:
        _print_platforms()
        return ExitCode.OK
    if not place:
        raise UsageError("no file is named", fix="evalloop capture FILE; `evalloop capture --list` shows the platforms")
    if mapping and platform:
        raise UsageError("--mapping and --from both say how rows are read", fix="leave one of them out")
    how = Reading(mapping, platform, _pairs(options), _consent(consent), query, cursor, restart)
    result = _import(place, how, dry_run=dry_run, show=not as_json and sys.stderr.isatty())
    if result is None:
        return ExitCode.INTERRUPTED
    if as_json:
        click.echo(json.dumps(_as_dict(result), ensure_ascii=False, indent=1))
    else:
        _print(result, dry_run=dry_run, platform=platform)
    if not result.rows:
        click.echo(f"no rows in {printable(result.place)}", err=True)
        return ExitCode.EMPTY
    return ExitCode.OK if result.clean or skip_invalid else ExitCode.USAGE


def _import(place: str, how: Reading, *, dry_run: bool, show: bool) -> Captured | None:
    """What was imported; None when it was interrupted, and that was said."""
    stored = 0

    def count(rows: int) -> None:
        nonlocal stored
        stored = rows

    try:
        with _watcher(count, show=show) as watcher:
            return capture(open_project(), place, how, dry_run=dry_run, watcher=watcher)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        if not dry_run:
            _say_kept(stored, how)
        return None


def _pairs(options: tuple[str, ...]) -> dict[str, str]:
    for each in options:
        if "=" not in each:
            raise UsageError(f"--option {each} has no value", fix="write --option NAME=VALUE")
    return {name: value for name, _, value in (each.partition("=") for each in options)}


def _consent(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    basis, _, purposes = text.partition(":")
    named = [each.strip() for each in purposes.split(",") if each.strip()]
    if basis not in BASES or not named or not set(named) <= set(PURPOSES):
        raise UsageError(f"--consent {text} is not understood", fix=f"write BASIS:PURPOSE,... with a basis of "
                         f"{', '.join(BASES)} and purposes of {', '.join(PURPOSES)}")
    return {"basis": basis, "purposes": named}


def _print_platforms() -> None:
    for each, file in platforms(open_project()):
        say(f"{each.name:<13} {printable(file.data.get('description', ''))}", hang=14)
        for name, spec in file.data.get("options", {}).items():
            values = " | ".join(spec.get("in", ()))
            say(f"{'':<15}--option {name}={spec['default']}  {spec.get('help', '')}"
                + (f" ({values})" if values else ""), hang=17)


@contextmanager
def _watcher(count: Callable[[int], None], *, show: bool) -> Iterator[Watcher]:
    """A bar of the rows that are made and stored, if ``show``; ``count`` hears how many are stored."""
    from evalloop.capture.importing import Watcher

    if not show:
        yield Watcher(stored=count)
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn

    columns = (SpinnerColumn(), BarColumn(), TextColumn("{task.completed:,.0f} rows{task.fields[stored]}"),
               TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("capture", total=None, stored="")
        def stored(rows: int) -> None:
            count(rows)
            bar.update(task, stored=f", {rows:,} stored")

        yield Watcher(lambda rows: bar.update(task, total=rows), lambda rows: bar.update(task, completed=rows), stored)


def _say_kept(stored: int, how: Reading) -> None:
    """What is kept of an interrupted import, and how to go on."""
    known = f"the events of the first {many(stored, 'row')}, perhaps of more" if stored else "perhaps some events"
    again = "the same command without --restart" if how.restart else "the same command"
    then = "reads on from the last row that it noted" if how.cursor else "stores nothing twice"
    click.echo(f"    kept: {known}\n    go on with: {again}; it {then}", err=True)


def _print(result: Captured, *, dry_run: bool, platform: str) -> None:
    shown = list(_first_rows(result.errors))
    for error in shown:
        click.echo(printable(str(error)), err=True)
    if hidden := result.wrong - len(shown):
        click.echo(f"... and {hidden:,} more", err=True)
    if result.never_seen and not platform:  # a platform's mapping reads several versions of its export
        click.echo(f"warning: no row has {printable(', '.join(result.never_seen))}, which the mapping reads", err=True)
    kinds = ", ".join(f"{number:,} {name}" for name, number in sorted(result.by_type.items()))
    say(f"{many(result.rows, 'row')}: {many(result.events, 'event')}" + (f" ({kinds})" if kinds else ""))
    if dry_run:
        click.echo("nothing stored (dry run)")
        if result.sample:
            click.echo(printable(json.dumps(result.sample.to_dict(), ensure_ascii=False, indent=1)))
    else:
        say(f"stored {result.stored:,}, already there {result.already:,}, in conflict {result.conflicts:,}")
    say(f"rows refused {result.invalid:,}, passed over {result.passed_over:,}")
    for reason, number in sorted(result.because.items()):
        say(f"  passed over {number:,}: {printable(reason)}")
    if result.left_out:
        click.echo("not carried:")
    for name, left in result.left_out.items():
        say(f"  {printable(name)} ({many(left.rows, 'row')}): {printable(left.reason)}")
    if result.masked:
        told = [f"{kind} in {many(number, 'event')}" for kind, number in result.masked.items()]
        say(f"masked: {', '.join(told)}")


def _first_rows(errors: Sequence[RecordError]) -> Iterator[RecordError]:
    """The first errors, those of the last row whole."""
    for place, error in enumerate(errors):
        if place >= LISTED and error.line != errors[place - 1].line:
            return
        yield error


def _as_dict(result: Captured) -> dict[str, Any]:
    names = ("place", "rows", "passed_over", "events", "stored", "already", "conflicts", "invalid", "by_type", "masked")
    errors = [{"line": each.line, "field": each.field, "message": each.message, "fix": each.fix}
              for each in result.errors]
    left = {name: {"rows": each.rows, "reason": each.reason} for name, each in result.left_out.items()}
    return {**{name: getattr(result, name) for name in names}, "because": result.because, "left_out": left,
            "never_seen": list(result.never_seen), "errors": errors}

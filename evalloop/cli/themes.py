"""``evalloop themes``: the weekly digest, and what people decide of themes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalloop import loop
from evalloop.cli.printing import say, width_for
from evalloop.errors import EmptyError, UsageError
from evalloop.printable import one_line
from evalloop.records.cluster import STATUSES
from evalloop.terminal import fold, table

if TYPE_CHECKING:
    from evalloop.clusters.digest import Digest
    from evalloop.records.cluster import Cluster

EPILOG = """\b
Examples:
  evalloop themes
  evalloop themes --week 2026-W47 --format html --out themes.html
  evalloop themes --json
  evalloop themes rename c-1a2b3c4d5e "Broken citations"
  evalloop themes status c-1a2b3c4d5e fixed --release v12 --reason "cites by id"
  evalloop themes merge c-0123456789 c-1a2b3c4d5e
"""
FORMATS = ("text", "md", "json", "html")
WIDTH = 44
HEADERS = ("share", "95 % interval", "change to last\nweek, points", "weeks", "failures", "users", "theme", "state",
           "id")
BELOW = HEADERS[2], HEADERS[3], "state"


@click.group("themes", epilog=EPILOG, invoke_without_command=True)
@click.option("--week", metavar="YYYY-Www",
              help="how themes stood in the batch that this ISO week is part of (default: the last one)")
@click.option("--format", "form", type=click.Choice(FORMATS), help="how to print it (default: text)")
@click.option("--json", "as_json", is_flag=True, help="the same as --format json")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="write to this file instead")
@click.option("--top", type=click.IntRange(1), default=15, show_default=True, help="themes to print")
@click.option("--min-users", type=click.IntRange(1), help="hide themes of fewer users")
@click.pass_context
def command(context: click.Context, week: str | None, form: str | None, as_json: bool, out: Path | None, top: int,
            min_users: int | None) -> None:
    """Show what users complained of in a week: shares, changes, status, quotes.

    Each theme comes with its weighted share of all failures that were grouped at once (a week, the first time all of
    history), a 95 % interval clustered by user, the change of its share in the last week against the week before, in
    points, and its shares of the last weeks as a line. `evalloop cluster` finds the themes.
    """
    if context.invoked_subcommand is not None:
        return
    if as_json and form not in (None, "json"):
        raise UsageError(f"--json and --format {form} exclude each other", fix="leave one of the two out")
    from evalloop.clusters.digest import digest

    project = loop.open_project(min_users=min_users)
    themes = loop.read_themes(project, week)
    if themes is None:
        raise EmptyError("there are no themes", fix="evalloop cluster groups failures first")
    text = _render(digest(themes, min_users=project.config.min_users), "json" if as_json else form or "text", top,
                   width_for(out))
    if out:
        out.write_text(text, encoding="utf-8")
        click.echo(f"wrote {out}", err=True)
    else:
        click.echo(text, nl=not text.endswith("\n"))


@command.command("rename")
@click.argument("theme")
@click.argument("name")
def rename(theme: str, name: str) -> None:
    """Give THEME (id or name) a NAME that stays; it is kept in themes/names.yaml, for your git."""
    cluster, path = loop.rename_theme(loop.open_project(), theme, name)
    say(f"{cluster.cluster_id}: {one_line(cluster.label)} is now {one_line(name)} ({path})")


@command.command("merge")
@click.argument("theme")
@click.argument("into")
def merge(theme: str, into: str) -> None:
    """Make THEME a part of INTO from the next `evalloop cluster` on; it is kept in themes/names.yaml."""
    one, other, path = loop.join_themes(loop.open_project(), theme, into)
    say(f"{one.cluster_id} ({one_line(one.label)}) belongs to {other.cluster_id} ({one_line(other.label)}) "
        f"from now on ({path})")


@command.command("status")
@click.argument("theme")
@click.argument("status", type=click.Choice(STATUSES))
@click.option("--reason", required=True, help="why; it is kept")
@click.option("--release", help="the release that mends it (needed for fixed): a recorded one, where "
              "there are any")
@click.option("--by", default="", help="who says so")
def status(theme: str, status: str, reason: str, release: str | None, by: str) -> None:
    """Move THEME to another STATUS of its life."""
    project = loop.open_project()
    if release:
        loop.check_recorded(project, release)
    move = loop.move_theme(project, theme, status, reason=reason, release=release, by=by)
    click.echo(f"{move.cluster_id}: {move.before} -> {move.status}")


@command.command("history")
@click.argument("theme", required=False)
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def history(theme: str | None, as_json: bool) -> None:
    """Show every step in the life of THEME (default: of all), oldest first."""
    project = loop.open_project()
    moves = loop.theme_history(project, loop.find_theme(project, theme).cluster_id if theme else None)
    if as_json:
        click.echo(json.dumps([each.to_dict() for each in moves], ensure_ascii=False, indent=1))
        return
    for move in moves:
        release = f" in {one_line(move.release)}" if move.release else ""
        who = f" ({one_line(move.by)})" if move.by else ""
        say(f"{move.at[:16]}  {move.cluster_id}  {move.before} -> {move.status}{release}: "
            f"{one_line(move.reason, limit=200)}{who}")


def _render(made: Digest, form: str, top: int, width: int | None) -> str:
    from evalloop.clusters.digest import as_markdown
    from evalloop.clusters.page import as_html

    if form == "json":
        shown = {"week": made.themes.week, "since": made.themes.since, "failures": made.themes.failures,
                 "users": made.themes.users, "red_team": made.themes.red_team, "hidden": made.hidden,
                 "hidden_share": made.hidden_share, "other": made.other.size if made.other else 0,
                 "themes": [each.to_dict() for each in (*made.shown, *made.attacks)]}
        return json.dumps(shown, ensure_ascii=False, indent=1)
    return _text(made, top, width) if form == "text" else {"md": as_markdown, "html": as_html}[form](made, top)


def _text(made: Digest, top: int, width: int | None) -> str:
    from evalloop.clusters.digest import footnotes, heading

    body = table([_row(each) for each in (*made.shown[:top], *made.attacks[:top])], HEADERS, align="rlllrrlll",
                 cut=("theme",), below=BELOW, key="id", width=width)
    left = len(made.shown) - top
    more = [f"(+{left} more; --top {len(made.shown)} shows all)"] if left > 0 else []
    return "\n".join([heading(made), "", body, *more, "", *(fold(note, width) for note in footnotes(made))])


def _row(cluster: Cluster) -> list[str]:
    from evalloop.clusters.digest import bars, spark, state

    change = "" if cluster.change is None else f"{cluster.change * 100:+.1f}"
    parts = "".join(f"\n  - {one_line(part.label, limit=WIDTH - 8)} {part.share:.0%}"
                    for part in cluster.subthemes[:4] if part.size)
    interval = f"{cluster.share_low:.1%} to {cluster.share_high:.1%}"
    return [f"{cluster.share:.1%}", interval, change, bars(spark(cluster)), f"{cluster.size:,}", f"{cluster.users:,}",
            one_line(cluster.label, limit=WIDTH) + parts, state(cluster), cluster.cluster_id]

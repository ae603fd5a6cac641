"""``evalloop cluster``: what the failures are about."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from evalloop.cli.printing import say, show_table
from evalloop.cli.steps import watched
from evalloop.errors import ExitCode
from evalloop.loop import find_clusters, open_project
from evalloop.printable import many, one_line
from evalloop.records.times import weeks_text

if TYPE_CHECKING:
    from evalloop.records.cluster import Cluster, Themes

EPILOG = """\b
Examples:
  evalloop cluster
  evalloop cluster --week 2026-W47 --json
  EVALLOOP_JUDGE_MODEL=gpt-4o-mini evalloop cluster      (a model names the themes)
"""


WIDTH = 60


@click.command("cluster", epilog=EPILOG)
@click.option("--week", metavar="YYYY-Www",
              help="group the batch again that this ISO week is part of (default: all that is new)")
@click.option("--top", type=click.IntRange(1), default=15, show_default=True, help="themes to print")
@click.option("--labeler", type=click.Choice(["auto", "phrases", "llm"]), help="who names themes")
@click.option("--min-cluster", type=click.IntRange(2), help="fewest failures that make a theme")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
@click.option("--embedder", help="who turns texts into vectors (default: the setting)")
@click.option("--clusterer", help="who groups vectors (default: the setting)")
def command(week: str | None, top: int, labeler: str | None, min_cluster: int | None, as_json: bool,
            embedder: str | None, clusterer: str | None) -> int:
    """Group failures into named themes with stable ids.

    The first time all failures are grouped; later only those of new weeks, and known themes keep ids, names and status.
    Grouping a batch again gives the same themes, and takes in failures that came late. Each theme is shown with its
    share of all failures and a 95 % interval clustered by user (a failure without a known user counts as a user of its
    own). Works offline; with a judge model set, the model names the themes. `evalloop themes` shows changes from week
    to week.
    """
    project = open_project(labeler=labeler, min_cluster=min_cluster, embedder=embedder, clusterer=clusterer)
    with watched(project):
        themes = find_clusters(project, week=week)
    if as_json:
        click.echo(json.dumps(themes.to_dict(), ensure_ascii=False, indent=1))
    else:
        _print(themes, top)
    return ExitCode.OK


def _print(themes: Themes, top: int) -> None:
    shown = [each for each in themes.clusters if each.size]
    say(f"{many(themes.failures, 'failure')} of {many(themes.users, 'user')}, "
        f"{weeks_text(themes.week, themes.since)}, in {many(themes.count, 'theme')}\n"
        "(a failure without a known user counts as a user of its own)\n")
    show_table([_row(each) for each in shown[:top]],
               ["share", "95 % interval", "failures", "users", "theme and a quote", "id"], align="rlrrll",
               cut=("theme and a quote",), key="id")
    if len(shown) > top:
        say(f"(+{len(shown) - top} more; --top {len(shown)} shows all)")


def _row(cluster: Cluster) -> list[str]:
    return [f"{cluster.share:.1%}", f"{cluster.share_low:.1%} to {cluster.share_high:.1%}", f"{cluster.size:,}",
            f"{cluster.users:,}", _told(cluster), cluster.cluster_id]


def _told(cluster: Cluster) -> str:
    """The label, and below it the most central quote that says something else."""
    label = one_line(cluster.label, limit=WIDTH)
    quotes = [one_line(quote, limit=WIDTH - 4) for quote in cluster.quotes]
    other = next((quote for quote in quotes if quote.casefold().rstrip(" .!?") != label.casefold().rstrip("?")), None)
    return f'{label}\n  "{other}"' if other else label

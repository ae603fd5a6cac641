"""``evalloop release``: what shipped."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import click

from evalloop import loop
from evalloop.cli.asking import asks_comparison, question
from evalloop.cli.printing import say, show_table
from evalloop.printable import one_line

if TYPE_CHECKING:
    from evalloop.records.release import Release

CREATE = """\b
Examples:
  evalloop release create 2026-12 before after
  evalloop release create 2026-12 before after --shipped 2026-12-01T09:00:00Z
  evalloop release create 2026-12-trial before after --experiment control new-prompt
"""


@click.group("release")
def command() -> None:
    """Record what shipped, with what production is expected to show."""


@command.command("create", epilog=CREATE)
@click.argument("name")
@asks_comparison
@click.option("--shipped", metavar="TIME", help="when users first meet it (default: now)")
@click.option("--experiment", nargs=2, metavar="BASE CAND",
              help="the two values of context.variant, when both are out at the same time")
@click.option("--json", "as_json", is_flag=True, help="print the record as JSON")
def create(name: str, shipped: str | None, experiment: tuple[str, str] | None, *, as_json: bool, **given: Any) -> None:
    """Record the release NAME of CAND over BASE as releases/NAME.json, a file for git.

    The record holds the variant, the evalset, the gate's verdict and, for every cluster that came from feedback, what
    production is to show: better where the gate supports it, no worse elsewhere. Written before production can answer,
    it is not changed when the command is repeated. evalloop verify NAME asks production.
    """
    release, path = loop.create_release(loop.open_project(), name, question(given), shipped_at=shipped,
                                        variants=experiment or ())
    if as_json:
        click.echo(json.dumps(release.to_dict(), indent=1, ensure_ascii=False))
        return
    say(f"{path}: {one_line(release.candidate)} over {one_line(release.baseline)}, gate {release.gate}")
    for each in release.expectations:
        if each.cluster_id:
            say(f"  expected in production: {one_line(each.theme)} {each.direction}")
    if not any(each.cluster_id for each in release.expectations):
        say("  no cluster came from feedback: there is nothing to verify in production")
    if release.gate != "PASS":
        say(f"  the gate did not pass ({release.gate}): no improvement may be claimed", err=True)


@command.command("list", epilog="Example: evalloop release list")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def show_all(*, as_json: bool) -> None:
    """List releases, oldest first, with what production said of them."""
    releases = loop.list_releases(loop.open_project())
    if as_json:
        click.echo(json.dumps([each.to_dict() for each in releases], indent=1, ensure_ascii=False))
        return
    show_table([_row(each) for each in releases], ["release", "shipped", "gate", "claims", "production"])


@command.command("show", epilog="Example: evalloop release show 2026-12")
@click.argument("name")
def show(name: str) -> None:
    """Print the record of a release as JSON."""
    click.echo(json.dumps(loop.find_release(loop.open_project(), name).to_dict(), indent=1, ensure_ascii=False))


def _row(release: Release) -> list[str]:
    said = Counter(each.verdict for each in release.checks)
    return [release.name, (release.shipped_at or release.created_at)[:10], release.gate, str(len(release.improved)),
            ", ".join(f"{count} {verdict}" for verdict, count in said.most_common()) or "-"]


"""``evalloop verify``: did it really get better in production?"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from evalloop import loop
from evalloop.cli.printing import say, show_table
from evalloop.cli.steps import watched
from evalloop.errors import ExitCode
from evalloop.printable import many, one_line

if TYPE_CHECKING:
    from evalloop.records.release import Check, Release

EPILOG = """\b
Examples:
  evalloop verify 2026-12
  evalloop verify 2026-12 --segment locale --segment plan
  evalloop verify 2026-12 --now 2026-12-14 --no-keep --json
"""


@click.command("verify", epilog=EPILOG)
@click.argument("name")
@click.option("--segment", "segments", multiple=True, metavar="KEY",
              help="key of the context or of the users' segment that tells kinds of traffic apart (may be repeated)")
@click.option("--baseline-days", type=click.IntRange(1), default=28, show_default=True,
              help="days before the release to compare with; whole weeks")
@click.option("--days", type=click.IntRange(1), default=60, show_default=True,
              help="days after which the answer is final")
@click.option("--split", type=click.FloatRange(0, 1, min_open=True, max_open=True), default=0.5, show_default=True,
              help="share of users that an experiment gives the candidate")
@click.option("--now", metavar="TIME", help="look as if it were that time (default: now)")
@click.option("--keep/--no-keep", default=True, show_default=True, help="write what was found into the release record")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def command(name: str, segments: Sequence[str], baseline_days: int, days: int, split: float, now: str | None, *,
            keep: bool, as_json: bool) -> int:
    """Ask production whether the release NAME helped: confirmed, not yet, no change, or worse, for each theme.

    May be run every day: looking often raises no false alarm. The unit is the user, with their first answers of the
    period; users are compared within kinds of traffic, so that a change of the mix alone proves nothing. What lets
    users down beside the claimed themes is the control. A theme that is worse, or came back after it was resolved, is
    reopened with its retired cases. Exit 1 when a theme is worse.
    """
    from evalloop.notes.verify import Watch

    project = loop.open_project()
    watch = Watch(project.config.alpha, days, split)
    with watched(project):
        release = loop.verify_release(project, name, now=now, segments=segments, baseline_days=baseline_days,
                                      watch=watch, keep=keep)
    if as_json:
        click.echo(json.dumps([each.to_dict() for each in release.checks], indent=1, ensure_ascii=False))
    else:
        _print(release)
    return ExitCode.GATE_FAILED if any(each.verdict == "worse" for each in release.checks) else ExitCode.OK


def _print(release: Release) -> None:
    themes = {each.cluster: each for each in release.expectations}
    rows = [[one_line(themes[each.cluster].theme or each.cluster, limit=40), themes[each.cluster].direction,
             each.verdict.upper() if each.verdict == "worse" else each.verdict, *_figures(each)]
            for each in release.checks]
    head = ["theme", "expected", "production says", "before", "after", "after / before", "p"]
    show_table(rows, head, align="lllrrrr", cut=("theme",))
    if release.checks:
        first = release.checks[0]
        say(f"\nshare of users let down; {many(first.users_before, 'user')} before, "
            f"{first.users_after:,} after; limits and p hold however often one looks")
    for each in release.checks:
        since = f", clear since {each.decided_on[:10]}" if each.decided_on else ""
        say(f"{one_line(each.cluster, limit=40)}: {one_line(each.reason, limit=200)}{since}")
        if each.reopened:
            say(f"  candidates again: {many(len(each.reopened), 'retired case')} of it: evalloop review")


def _figures(check: Check) -> list[str]:
    after = "-" if check.after is None else f"{check.after:.2%}"
    high = "∞" if check.ratio_high is None else f"{check.ratio_high:.2f}"
    ratio = "-" if check.ratio is None else f"{check.ratio:.2f} ({check.ratio_low or 0:.2f} to {high})"
    return [f"{check.before:.2%}", after, ratio, f"{check.p:.2g}"]

"""``evalloop signals report`` and ``evalloop signals rate``: how far to trust each detector, and what is captured."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from evalloop import loop
from evalloop.cli.printing import say, show_table
from evalloop.cli.steps import watched
from evalloop.printable import many, one_line

if TYPE_CHECKING:
    from evalloop.signals.report import Share
    from evalloop.signals.worth import Worth


@click.command("report", epilog="Examples: evalloop signals report; evalloop signals report --json")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def report(as_json: bool) -> None:
    """Show what each detector is worth: coverage of what was shown or asked, likelihood ratios, drift, a better cut.

    A likelihood ratio says how many times more often the detector speaks against (or for) an answer that was bad, by
    votes, corrections, outcomes and reviewers, than against a good one; 1 tells nothing. Intervals are 95 % and
    clustered by user. A week has drifted when its rate differs from all weeks before it (p < 0.001).
    """
    with watched(loop.open_project()) as project:
        found = loop.detector_worth(project)
    if as_json:
        click.echo(json.dumps([each.to_dict() for each in found], ensure_ascii=False, indent=1))
        return
    headers = ["detector", "turns", "spoke on", "labels", "AUC", "bad : good, against", "bad : good, for", "cut",
               "drift"]
    show_table([_worth_row(each) for each in found], headers, below=headers[5:])
    say("\nspoke on: of the answers that were shown, viewed, accepted or asked about where events say so, else "
               "of all.\ncut: polarity x weight at or below which an answer is best called bad; a proposal.")


def _worth_row(each: Worth) -> list[str]:
    sides = {side.against: f"{side.ratio:.2f}{_ends(side.interval)}" for side in each.sides}
    drift = ", ".join(week.week for week in each.weeks if week.drifted)
    auc = f"{each.auc:.2f}{_ends(each.auc_interval)}" if each.auc is not None else "-"
    cut = f"{each.cut:+.2f}" if each.cut is not None else "-"
    return [each.detector, f"{each.turns:,}", f"{_share(each.coverage)} of {each.coverage.n:,} {each.of}",
            f"{each.labels:,}", auc, sides.get(True, "-"), sides.get(False, "-"), cut, drift or "-"]


def _ends(interval: tuple[float, float] | None) -> str:
    return f" [{interval[0]:.2f}, {interval[1]:.2f}]" if interval else " [too few users]"


@click.command("rate", epilog="Examples: evalloop signals rate; evalloop signals rate --json")
@click.option("--days", type=click.IntRange(1), default=14, show_default=True, help="print the last so many days")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def rate(days: int, as_json: bool) -> None:
    """Show the capture rate by day, surface and segment, and what a surface stopped sending.

    The capture rate is the share of sessions with a usable implicit signal: under 10 % capture-only, to 25 % building,
    to 50 % healthy, above mature. Orphans are responses that events speak of and that never came. A gap is a kind of
    event that a surface sent before, but not since, and that is no chance at the earlier rate.
    """
    with watched(loop.open_project()) as project:
        slices, gaps = loop.capture_rates(project)
    if as_json:
        told = {"slices": [each.to_dict() for each in slices], "gaps": [each.to_dict() for each in gaps]}
        click.echo(json.dumps(told, ensure_ascii=False, indent=1))
        return
    shown = sorted(each.value for each in slices if each.by == "day")[-days:]
    rows = [[one_line(each.by, limit=30), one_line(each.value, limit=30), f"{each.turns:,}", _share(each.capture),
             each.tier, _share(each.explicit), f"{each.orphans:,}"] for each in slices
            if each.by != "day" or each.value in shown]
    headers = ["by", "value", "turns", "capture rate", "tier", "explicit rate", "orphans"]
    show_table(rows, headers)
    click.echo()
    if not gaps:
        say("no gap: every surface still sends what it sent before")
    for gap in gaps:
        say(f"gap: surface {one_line(gap.surface, limit=40)} sends no {one_line(gap.event_type, limit=40)} "
            f"since {gap.since} ({many(gap.turns, 'turn')}, about {gap.expected:,.0f} expected)")


def _share(share: Share) -> str:
    if share.share is None:
        return "unknown"
    interval = f" [{share.interval[0]:.1%}, {share.interval[1]:.1%}]" if share.interval else " [too few users]"
    return f"{share.share:.1%}{interval}"

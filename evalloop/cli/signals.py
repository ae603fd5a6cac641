"""``evalloop signals``: what users' acts and words say, and how far each detector can be trusted."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from evalloop.cli.printing import say, show_table
from evalloop.cli.rates import rate, report
from evalloop.cli.steps import watched
from evalloop.cli.trust import fit, weights
from evalloop.loop import derive_signals, open_project
from evalloop.printable import many, printable

if TYPE_CHECKING:
    from evalloop.signals.report import Share, SignalReport

EPILOG = """\b
Examples:
  evalloop signals
  evalloop signals --by model_answered --json
  evalloop signals --detector copy --detector thumbs
  evalloop signals report
  evalloop signals rate
  evalloop signals weights
"""


@click.group("signals", epilog=EPILOG, invoke_without_command=True)
@click.option("--detector", "detectors", multiple=True, metavar="NAME", help="derive only these (default: all)")
@click.option("--by", metavar="KEY", help="rates for each value of this key of the events' context")
@click.option("--engine", metavar="NAME", help="duckdb, local[*], spark://host:port or sc://host:port, for this once")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
@click.pass_context
def command(ctx: click.Context, detectors: Sequence[str], by: str | None, *, engine: str | None, as_json: bool) -> None:
    """Derive signals from all events and show what they are worth.

    The capture rate is the share of sessions with a usable implicit signal. For each detector: how many turns it
    speaks of, and how well it agrees with votes, reviewers and outcomes (AUC: 1 always, 0.5 no better than chance).
    Intervals are 95 % and clustered by user.
    """
    if ctx.invoked_subcommand is not None:
        return
    from evalloop.signals.evidence import CONTEXT
    from evalloop.signals.heard import NONE
    from evalloop.store.schema import suggest

    with watched(open_project(engine=engine)) as project:
        result = derive_signals(project, detectors, by=by)
    if by and result.groups and all(each.value == NONE for each in result.groups):
        click.echo(f"warning: no answer has {printable(by, limit=40)} in its context: {suggest(by, CONTEXT)}", err=True)
    if as_json:
        click.echo(json.dumps(result.to_dict(), ensure_ascii=False, indent=1))
    else:
        _print(result)


command.add_command(report)
command.add_command(rate)
command.add_command(fit)
command.add_command(weights)


def _print(result: SignalReport) -> None:
    say(f"{many(result.events, 'event')}, {many(result.turns, 'turn')}, {many(result.sessions, 'session')}, "
        f"{many(result.users, 'user')}")
    say(f"capture rate {_share(result.capture_rate)} of sessions: {result.tier}")
    say(f"explicit rate {_share(result.explicit_rate)} of turns")
    orphans = f"{result.orphan_share:.1%}" if result.orphan_share is not None else "none"
    say(f"orphans {result.orphans:,} of {many(result.about, 'event')} about a response ({orphans})")
    left_out = ((result.internal, "internal events left out"), (result.doubled, "doubled generations left out"),
                (result.session_level, "events on a whole session"))
    for number, what in left_out:
        if number:
            click.echo(f"{what}: {number:,}")
    click.echo()
    _print_detectors(result)
    if result.pairs:
        say("\nwhere two detectors take a side on the same turn, they take the same one:")
        for pair in result.pairs:
            say(f"  {pair.first} and {pair.second}: {pair.same:.0%} of {pair.n:,}")
    _print_groups(result)


def _print_detectors(result: SignalReport) -> None:
    rows = []
    for each in result.detectors:
        if not each.signals:
            continue
        agreement = "; ".join(
            f"{one.reference} {one.auc:.2f}{_interval(one.interval, percent=False)} n={one.n:,}"
            for one in each.agreement if one.auc is not None)
        coverage = f"{each.coverage:.1%}" if each.coverage is not None else "-"
        rows.append([each.detector, each.kind, f"{each.turns:,}", coverage, f"{each.positive:,}", f"{each.negative:,}",
                     agreement or "-"])
    show_table(rows, ["detector", "kind", "turns", "coverage", "good", "bad", "agreement (AUC)"], align="llrrrrl")
    silent = [each.detector for each in result.detectors if not each.signals]
    if silent:
        say(f"silent: {', '.join(silent)}")


def _print_groups(result: SignalReport) -> None:
    if not result.groups:
        return
    rows = [[each.detector, printable(each.value, limit=40), f"{each.share.n:,}", f"{each.share.users:,}",
             _share(each.share)] for each in result.groups]
    click.echo()
    show_table(rows, ["detector", printable(result.groups[0].by), "turns", "users", "rate"])


def _share(share: Share) -> str:
    return "unknown" if share.share is None else f"{share.share:.1%}{_interval(share.interval)}"


def _interval(interval: tuple[float, float] | None, *, percent: bool = True) -> str:
    if interval is None:
        return " [too few users]"
    low, high = interval
    return f" [{low:.1%}, {high:.1%}]" if percent else f" [{low:.2f}, {high:.2f}]"

"""``evalloop signals fit`` and ``evalloop signals weights``: what a turn's evidence, and a failure, is worth."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from evalloop import loop
from evalloop.cli.printing import say, show_table
from evalloop.cli.steps import watched
from evalloop.errors import ExitCode
from evalloop.printable import many, one_line
from evalloop.terminal import columns

if TYPE_CHECKING:
    from evalloop.records.fused import Bin, FusedModel, SurfaceModel
    from evalloop.records.weighting import Weighting

BAR, BESIDE = 40, 28
"""Cells of a bar at most, and of what stands beside it."""
MISS = 0.005
"""Less than so much of a share is not worth a line."""


@click.command("fit", epilog="Examples: evalloop signals fit; evalloop signals fit --html fit.html")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="write reliability diagrams to this file")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def fit(html: Path | None, as_json: bool) -> int:
    """Learn the fused failure score from votes, corrections, outcomes and reviewers, and keep it.

    Printed is what it is worth on users that the fit has not seen: Brier score (lower is better) beside the base rate's
    and an isotonic recalibration's, AUC, and a reliability diagram. A surface with too few labels uses the model of all
    together; without any model the documented prior holds. Votes are never features. Exit 5 when nothing was learned.
    """
    with watched(loop.open_project()) as project:
        model = loop.fit_scores(project)
    if html:
        from evalloop.signals.page import as_html

        html.write_text(as_html(model), encoding="utf-8")
    if as_json:
        click.echo(json.dumps(model.to_dict(), ensure_ascii=False, indent=1))
    else:
        _print_model(model)
    return ExitCode.OK if model.surfaces else ExitCode.EMPTY


@click.command("weights", epilog="Examples: evalloop signals weights; evalloop signals weights --json")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def weights(as_json: bool) -> int:
    """Show what failures count in shares, and why: suspicious accounts, cap per user, segments, random asks.

    Nothing is deleted: failures of accounts that are set apart have weight 0 and the reason. The settings weighting,
    user_cap, weight_limit, margins, quarantine and trusted change what is done.
    """
    with watched(loop.open_project()) as project:
        found = loop.weigh_failures(project, words=False)
    if as_json:
        click.echo(json.dumps(found.weighting.to_dict(), ensure_ascii=False, indent=1))
        return ExitCode.OK
    _print_weights(found.weighting)
    for each in loop.check_against_random(project, found.failures):
        verdict = f"z {each.z:+.1f}: " + ("believe the random ask" if each.differs else "no sign that it makes people "
                                          "click") if each.z is not None else "too few users to compare"
        say(f"theme {one_line(each.label, limit=40)}: {each.share:.1%} told, {each.random:.1%} in the random "
            f"ask; {verdict}")
    say(f"\nturns with a failure score: {found.scored:,} of {found.turns:,}; evidence, but no vote or "
        f"word of the user: {found.unvoted:,}")
    return ExitCode.OK


def _print_weights(told: Weighting) -> None:
    say(f"{many(told.n, 'failure')} of {many(told.users, 'user')}, {told.quarantined:,} of weight 0")
    if told.declared_none:
        say(f"{told.declared_none:,} count nothing: they are in segments that were declared to have no failures")
    say(f"estimand: {one_line(told.estimand, limit=600)}")
    say(f"effective n {told.n_effective:,.1f}, design effect {told.design_effect:.2f}, method {told.method}")
    if told.unmatched > 0:
        say(f"{told.unmatched:.1%} of the expected failures are in segments where nobody told of any")
    if told.off > MISS:
        say(f"weight_limit keeps segments as far as {told.off:.1%} off what they are weighted to")
    arm = told.random_arm
    told_of = many(arm.failures, "failure")
    say(f"random ask: {arm.asked:,} asked, {arm.answered:,} answered, {told_of}" if arm.asked
        else "random ask: none, so nothing shows whether one kind of failure makes people click more")
    if told.margins:
        rows = [[one_line(each.column, limit=30), one_line(each.level, limit=30), f"{each.failures:,}",
                 f"{each.sample:.1%}", f"{each.target:.1%}"] for each in told.margins]
        say()
        show_table(rows, ["segment", "level", "failures", "heard", "weighted to"], align="llrrr")
    if told.accounts:
        rows = [[one_line(each.user_key, limit=24), f"{each.votes:,}", f"{each.negative:,}", f"{each.factor:g}",
                 one_line("; ".join(each.reasons), limit=90)] for each in told.accounts]
        say()
        show_table(rows, ["account", "votes", "against", "counts", "because it"], align="lrrrl", cut=("because it",))


def _print_model(model: FusedModel) -> None:
    if model.surfaces:
        say(f"failure score {model.version}, kept; evalloop cluster and grow use it from now on")
    for surface in model.surfaces:
        _print_surface(surface)
    for name, reason in model.skipped.items():
        say(f"\n{one_line(name, limit=40) or 'all surfaces'}: no model: {reason}")
    if not model.surfaces:
        say("the prior holds: a thumb down is 4 : 1 for failure, a copy in full 2 : 1 against it")


def _print_surface(surface: SurfaceModel) -> None:
    interval = f" [{surface.auc_interval[0]:.2f}, {surface.auc_interval[1]:.2f}]" if surface.auc_interval else ""
    auc = f"{surface.auc:.2f}{interval}" if surface.auc is not None else "unknown"
    say(f"\n{one_line(surface.surface, limit=40) or 'all surfaces'}: {many(surface.labels, 'label')}, "
        f"{surface.bad:,} bad, of {many(surface.users, 'user')}")
    say(f"on unseen users: Brier {surface.brier:.4f} (base rate {surface.brier_base:.4f}, isotonic "
        f"{surface.brier_isotonic:.4f}), AUC {auc}")
    say("odds of failure, times: " + ", ".join(
        f"{name} {_times(value)}" for name, value in sorted(surface.coefficients.items(), key=lambda item: item[1])))
    cells = max(min((columns(sys.stdout) or BESIDE + BAR) - BESIDE, BAR), 1)
    click.echo(f"predicted  failed {'':{cells}} {'turns':>9}")
    for each in surface.reliability:
        click.echo(_bar(each, cells))


def _times(coefficient: float) -> str:
    """What a unit of evidence does to the odds."""
    from math import exp

    return f"{exp(min(coefficient, 50.0)):.2g}"


def _bar(each: Bin, cells: int) -> str:
    """One line of the reliability diagram: # what was seen, | what was predicted."""
    line = ["#"] * round(each.observed * cells) + [" "] * (cells - round(each.observed * cells))
    line[min(round(each.predicted * cells), cells - 1)] = "|"
    return f"{each.predicted:9.0%}  {each.observed:6.0%} {''.join(line)} {each.n:9,}"

"""``evalloop power``: what a set of cases can show, before anything is paid for."""

from __future__ import annotations

import json
from typing import Any

import click

from evalloop import loop
from evalloop.cli.asking import asks_results, question_of
from evalloop.cli.printing import say, show_table
from evalloop.errors import UsageError
from evalloop.printable import one_line, printable
from evalloop.records.power import PowerPlan, PowerRow

EXAMPLES = """\b
Examples:
  evalloop power evalsets/support
  evalloop power evalsets/support --discordance 0.1 --effect 0.03
  evalloop power baseline @latest --target refunds
  evalloop power --table scores.csv --cluster task model-a model-b"""


@click.command("power", epilog=EXAMPLES)
@click.argument("names", metavar="EVALSET | BASE CAND", nargs=-1, required=True)
@click.option("--effect", "effects", type=click.FloatRange(0, min_open=True), multiple=True, metavar="DELTA",
              help="true delta to find, on the scale of the scores (default: 0.02, 0.05, 0.1 and 0.2)")
@click.option("--discordance", type=click.FloatRange(0, 1, min_open=True), default=0.2, show_default=True,
              help="with EVALSET: share of the cases that change between two variants")
@asks_results
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def command(names: tuple[str, ...], effects: tuple[float, ...], discordance: float, as_json: bool,
            **given: Any) -> None:
    """Tell how many cases it takes to find which effect, and which clusters can never decide.

    With EVALSET (a name or a path) the share of cases that change is assumed; with BASE and CAND, two runs or two
    variants of a --table, it is known. Found means: with 80 % power, at the level of the gate's tests; clusters other
    than the target share it.
    """
    from evalloop.report.power import EFFECTS

    if len(names) > 2 or (given["table"] and len(names) != 2):
        raise UsageError("power takes an evalset, or two runs or variants", fix="evalloop power --help shows examples")
    project = loop.open_project()
    wanted = tuple(sorted(effects)) or EFFECTS
    if len(names) == 2:
        plan = loop.plan_runs_again(project, question_of(names, given), effects=wanted)
    else:
        plan = loop.plan_evalset(project, names[0], question_of((names[0], names[0]), given), discordance=discordance,
                                 effects=wanted)
    if as_json:
        click.echo(json.dumps(plan.to_dict(), indent=1))
    else:
        _print(plan)


def _print(plan: PowerPlan) -> None:
    headers = ["cluster", "cases", "changing", "MDE80", *(f"for {effect:g}" for effect in plan.effects),
               f"no worse by {plan.margin:g}", "level"]
    rows = [["OVERALL" if row.cluster is None else one_line(row.cluster, limit=40), str(row.n),
             f"{row.changing * 100:.0f} %", _mde(row),
             *(f"{row.needed[f'{effect:g}']:,}" for effect in plan.effects),
             "–" if row.no_worse is None else f"{row.no_worse:,}", f"{row.level:.3g}"] for row in plan.rows]
    never = [f"{'the whole' if row.cluster is None else one_line(row.cluster)}: {row.never}"
             for row in plan.rows if row.never]
    repeats = ", ".join(f"{count} {'repeat' if count == '1' else 'repeats'} {value:.3f}"
                        for count, value in plan.repeats.items())
    told = [plan.basis, "cases needed to find a true delta with 80 % power, at the level of the row's test;",
            "MDE80 is the smallest delta that the cases find so now (none: at this number no delta)",
            *([f"MDE80 of the whole with {repeats}"] if repeats else []), *never]
    show_table(rows, headers, align="l" + "r" * (len(headers) - 1), rule=False, below=headers[-2:])
    say("\n".join(["", *(printable(each) for each in told)]))


def _mde(row: PowerRow) -> str:
    if row.mde80 is None:
        return "none" if row.never else "–"
    return f"{row.mde80:.3f}"

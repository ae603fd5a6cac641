"""``evalloop select``: the best of many variants by quality as in production, cost and latency."""

from __future__ import annotations

import json
from typing import Any

import click

from evalloop import loop
from evalloop.cli.asking import asks_results, question_of
from evalloop.cli.printing import say, show_table
from evalloop.errors import UsageError
from evalloop.printable import many, one_line, printable
from evalloop.records.selection import Choice, Selection

EXAMPLES = """\b
Examples:
  evalloop select base 'grid*'
  evalloop select run-a run-b run-c --margin 0.02 --json
  evalloop select --table scores.parquet --case question_id --cluster task \\
      --variant model --value score --cost usd 'gpt-4*' 'claude-3*'"""


@click.command("select", epilog=EXAMPLES)
@click.argument("names", metavar="RUN...", nargs=-1, required=True)
@asks_results
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def command(names: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Choose among many variants: a table of quality, cost and latency with intervals, and the one to take.

    RUN... are runs, or with --table variants of a file; patterns such as 'grid*' mean all that fit. Clusters count by
    their share in production where it is known. Quality is corrected: the best of many looks better than it is.
    Marked are the variants that no other beats on everything (*) and the one to take (>): the cheapest that is shown to
    be no worse than the best by the margin.
    """
    pattern = any(char in names[0] for char in "*?")
    if len(names) == 1 and not pattern:
        raise UsageError("one variant leaves nothing to choose", fix="name two or more, or a pattern: 'grid*'")
    selection = loop.select(loop.open_project(), question_of((names[0], *names[not pattern:]), given))
    if as_json:
        click.echo(json.dumps(selection.to_dict(), indent=1))
    else:
        _print(selection)


def _print(selection: Selection) -> None:
    costs = [name for name in ("cost", "latency") if any(getattr(each, name) is not None for each in selection.choices)]
    headers = ["", "variant", "quality", "interval", "expect", "interval", "P(best)", "p worse", *costs]
    dropped = f", {selection.dropped} without a score under some variant are left out" if selection.dropped else ""
    told = [f"take {one_line(selection.chosen)}: {one_line(selection.reason, limit=300)}", "",
            f"{many(selection.n, 'case')} that all variants have{dropped}; {selection.weighting}",
            "expect: what the variant is worth once the choice among many is allowed for;",
            "p worse: of a difference to the first, adjusted by Holm;",
            "* no other variant is as good on everything and better on something; > the one to take",
            *(f"note: {note}" for note in selection.notes)]
    show_table([_row(each, selection, costs) for each in selection.choices], headers,
               align="ll" + "r" * (len(headers) - 2), rule=False, below=("P(best)", "p worse", *costs),
               key="variant")
    say("\n".join(["", *(printable(each) for each in told)]))


def _row(choice: Choice, selection: Selection, costs: list[str]) -> list[str]:
    mark = (">" if choice.variant == selection.chosen else "") + ("*" if choice.front else "")
    return [mark, one_line(choice.variant, limit=40), f"{choice.quality:.4f}", _interval(choice.interval),
            f"{choice.corrected:.4f}", _interval(choice.corrected_interval), f"{choice.p_best:.2f}",
            "–" if choice.p_worse is None else f"{choice.p_worse:.2g}",
            *(_measure(getattr(choice, name), getattr(choice, f"{name}_interval")) for name in costs)]


def _interval(limits: tuple[float, float] | None) -> str:
    return "–" if limits is None else f"{limits[0]:.3f} to {limits[1]:.3f}"


def _measure(value: float | None, limits: tuple[float, float] | None) -> str:
    if value is None:
        return "–"
    return f"{value:.4g}" + ("" if limits is None else f" ({limits[0]:.3g} to {limits[1]:.3g})")

"""``evalloop gate``: may the candidate ship?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from evalloop import loop
from evalloop.cli.asking import asks_comparison, form_of, put, question
from evalloop.cli.live import Live
from evalloop.cli.printing import say, width_for
from evalloop.printable import one_line

EXAMPLES = """\b
Examples:
  evalloop gate baseline @latest
  evalloop gate baseline @latest --target citations --protected refusals --rerun
  evalloop gate baseline @latest --max-cost-change 0.1 --max-latency 2.5 --approval user_would_downvote
  evalloop gate baseline @latest --policy strict.yaml --format junit -o gate.xml
  evalloop gate main HEAD --format github"""


@click.command("gate", epilog=EXAMPLES)
@asks_comparison
@click.option("--rerun/--no-rerun", default=None,
              help="run both variants again on the cases of an alarming cluster, and decide by that (default: policy)")
@click.option("--rerun-max-cost", type=click.FloatRange(0), help="most that the rerun may pay, in US dollars")
@click.option("--json", "as_json", is_flag=True, help="print the verdict and its reasons as JSON")
@click.option("--format", "form", metavar="FORMAT",
              help="print the whole comparison: table, md, csv, junit, github, html")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="write the comparison to a file")
def command(rerun: bool | None, rerun_max_cost: float | None, as_json: bool, form: str | None, output: Path | None,
            **given: Any) -> int:
    """Decide a release. Exit 0 PASS, 1 BLOCK, 6 INCONCLUSIVE, 7 INCOMPLETE.

    The policy stands in the evalset (gate:), in --policy FILE, or in options. BLOCK needs evidence that the candidate
    is worse; PASS needs evidence that it is no worse than the margin; what is neither is INCONCLUSIVE, with the number
    of cases that it would take.
    """
    from evalloop.report.gate import EXIT_CODES

    project = loop.open_project()
    wanted = form_of(form, False, output)
    strict = given["policy_file"] is None and given["table"] is None
    asked = question(given, keep=wanted == "html", strict=strict)
    with Live() as live:
        data = loop.decide(project, asked, rerun=rerun, max_cost=rerun_max_cost, on_trial=live.note)
    gate = data.comparison.gate
    assert gate is not None
    if form or output:
        put(loop.render(project, wanted, data, width=width_for(output)), output)
    if as_json:
        click.echo(json.dumps(gate.to_dict(), indent=1))
    elif output or not form:
        say("\n".join([gate.verdict, *(f"  - {one_line(reason, limit=1000)}" for reason in gate.reasons)]))
    return EXIT_CODES[gate.verdict]

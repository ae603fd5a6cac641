"""``evalloop compare``: what changed between two runs or two variants of a table, cluster by cluster."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from evalloop import loop
from evalloop.cli.asking import asks_comparison, form_of, put, question
from evalloop.cli.printing import width_for

EXAMPLES = """\b
Examples:
  evalloop compare baseline @latest
  evalloop compare main HEAD --json
  evalloop compare baseline 'grid*' --format md
  evalloop compare --table scores.parquet --case question_id --cluster task \\
      --variant model --value score model-a model-b model-c"""


@click.command("compare", epilog=EXAMPLES)
@asks_comparison
@click.argument("others", metavar="[CAND]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="print JSON (schema: comparison)")
@click.option("--format", "form", metavar="FORMAT",
              help="table, md, json, csv, junit, github (workflow annotations), html, or one of a plugin")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False),
              help="write a file; its ending picks the format")
def command(as_json: bool, form: str | None, output: Path | None, **given: Any) -> None:
    """Compare CAND with BASE on the same cases: delta, interval and verdict for each cluster and overall.

    BASE and CAND are runs (a name, @latest, a path, a branch, tag or commit of git) or, with --table, two variants of a
    file. Always paired: a case without a score under one of them is dropped, counted and shown. With more than one CAND
    (or a pattern such as 'grid*': the newest run of each variant that fits) a matrix is printed, and the adjustment for
    many looks runs over all of them. Exits 0 whatever the verdict: that is for the verb gate.
    """
    wanted = form_of(form, as_json, output)
    project = loop.open_project()
    data = loop.compare(project, question(given, keep=wanted == "html"))
    put(loop.render(project, wanted, data, width=width_for(output)), output)

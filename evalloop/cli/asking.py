"""What compare, gate, report and notes have in common: how a comparison is asked for, and where its text goes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from evalloop.errors import UsageError
from evalloop.report.question import Question
from evalloop.report.table import TableSpec

SUFFIXES = {".html": "html", ".md": "md", ".json": "json", ".csv": "csv", ".xml": "junit", ".txt": "table"}
POLICY = ("alpha", "margin", "target", "protected", "must_pass", "min_n", "approval", "max_cost", "max_latency",
          "max_cost_change", "max_latency_change")
_TABLE = (
    click.option("--table", metavar="FILE", help="compare two variants of a CSV, JSONL or Parquet file, no run needed"),
    click.option("--case", "case_column", metavar="COL", default="case", show_default=True,
                 help="column of the case id"),
    click.option("--cluster", "cluster_column", metavar="COL", help="column of the cluster"),
    click.option("--variant", "variant_column", metavar="COL", default="variant", show_default=True,
                 help="column of the variant: BASE and CAND are two of its values"),
    click.option("--value", "value_column", metavar="COL", default="value", show_default=True,
                 help="column of the score"),
    click.option("--repeat", "repeat_column", metavar="COL", help="column that tells runs of one case apart"),
    click.option("--unit", "unit_column", metavar="COL",
                 help="column of what cases share (user, document): the independent unit"),
    click.option("--length", "length_column", metavar="COL", help="column of the answer's length in characters"),
    click.option("--cost", "cost_column", metavar="COL", help="column of the answer's cost in US dollars"),
    click.option("--latency", "latency_column", metavar="COL", help="column of the answer's time in seconds"),
    click.option("--duplicates", type=click.Choice(("error", "mean", "first")), default="error", show_default=True,
                 help="what to do with rows of the same case, variant and repeat"),
)
_POLICY = (
    click.option("--policy", "policy_file", type=click.Path(path_type=Path, dir_okay=False, exists=True),
                 help="YAML file with the gate policy; stands over the evalset's own"),
    click.option("--alpha", type=float, help="level of tests and intervals"),
    click.option("--margin", type=float, help="how much worse a release may be, on the scale of the scores"),
    click.option("--target", metavar="CLUSTER", help="cluster that the release claims to improve"),
    click.option("--protected", metavar="CLUSTER", multiple=True,
                 help="cluster that raises an alarm (may be repeated)"),
    click.option("--must-pass", metavar="CASE", multiple=True, help="case that must pass (may be repeated)"),
    click.option("--min-n", type=int, help="fewest pairs that a verdict may rest on"),
    click.option("--approval", metavar="NAME", multiple=True,
                 help="grader or cluster that measures what users like: what is right must hold without it (may be "
                      "repeated)"),
    click.option("--max-cost", type=float, metavar="USD", help="most that the candidate's mean answer may cost"),
    click.option("--max-latency", type=float, metavar="SECONDS", help="longest that the mean answer may take"),
    click.option("--max-cost-change", type=float, metavar="SHARE",
                 help="how much more than the baseline's it may cost: 0.2 is a fifth"),
    click.option("--max-latency-change", type=float, metavar="SHARE",
                 help="how much longer than the baseline's it may take"),
    click.option("--confirm", metavar="BASE2 CAND2", type=(str, str),
                 help="two fresh runs with doubled repeats that confirm or lift an alarm"),
)


def asks_comparison(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds BASE, CAND and the options of a comparison to a verb."""
    for option in reversed((*_names(required=True), *_TABLE, *_POLICY)):
        command = option(command)
    return command


def may_ask_comparison(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same, where BASE and CAND may be missing."""
    for option in reversed((*_names(required=False), *_TABLE, *_POLICY)):
        command = option(command)
    return command


def _names(*, required: bool) -> tuple[Callable[..., Any], ...]:
    return (click.argument("baseline", metavar="BASE", required=required),
            click.argument("candidate", metavar="CAND", required=required))


def asks_results(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options that describe a table and a policy, but no names of what is compared."""
    for option in reversed((*_TABLE, *_POLICY[:5])):
        command = option(command)
    return command


def question_of(names: Sequence[str], given: Mapping[str, Any]) -> Question:
    """Names given in any number, the baseline first, and the options of ``asks_results`` as a Question."""
    whole = {"baseline": names[0], "candidate": names[1], "others": names[2:], "confirm": None, **given}
    return question(whole)


def question(given: Mapping[str, Any], *, keep: bool = False, strict: bool = False) -> Question:
    """The options of a verb as a Question."""
    table = given["table"]
    if table == "":
        raise UsageError("--table names no file", fix="name a CSV, JSONL or Parquet file")
    spec = TableSpec(table, given["case_column"], given["variant_column"], given["value_column"],
                     given["cluster_column"], given["repeat_column"], given["unit_column"],
                     given["length_column"], given["cost_column"], given["latency_column"]) if table else None
    if table and given["confirm"]:
        raise UsageError("--confirm names runs, --table needs none", fix="leave one of the two out")
    return Question(given["baseline"], given["candidate"], spec, given["duplicates"], given["policy_file"],
                    {name: given.get(name) for name in POLICY}, given["confirm"], keep, strict,
                    tuple(given.get("others", ())))


def form_of(form: str | None, as_json: bool, output: Path | None, default: str = "table") -> str:
    """The format that was asked for: by name, by --json, or by the ending of the output file."""
    if as_json and form not in (None, "json"):
        raise UsageError(f"--json and --format {form} exclude each other", fix="leave one of the two out")
    if as_json:
        return "json"
    return form or (SUFFIXES.get(output.suffix.lower(), default) if output else default)


def put(text: str, output: Path | None) -> None:
    """Writes the file, or prints; renderers have encoded the text for its place."""
    if output is None:
        click.echo(text, nl=False)
        return
    from evalloop.store.files import write_text

    write_text(output, text)
    click.echo(f"wrote {output}", err=True)

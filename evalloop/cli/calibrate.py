"""``evalloop calibrate``: a judge is measured against people."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from evalloop import loop
from evalloop.cli.printing import say
from evalloop.errors import UsageError
from evalloop.printable import many, one_line
from evalloop.records.calibration import Bias, Calibration

EPILOG = """\b
Examples:
  evalloop calibrate rubric --run base --run cand --sheet labels.csv --sample 60
      (fill in the column human: pass or fail, then)
  evalloop calibrate rubric --run base --run cand --labels labels.csv
  evalloop calibrate rubric --evalset support --labels outputs.jsonl      asks the judge about these outputs
  evalloop calibrate gpt-4 --labels votes.csv --verdicts gpt4.csv --texts pairs.jsonl   recorded verdicts on pairs

Label a random sample (--sheet draws one), without having seen the judge's verdict.
"""
_NAMES = "id, human, judge, run, repeat, output, first, second"


@click.command("calibrate", epilog=EPILOG)
@click.argument("judge")
@click.option("--labels", type=click.Path(path_type=Path), metavar="FILE",
              help="people's verdicts: a row for each vote, with id and human (.csv, .jsonl, .parquet)")
@click.option("--run", "runs", multiple=True, metavar="RUN",
              help="take the judge's verdicts from this run (repeatable)")
@click.option("--verdicts", type=click.Path(path_type=Path), metavar="FILE", help="take them from this file, by id")
@click.option("--evalset", metavar="NAME", help="the evalset that names the judge; without --run it is asked now")
@click.option("--texts", type=click.Path(path_type=Path), metavar="FILE",
              help="the outputs by id, for their length (default: the file of the labels)")
@click.option("--field", "fields", multiple=True, metavar="FIELD=COLUMN", help=f"which column holds a field: {_NAMES}")
@click.option("--name", help="name of the calibration (default: the judge)")
@click.option("--sheet", type=click.Path(path_type=Path), metavar="FILE",
              help="write a sheet for people to label, instead of measuring")
@click.option("--sample", type=click.IntRange(min=1), default=60, show_default=True, help="cases of the sheet")
@click.option("--dry-run", is_flag=True, help="measure and print, keep nothing")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def command(judge: str, labels: Path | None, sheet: Path | None, sample: int, runs: tuple[str, ...],
            fields: tuple[str, ...], name: str | None, dry_run: bool, as_json: bool, **given: Any) -> None:
    """Measure JUDGE against people's labels, and keep the result as calibrations/NAME.json.

    JUDGE is a grader's name, or its metric, as the evalset has it. A judge without a calibration is reported, but
    decides no gate; with one, deltas of runs that hold labelled outputs are corrected (PPI++). The calibration is bound
    to grader, version, rubric and model: change one, and measure again.
    """
    project = loop.open_project()
    if sheet:
        if not runs:
            raise UsageError("a sheet is drawn from runs", fix="give --run RUN, once or more")
        count = loop.label_sheet(project, judge, runs, sheet, count=sample, seed=project.config.seed)
        say(f"wrote {sheet}: {many(count, 'output')}; fill in the column human, then give it as --labels")
        return
    if labels is None:
        raise UsageError("no labels", fix="give --labels FILE, or draw outputs to label: --sheet FILE")
    where = loop.Labelled(str(labels), runs=runs, fields=dict(map(_pair, fields)),
                          **{key: None if value is None else str(value) for key, value in given.items()})
    made = loop.calibrate(project, judge, where, name=name, on_asked=_progress)
    if as_json:
        click.echo(json.dumps(replace(made, labels=()).to_dict(), ensure_ascii=False, indent=1))
    else:
        say("\n".join(lines(made)))
    if not dry_run:
        path = loop.keep_calibration(project, made)
        click.echo(f"wrote {path}: {_held(made)}", err=as_json)


def lines(made: Calibration) -> list[str]:
    """The measurement for people."""
    by = f" ({one_line(made.model)})" if made.model else ""
    out = f", {made.undecided} on which people were even left out" if made.undecided else ""
    what = "pairs, the first is better" if made.pairs else "outputs, pass"
    low, high = made.kappa_interval or (None, None)
    ends = f"  [{low:.2f}, {high:.2f}]" if low is not None else ""
    return [
        f"judge {one_line(made.judge)}{by} against people: {made.n} {what}{out}",
        f"  agreement          {made.agreement:.3f}",
        f"  kappa              {_number(made.kappa)}{ends}  {_meaning(made)}",
        f"  balanced accuracy  {_number(made.balanced_accuracy)}  (of what people pass it passes "
        f"{_percent(made.sensitivity)}, of what they fail it fails {_percent(made.specificity)})",
        f"  rate               people {made.human_rate:.3f}, judge {made.judge_rate:.3f}",
        f"  bias               {_bias(made.bias)}",
        f"  position           {_bias(made.position) if made.position else 'not told: no pairs'}",
        f"  length             {_bias(made.length) if made.length else 'not told: too few texts of unlike length'}",
    ]


def _held(made: Calibration) -> str:
    if not made.covers:
        return "it binds no judge of an evalset (name --evalset or --run), so it opens no gate"
    count = many(len(made.covers), "judge")
    if not made.better_than_chance:
        return f"{count}, which may still not gate: not shown to be better than chance"
    return f"{count} may gate now"


def _meaning(made: Calibration) -> str:
    return "better than chance" if made.better_than_chance else "not shown to be better than chance"


def _bias(bias: Bias) -> str:
    low, high = bias.interval or (None, None)
    ends = f" [{100 * low:+.1f}, {100 * high:+.1f}]" if low is not None and high is not None else ""
    return f"{100 * bias.value:+.1f} points{ends}: {bias.about}"


def _number(value: float | None) -> str:
    return "cannot be told" if value is None else f"{value:.3f}"


def _percent(value: float | None) -> str:
    return "?" if value is None else f"{100 * value:.0f} %"


def _pair(text: str) -> tuple[str, str]:
    name, equals, column = text.partition("=")
    if not (equals and column) or name not in _NAMES.split(", "):
        raise UsageError(f"--field {text!r}", fix=f"write FIELD=COLUMN; fields: {_NAMES}")
    return name, column


def _progress(done: int, total: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{done} of {many(total, 'output')} judged", nl=done == total, err=True)

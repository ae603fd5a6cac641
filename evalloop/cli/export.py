"""``evalloop export``: a run for another tool, or training data for a trainer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from evalloop import loop
from evalloop.cli.printing import say
from evalloop.errors import UsageError
from evalloop.printable import many, printable

if TYPE_CHECKING:
    from evalloop.loop.project import Project

EPILOG = """\b
Examples, a run:
  evalloop export @latest --format parquet
  evalloop export my-run --format csv -o trials.csv

\b
Examples, training data from what users did:
  evalloop export --format trl-dpo -o pairs --dry-run
  evalloop export --format trl-kto -o kto --license "internal use"
  evalloop export --format openai --min-confidence 0.8 -o preferences
"""


@click.command("export", epilog=EPILOG)
@click.argument("run", required=False)
@click.option("--format", "form", default="jsonl", show_default=True,
              help="of a run: jsonl, csv, parquet, datasets; of training data: trl-dpo, trl-dpo-text, trl-kto, sft, "
                   "reward, scores, openai, together, fireworks, datasets, ratings, pairs; or one of a plugin")
@click.option("-o", "--out", type=click.Path(path_type=Path), help="file or folder to write (default: the run's name, "
                                                                   "or the format's)")
@click.option("--min-confidence", "least_confidence", type=click.FloatRange(0, 1), default=0.5, show_default=True,
              help="training data: leave out pairs that are less sure")
@click.option("--max-per-user", "per_user", type=click.IntRange(0), default=50, show_default=True,
              help="training data: most rows of one user (0: no limit)")
@click.option("--heldout", type=click.FloatRange(0, 1), default=0.1, show_default=True,
              help="training data: share of users that is held out")
@click.option("--balance", type=click.FloatRange(0, 1), default=0.5, show_default=True,
              help="training data: draw the weights of clusters and segments together (1: equal)")
@click.option("--toxic/--no-toxic", "allow_toxic", default=False, help="training data: keep answers with swear words")
@click.option("--license", "licence", default="not stated", show_default=True, help="training data: goes on the card")
@click.option("--dry-run", is_flag=True, help="training data: print the card, write nothing")
def command(run: str | None, form: str, out: Path | None, licence: str, *, dry_run: bool, allow_toxic: bool,
            **selection: Any) -> None:
    """Write the trials of RUN for another tool, or (without RUN) training data from what users did.

    RUN is a name, a run id, a path or @latest; each trial is a row.

    Training data are preference pairs (from pairwise votes, corrections, edits, new tries, accepted suggestions and
    experiments) and judged answers, of users who allow the purpose `training`. Personal data, toxic answers, near
    duplicates, too many rows of one user, and all that an evalset holds are left out; README.md in the folder counts
    what and why.
    """
    project = loop.open_project()
    if run is not None:
        place, count = loop.export_run(project, run, form, out)
        click.echo(f"{place}: {many(count, 'row')}")
        return
    _training(project, form, out, licence, dry_run, {**selection, "toxic": not allow_toxic})


def _training(project: Project, form: str, out: Path | None, licence: str, dry_run: bool,
              selection: dict[str, Any]) -> None:
    from evalloop.preferences.filters import Selection

    known = project.host.names("training_formats")
    if form not in known:
        raise UsageError(f"no training data as {form!r}",
                         fix=f"name a run to export it, or choose one of {', '.join(known)}")
    made = loop.export_training(project, form, out, settings=Selection(**selection), licence=licence, dry_run=dry_run)
    if dry_run:
        click.echo(printable(made.card))
        return
    rows = ", ".join(f"{count:,} {split}" for split, count in made.told.written.items())
    click.echo(f"{made.place}: {rows} rows")
    for reason, count in sorted(made.told.left_out.items()):
        click.echo(f"  left out, {reason}: {count:,}")
    for reason, count in sorted(made.told.refused.items()):
        click.echo(f"  not used, {reason}: {count:,}")
    say(f"  {made.place / 'README.md'} tells where they come from and what they may be used for")

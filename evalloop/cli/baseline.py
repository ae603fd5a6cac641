"""``evalloop baseline``: the runs that releases are compared with, kept as small files in git."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from evalloop import loop
from evalloop.cli.printing import show_table
from evalloop.printable import many, one_line

if TYPE_CHECKING:
    from evalloop.records.run import Trial

EXAMPLES = """\b
Examples:
  evalloop baseline set @latest
  evalloop gate @baseline @latest
  evalloop baseline show"""


@click.group("baseline", epilog=EXAMPLES)
def command() -> None:
    """Keep the run that the next ones are compared with, as baselines/EVALSET.jsonl, to be committed.

    The file holds the header of the run (variant, evalset and their hashes, commit) and the scores, cost and time of
    each case, but no question and no answer. Wherever a RUN is named, @baseline means it; pytest uses it by itself.
    """


@command.command("set", epilog="Example: evalloop baseline set @latest")
@click.argument("run")
@click.option("--answers", is_flag=True, help="keep the answers too, so that reports can show both sides")
@click.option("--force", is_flag=True, help="keep it even if cases are missing or ended in an error")
def set_(run: str, answers: bool, force: bool) -> None:
    """Keep RUN as the baseline of its evalset; what was kept before is in git."""
    kept = loop.set_baseline(loop.open_project(), run, answers=answers, force=force)
    size = kept.path.stat().st_size / 1000
    click.echo(f"{kept.run.name} is the baseline of {kept.run.evalset}: {many(len(kept.trials), 'trial')}, "
               f"{size:,.0f} kB")
    click.echo(f"commit {kept.path}", err=True)


@command.command("show", epilog="Examples: evalloop baseline show; evalloop baseline show citations --json")
@click.argument("evalset", required=False)
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def show(evalset: str | None, as_json: bool) -> None:
    """Show the baselines (of one EVALSET): which run, variant and commit, how many cases, and their mean score."""
    found = loop.read_baselines(loop.open_project(), evalset)
    rows = [{"evalset": each.run.evalset, "run": each.run.name, "variant": each.run.variant.name,
             "variant_id": each.run.variant_id, "commit": each.run.git_commit, "created_at": each.run.created_at,
             "path": str(each.path), **figures(each.trials)} for each in found]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    lines = [[one_line(text, limit=60) for text in (
        row["evalset"], row["run"], f"{row['variant']} {row['variant_id']}", (row["commit"] or "")[:12],
        row["created_at"][:10], str(row["cases"]), "" if row["score"] is None else f"{row['score']:.3f}",
        str(row["errors"]))] for row in rows]
    show_table(lines, ["evalset", "run", "variant", "commit", "made", "cases", "score", "errors"],
               below=("commit", "made"))


def figures(trials: Sequence[Trial]) -> dict[str, Any]:
    """Cases, errors, and the mean over cases of the mean score of their repeats."""
    scores: dict[str, list[float]] = {}
    for trial in trials:
        if trial.state == "ok" and trial.score is not None:
            scores.setdefault(trial.case_id, []).append(trial.score)
    means = [sum(each) / len(each) for each in scores.values()]
    return {"cases": len({trial.case_id for trial in trials}), "errors": sum(trial.state != "ok" for trial in trials),
            "score": sum(means) / len(means) if means else None}

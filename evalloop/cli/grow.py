"""``evalloop grow``: clusters become candidate cases in files."""

from __future__ import annotations

import json
from collections import Counter

import click

from evalloop.cases.check import Grown
from evalloop.cli.printing import say
from evalloop.errors import ExitCode
from evalloop.loop import GrowOptions, grow_cases, open_project, propose_cases
from evalloop.printable import many, one_line
from evalloop.records.times import weeks_text

EPILOG = """\b
Examples:
  evalloop grow
  evalloop grow --evalset support --cluster broken-citations --per-cluster 20
  evalloop grow --fail-first base       (asks the variant that users complained about)
  evalloop grow --evalset support --open-pr

The candidates are written into evalsets/NAME/CLUSTER.evalset.yaml; evalloop review decides about them. Growing again
gives nothing new until there are new failures. Exit 5: there is nothing to grow from."""


@click.command("grow", epilog=EPILOG)
@click.option("--evalset", "name", default="feedback", show_default=True, help="evalset that gets the candidates")
@click.option("--cluster", "themes", multiple=True, metavar="CLUSTER", help="only this cluster (repeatable)")
@click.option("--per-cluster", default=12, show_default=True, type=click.IntRange(1, 1000),
              help="most cases of one cluster in one week")
@click.option("--implicit", is_flag=True, help="use failures too that only one sign of behaviour tells of")
@click.option("--fail-first", metavar="VARIANT",
              help="ask this variant and leave out what it passes; 'recorded' judges only the recorded answers")
@click.option("--open-pr", is_flag=True, help="commit to a branch of git, and open a pull request where gh is there")
@click.option("--branch", "branch_name", metavar="NAME", help="that branch (default: evalloop/grow-EVALSET)")
@click.option("--dry-run", is_flag=True, help="show what would be written")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def command(name: str, themes: tuple[str, ...], per_cluster: int, implicit: bool, fail_first: str | None, open_pr: bool,
            branch_name: str | None, dry_run: bool, as_json: bool) -> int:
    """Turn clusters of failures into candidate cases: typical, varied and hard ones, fair to users, and new.

    Only failures whose users allow the purpose "eval" are used. Texts are masked. A candidate that was rejected once is
    never proposed again, nor is one that is nearly the same. A candidate whose graders pass the answer that users
    complained about is left out: graders that need no judge are tried on it, --fail-first tries the others too.

    With --open-pr the files of your checkout stay as they are: each theme is one commit on a branch of its own. Where
    GitHub's gh is installed the branch is pushed and a pull request opened; else the commands for it are printed.
    """
    options = GrowOptions(per_cluster, themes, implicit, fail_first, dry_run)
    if open_pr or branch_name:
        grown = propose_cases(open_project(), name, options, branch_name or "")
    else:
        grown = grow_cases(open_project(), name, options)
    if as_json:
        click.echo(json.dumps(_row(grown), indent=1, ensure_ascii=False))
    else:
        _print(grown)
    return ExitCode.OK


def _row(grown: Grown) -> dict[str, object]:
    branch = {"branch": grown.branch, "commits": grown.commits, "pull_request": grown.pull_request,
              "commands": grown.commands} if grown.branch else {}
    return {**branch, "cases": [case.to_dict() for case in grown.cases],
            "changed": [str(path) for path in grown.changed],
            "skipped": [{"cluster_id": each.cluster_id, "reasons": each.reasons} for each in grown.skipped]}


def _print(grown: Grown) -> None:
    counts = Counter(case.cluster for case in grown.cases)
    for cluster, count in counts.items():
        theme = next(case.provenance for case in grown.cases if case.cluster == cluster)
        say(f"{count:4d}  {cluster}: {one_line(str(theme['theme']))}, "
            f"{theme['share']:.1%} of failures in {weeks_text(theme['week'], theme.get('since', ''))}")
    reasons: Counter[str] = Counter()
    for each in grown.skipped:
        reasons.update(each.reasons)
    for reason, count in reasons.most_common():
        click.echo(f"not used: {many(count, 'failure')}, {reason}")
    for path in grown.changed:
        say(f"wrote {path}" + (f" on the branch {grown.branch}" if grown.branch else ""))
    say(many(len(grown.cases), "candidate") + (": evalloop review decides about them" if grown.changed else ""))
    if grown.pull_request:
        say(f"opened {one_line(grown.pull_request, limit=200)}")
    elif grown.commands:
        click.echo("to open a pull request:")
        for line in grown.commands:
            click.echo(f"  {line}")

"""``evalloop retire``: cases that nothing speaks for any more, and their way back."""

from __future__ import annotations

import json

import click

from evalloop.cases.retire import NEVER_FAILS, Proposal
from evalloop.cli.printing import say
from evalloop.errors import ExitCode, UsageError
from evalloop.loop import open_project, open_review, retirement
from evalloop.printable import many, one_line

EPILOG = """\b
Examples:
  evalloop retire
  evalloop retire --evalset support --stale-days 365
  evalloop retire broken-citations-1a2b3c4d --reason "the feature is gone"
  evalloop retire --reopen broken-citations-1a2b3c4d --reason "it is back"

Exit 5: there is no case to propose."""


@click.command("retire", epilog=EPILOG)
@click.argument("ids", nargs=-1, metavar="[CASE]...")
@click.option("--evalset", metavar="EVALSET", help="name or path (default: the only one)")
@click.option("--reason", default="", help="why; it is kept in reviews.jsonl")
@click.option("--reopen", is_flag=True, help="make retired cases candidates again")
@click.option("--stale-days", default=180, show_default=True, type=click.IntRange(1),
              help="days without a complaint in its theme until a case is stale")
@click.option("--by", "reviewer", help="your name (default: git's user.name)")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def command(ids: tuple[str, ...], evalset: str | None, reason: str, reopen: bool, stale_days: int,
            reviewer: str | None, as_json: bool) -> int:
    """Retire cases, or show which may retire and why.

    Without CASE it proposes: stale cases (nobody complains of their theme any more, or the version that they were made
    of is gone), flaky ones (they pass and fail under one and the same variant), and flags those that never fail.
    Retired cases stay in their files: runs leave them out, and nothing like them is grown again.
    """
    project = open_project()
    review = open_review(project, evalset, reviewer, of="retired" if reopen else "accepted")
    if not ids:
        return _propose(retirement(project, review, stale_days=stale_days), as_json)
    if not reason.strip():
        raise UsageError("a step needs a reason", fix='say why: --reason "..."')
    for case_id in ids:
        review.case(case_id, "retired" if reopen else "accepted")
    for case_id in ids:
        (review.reopen if reopen else review.retire)(case_id, reason)
    say(f"{len(ids)} {'wait for review again' if reopen else 'retired'}")
    return ExitCode.OK


def _propose(found: list[Proposal], as_json: bool) -> int:
    if as_json:
        click.echo(json.dumps([{"id": each.case.id, "cluster": each.case.cluster, "kind": each.kind,
                                "reason": each.reason} for each in found], indent=1, ensure_ascii=False))
        return ExitCode.OK if found else ExitCode.EMPTY
    for each in found:
        say(f"{each.kind:11s}  {one_line(each.case.id)}: {one_line(each.reason, limit=150)}")
    flagged = sum(each.kind == NEVER_FAILS for each in found)
    say(f"{many(len(found) - flagged, 'case')} may retire (evalloop retire CASE --reason ...), "
        f"{flagged} never {'fails' if flagged == 1 else 'fail'}")
    return ExitCode.OK if found else ExitCode.EMPTY

"""``evalloop review``: a person decides about candidates."""

from __future__ import annotations

import json

import click

from evalloop.cases.review import Review
from evalloop.cases.second import agreement, sample
from evalloop.cli.printing import say
from evalloop.cli.sitting import asked, second, sit
from evalloop.errors import ExitCode
from evalloop.loop import Project, note_cases, open_project, open_review
from evalloop.printable import many, one_line

EPILOG = """\b
Examples:
  evalloop review
  evalloop review support
  evalloop review --list
  evalloop review --accept broken-citations-1a2b3c4d
  evalloop review --reject ID --reason "not our product"
  evalloop review support --second-opinion 20     (another reviewer, who is not told what the first one said)
  evalloop review support --agreement

Keys: a accept, r reject (asks for a reason), e edit in $EDITOR, s skip, u undo, q quit. A rejected candidate never
comes back: its text is kept in rejections.jsonl beside the evalset. Exit 5: no candidate waits."""


@click.command("review", epilog=EPILOG)
@click.argument("evalset", required=False)
@click.option("--list", "list_only", is_flag=True, help="list the candidates and stop")
@click.option("--accept", "accepted", multiple=True, metavar="ID", help="accept this candidate (repeatable)")
@click.option("--accept-all", type=click.IntRange(0), metavar="N", help="accept the first N candidates")
@click.option("--reject", "rejected", multiple=True, metavar="ID", help="reject this candidate (repeatable)")
@click.option("--reason", default="", help="why it is rejected")
@click.option("--by", "reviewer", help="reviewer's name (default: git's user.name)")
@click.option("--second-opinion", "second_count", type=click.IntRange(1), metavar="N",
              help="judge up to N cases again that others decided; changes no case")
@click.option("--agreement", "show_agreement", is_flag=True, help="show how far reviewers agree, and where not")
@click.option("--json", "as_json", is_flag=True, help="print JSON (with --list and --agreement)")
def command(evalset: str | None, list_only: bool, accepted: tuple[str, ...], accept_all: int | None,
            rejected: tuple[str, ...], reason: str, reviewer: str | None, second_count: int | None,
            show_agreement: bool, as_json: bool) -> int:
    """Accept, edit or reject candidate cases.

    EVALSET is a name or a path; it can be left out when only one evalset has candidates (for second opinions and
    agreement: accepted cases). Every decision is kept with its reviewer in reviews.jsonl beside the evalset.
    """
    project = open_project()
    again = second_count is not None or show_agreement
    review = open_review(project, evalset, reviewer, of="accepted" if again else "candidate")
    if again:
        return _second(review, second_count or 0, as_json)
    if list_only:
        _list(review, as_json)
        return ExitCode.OK if review.candidates() else ExitCode.EMPTY
    if accepted or rejected or accept_all is not None:
        _decide(review, accepted, accept_all or 0, rejected, reason)
        _tell_themes(project, review)
        return ExitCode.OK
    if not review.candidates():
        click.echo("no candidate waits")
        return ExitCode.EMPTY
    try:
        sit(review)
    finally:
        _tell_themes(project, review)
    return ExitCode.OK


def _tell_themes(project: Project, review: Review) -> None:
    """A theme with its first accepted case is not merely open any more."""
    for move in note_cases(project, review.evalset.cases, by=review.reviewer):
        say(f"theme {move.cluster_id}: {move.before} -> {move.status} ({one_line(move.reason)})")


def _list(review: Review, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([case.to_dict() for case in review.candidates()], indent=1, ensure_ascii=False))
        return
    for case in review.candidates():
        say(f"{case.id}  {case.split:7s}  {one_line(asked(case), limit=90)}")
    say(f"{many(len(review.candidates()), 'candidate')} in {review.path}")


def _decide(review: Review, accepted: tuple[str, ...], count: int, rejected: tuple[str, ...], reason: str) -> None:
    """Carries out decisions given as options; every id is looked up before anything is written."""
    for case_id in (*accepted, *rejected):
        review.case(case_id)
    chosen = [*accepted, *[case.id for case in review.candidates() if case.id not in (*accepted, *rejected)][:count]]
    for case_id in rejected:
        review.reject(case_id, reason)
    for case_id in chosen:
        review.accept(case_id)
    say(f"{len(chosen)} accepted, {len(rejected)} rejected, {many(len(review.candidates()), 'candidate')} left")


def _second(review: Review, count: int, as_json: bool) -> int:
    """Asks for second opinions where ``count`` says so, then shows the agreement; exit 5 when there is none to show."""
    if count:
        ids = sample(review.opinions(), review.reviewer, count)
        if not ids:
            say(f"no case was decided by others that {one_line(review.reviewer)} did not judge")
            return ExitCode.EMPTY
        second(review, ids)
    found = agreement(review.opinions())
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=1, ensure_ascii=False))
    elif not found.cases:
        say("no case was judged by two reviewers; another one gives second opinions with --second-opinion N")
    else:
        limits = "" if found.low is None else f" (95 % interval {found.low:.2f} to {found.high:.2f})"
        value = "not defined: there is one verdict only" if found.value is None else f"{found.value:.2f}{limits}"
        say(f"{many(found.cases, 'case')} judged by several of {len(found.reviewers)} reviewers: "
            f"{found.agreement:.0%} agree, {NAMES[found.method]} {value}")
        for case_id, said in found.disputed.items():
            told = ", ".join(f"{one_line(by)}: {verdict}" for by, verdict in said.items())
            click.echo(f"disputed  {one_line(case_id)}  {told}")
    return ExitCode.OK if found.cases else ExitCode.EMPTY


NAMES = {"cohen": "Cohen's kappa", "fleiss": "Fleiss' kappa", "krippendorff": "Krippendorff's alpha"}

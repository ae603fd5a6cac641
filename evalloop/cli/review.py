"""``evalloop review``: a person decides about candidates."""

from __future__ import annotations

import json
import sys
from typing import Any

import click

from evalloop.cases.review import Review
from evalloop.errors import EvalloopError, ExitCode
from evalloop.loop import Project, note_cases, open_project, open_review
from evalloop.printable import one_line, printable
from evalloop.records.case import Case

EPILOG = """Examples: evalloop review; evalloop review support; evalloop review --list;
evalloop review --accept broken-citations-1a2b3c4d; evalloop review --reject ID --reason "not our product"

Keys: a accept, r reject (asks for a reason), e edit in $EDITOR, s skip, u undo, q quit. A rejected candidate never
comes back: its text is kept in rejections.jsonl beside the evalset. Exit 5: no candidate waits."""

KEYS = "[a]ccept  [r]eject  [e]dit  [s]kip  [u]ndo  [q]uit"
DONE = {"a": "accepted", "r": "rejected for ever:", "s": "skipped"}
SHOWN, SHOWN_BEFORE = 1500, 200
"""Characters of a text, and of each message before the last one."""


@click.command("review", epilog=EPILOG)
@click.argument("evalset", required=False)
@click.option("--list", "list_only", is_flag=True, help="list the candidates and stop")
@click.option("--accept", "accepted", multiple=True, metavar="ID", help="accept this candidate (repeatable)")
@click.option("--accept-all", type=click.IntRange(0), metavar="N", help="accept the first N candidates")
@click.option("--reject", "rejected", multiple=True, metavar="ID", help="reject this candidate (repeatable)")
@click.option("--reason", default="", help="why it is rejected")
@click.option("--by", "reviewer", help="reviewer's name (default: git's user.name)")
@click.option("--json", "as_json", is_flag=True, help="print JSON (with --list)")
def command(evalset: str | None, list_only: bool, accepted: tuple[str, ...], accept_all: int | None,
            rejected: tuple[str, ...], reason: str, reviewer: str | None, as_json: bool) -> int:
    """Accept, edit or reject candidate cases.

    EVALSET is a name or a path; it can be left out when only one evalset has candidates.
    """
    project = open_project()
    review = open_review(project, evalset, reviewer)
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
        _sit(review)
    finally:
        _tell_themes(project, review)
    return ExitCode.OK


def _tell_themes(project: Project, review: Review) -> None:
    """A theme with its first accepted case is not merely open any more."""
    for move in note_cases(project, review.evalset.cases, by=review.reviewer):
        click.echo(f"theme {move.cluster_id}: {move.before} -> {move.status} ({one_line(move.reason)})")


def _list(review: Review, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps([case.to_dict() for case in review.candidates()], indent=1, ensure_ascii=False))
        return
    for case in review.candidates():
        click.echo(f"{case.id}  {case.split:7s}  {one_line(_asked(case), limit=90)}")
    click.echo(f"{len(review.candidates())} candidates in {review.path}")


def _decide(review: Review, accepted: tuple[str, ...], count: int, rejected: tuple[str, ...], reason: str) -> None:
    """Carries out decisions given as options; every id is looked up before anything is written."""
    for case_id in (*accepted, *rejected):
        review.case(case_id)
    chosen = [*accepted, *[case.id for case in review.candidates() if case.id not in (*accepted, *rejected)][:count]]
    for case_id in rejected:
        review.reject(case_id, reason)
    for case_id in chosen:
        review.accept(case_id)
    click.echo(f"{len(chosen)} accepted, {len(rejected)} rejected, {len(review.candidates())} candidates left")


def _sit(review: Review) -> None:
    """Shows one candidate after the other and does what the keys say."""
    skipped: list[str] = []
    history: list[str] = []
    shown = ""
    while waiting := [case for case in review.candidates() if case.id not in skipped]:
        case = waiting[0]
        if case.id != shown:
            _show(case, len(waiting))
        shown = case.id
        key = _key()
        if key == "q":
            break
        if key == "u":
            _undo(review, skipped, history)
        elif key in "ars" and key:
            _carry_out(review, case, key, skipped)
            history.append(key)
        elif key == "e":
            shown, history = "", history + ["e"] * _edit(review, case)
        else:
            click.echo(KEYS)
    click.echo(f"{len(review.candidates())} candidates left in {review.path}")


def _carry_out(review: Review, case: Case, key: str, skipped: list[str]) -> None:
    if key == "a":
        review.accept(case.id)
    elif key == "r":
        review.reject(case.id, _line("reason: "))
    else:
        skipped.append(case.id)
    click.echo(f"{DONE[key]} {case.id}")


def _undo(review: Review, skipped: list[str], history: list[str]) -> None:
    """Takes the last step back, be it a decision, an edit or a skip."""
    if not history:
        click.echo("nothing to undo")
        return
    case_id = skipped.pop() if history.pop() == "s" else review.undo()
    click.echo(f"back to {case_id}")


def _edit(review: Review, case: Case) -> bool:
    """Opens the editor until the case is right or given up; True when it was changed."""
    text = review.as_text(case)
    while True:
        edited = click.edit(text, extension=".yaml")
        if edited is None or edited == text:
            click.echo("not changed")
            return False
        try:
            review.edit(case.id, edited)
            return True
        except EvalloopError as error:
            click.echo(printable(str(error)), err=True)
            if _line("edit again? [y/n] ") != "y":
                return False
            text = edited


def _show(case: Case, left: int) -> None:
    """One candidate: what was asked and answered, what the user said, how it would be judged, where it is from."""
    origin = case.provenance
    click.echo()
    click.echo(f"---- {case.id} ({left} left), {case.split}, {case.file}:{case.line}")
    parts = {"theme": f"{origin.get('theme', case.cluster)} ({_share(origin)})", "before": _before(case),
             "request": _asked(case),
             "answer": origin.get("response", "(not kept)"), "the user": origin.get("complaint", "(no words)")}
    if case.expected is not None:
        parts["expected"] = case.expected
    for name, text in parts.items():
        if text:
            _block(name, text if isinstance(text, str) else json.dumps(text, ensure_ascii=False))
    for spec in case.graders:
        about = json.dumps(spec.options, ensure_ascii=False) if spec.options else ""
        limit = f" >= {spec.threshold}" if spec.threshold is not None else ""
        told = str(spec.options.get(spec.type, about))
        unquoted = "\n".join(line for line in told.split("\n") if not line.startswith(">")).strip()
        _block("grader", f"{'not ' if spec.negate else ''}{spec.type}{limit} {unquoted}")
    events = origin.get("events", ())
    click.echo(f"from      {len(events)} events: {one_line(', '.join(map(str, events)), limit=100)}")
    click.echo(KEYS)


def _block(name: str, text: str) -> None:
    """A text of a user or a model, each line behind a bar."""
    for number, line in enumerate(printable(text, limit=SHOWN).split("\n")):
        click.echo(f"{'' if number else name:9s} | {line}")


def _share(origin: Any) -> str:
    share, week = origin.get("share"), origin.get("week", "")
    return f"{share:.1%} of failures in {week}" if isinstance(share, int | float) else "share not known"


def _asked(case: Case) -> str:
    """What the answer has to answer: the last message, or the variables."""
    messages = case.input.get("messages")
    if messages:
        return str(messages[-1]["content"])
    return "\n".join(f"{name}: {value}" for name, value in case.input.get("vars", {}).items())


def _before(case: Case) -> str:
    """The conversation up to the last message, each message on a line."""
    earlier = (case.input.get("messages") or ())[:-1]
    return "\n".join(f"{each['role']}: {one_line(str(each['content']), limit=SHOWN_BEFORE)}" for each in earlier)


def _key() -> str:
    """One key of the terminal, or the first letter of a line where input does not come from one."""
    if sys.stdin.isatty():
        return click.getchar().lower()
    line = sys.stdin.readline()
    return line.strip()[:1].lower() if line else "q"


def _line(question: str) -> str:
    click.echo(question, nl=False)
    return sys.stdin.readline().strip()

"""A sitting of ``evalloop review`` at the keyboard: one case after the other, one key for each decision."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

import click

from evalloop.cases.review import Review
from evalloop.cli.printing import say
from evalloop.errors import EvalloopError
from evalloop.printable import many, one_line, printable
from evalloop.records.case import Case
from evalloop.records.times import weeks_text
from evalloop.terminal import columns, fold

KEYS = "[a]ccept  [r]eject  [e]dit  [s]kip  [u]ndo  [q]uit"
SECOND_KEYS = "[a]ccept  [r]eject  [s]kip  [q]uit"
DONE = {"a": "accepted", "r": "rejected for ever:", "s": "skipped"}
SHOWN, SHOWN_BEFORE = 1500, 200
"""Characters of a text, and of each message before the last one."""


def sit(review: Review) -> None:
    """Shows one candidate after the other and does what the keys say."""
    skipped: list[str] = []
    history: list[str] = []
    shown = ""
    while waiting := [case for case in review.candidates() if case.id not in skipped]:
        case = waiting[0]
        if case.id != shown:
            show(case, len(waiting))
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
    click.echo(f"{many(len(review.candidates()), 'candidate')} left in {review.path}")


def _carry_out(review: Review, case: Case, key: str, skipped: list[str]) -> None:
    if key == "a":
        review.accept(case.id)
    elif key == "r":
        review.reject(case.id, _line("reason: "))
    else:
        skipped.append(case.id)
    click.echo(f"{DONE[key]} {case.id}")


def second(review: Review, ids: Sequence[str]) -> None:
    """Asks about cases that others decided, without telling what they said; every answer is kept at once."""
    for number, case_id in enumerate(ids):
        case = review.decided(case_id)
        show(case, len(ids) - number, SECOND_KEYS)
        while (key := _key()) not in ("a", "r", "s", "q"):
            click.echo(SECOND_KEYS)
        if key == "q":
            return
        if key != "s":
            review.opine(case_id, "accept" if key == "a" else "reject", _line("reason: ") if key == "r" else "")


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


def show(case: Case, left: int, keys: str = KEYS) -> None:
    """One candidate: what was asked and answered, what the user said, how it would be judged, where it is from."""
    origin = case.provenance
    click.echo()
    say(f"---- {case.id} ({left} left), {case.split}, {case.file}:{case.line}")
    parts = {"theme": f"{origin.get('theme', case.cluster)} ({_share(origin)})", "before": _before(case),
             "request": asked(case),
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
    say(f"from      {many(len(events), 'event')}: {one_line(', '.join(map(str, events)), limit=100)}", hang=10)
    click.echo(keys)


def _block(name: str, text: str) -> None:
    """A text of a user or a model, each line behind a bar."""
    for number, line in enumerate(printable(text, limit=SHOWN).split("\n")):
        width = columns(sys.stdout)
        for place, part in enumerate(fold(line, width and width - 12, hang=0).split("\n")):
            click.echo(f"{'' if number or place else name:9s} | {part}")


def _share(origin: Any) -> str:
    share, weeks = origin.get("share"), weeks_text(str(origin.get("week", "")), str(origin.get("since", "")))
    return f"{share:.1%} of failures in {one_line(weeks)}" if isinstance(share, int | float) else "share not known"


def asked(case: Case) -> str:
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

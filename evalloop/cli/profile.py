"""``evalloop profile``: what users take and leave."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from evalloop.cli.printing import say, show_table
from evalloop.cli.steps import watched
from evalloop.errors import ExitCode
from evalloop.loop import open_project, read_profiles
from evalloop.printable import many, one_line

if TYPE_CHECKING:
    from evalloop.preferences.profile import Profile, Profiles

EPILOG = """\b
Examples:
  evalloop profile --by model_answered
  evalloop profile --by plan --min-users 20 --json       (plan: a key of the users' segment)
  evalloop profile --user 5f3c... --json                 (what a product can put into that user's prompt)
"""


@click.command("profile", epilog=EPILOG)
@click.option("--by", default="all", show_default=True, metavar="KEY",
              help="a key of the events' context (model_answered, surface, variant) or of the users' segment")
@click.option("--user", "users", multiple=True, metavar="KEY", help="these users, by their pseudonymous key")
@click.option("--users", "each_user", is_flag=True, help="every user who allows training")
@click.option("--min-users", type=click.IntRange(1), help="fewest users of a group that is shown")
@click.option("--top", type=click.IntRange(1), default=20, show_default=True, help="rows to print")
@click.option("--json", "as_json", is_flag=True, help="print JSON")
def command(by: str, users: Sequence[str], min_users: int | None, top: int, *, each_user: bool, as_json: bool) -> int:
    """Show what users take (accept or copy) and leave, by group or by user.

    Rates of small groups are drawn towards the rate of all. Groups are compared with the user as the unit: many answers
    of one user are not many observations. A view of one user needs that user's consent to training; a group with fewer
    users than the minimum is not shown.
    """
    with watched(open_project(min_users=min_users)) as project:
        result = read_profiles(project, by, users=users if users or each_user else None)
    if as_json:
        click.echo(json.dumps(result.to_dict(), ensure_ascii=False, indent=1))
    else:
        _print(result, top)
    return ExitCode.OK


def _print(result: Profiles, top: int) -> None:
    head = [one_line(result.by, limit=20), "answers", "users", "taken", "95 % interval", "drawn to all", "stays",
            "to accept", "length taken / left"]
    show_table([_row(each) for each in result.groups[:top]], head, align="l" + "r" * 8)
    if len(result.groups) > top:
        say(f"(+{len(result.groups) - top} more; --top {len(result.groups)} shows all)")
    if result.hidden:
        say(f"{many(result.hidden, 'group')} with fewer than {many(result.least_users, 'user')} not shown")
    if result.without_consent:
        say(f"{many(result.without_consent, 'user')} did not allow a view of their own")
    for each in result.contrasts:
        interval = "" if each.interval is None else f" ({each.interval[0]:+.1%} to {each.interval[1]:+.1%})"
        p = "" if each.p is None else f", p {each.p:.3f} (Holm {each.p_holm or 1:.3f})"
        say(f"{one_line(each.second, limit=40)} against {one_line(each.first, limit=40)}: "
            f"{each.delta:+.1%}{interval}{p}; {each.why}")
    for each_group in result.groups[:top]:
        for hint in each_group.hints:
            say(f"{one_line(each_group.name, limit=40)}: {hint}")


def _row(each: Profile) -> list[str]:
    interval = "too few users" if each.interval is None else f"{each.interval[0]:.1%} to {each.interval[1]:.1%}"
    stays = "-" if each.retained is None else f"{each.retained:.0%}"
    accept = "-" if each.accept_s is None else f"{each.accept_s:.1f} s"
    lengths = f"{_count(each.chars_taken)} / {_count(each.chars_left)}"
    return [one_line(each.name, limit=32), f"{each.answers:,}", f"{each.users:,}", f"{each.rate:.1%}", interval,
            f"{each.shrunken:.1%}", stays, accept, lengths]


def _count(value: int | None) -> str:
    return "-" if value is None else f"{value:,}"

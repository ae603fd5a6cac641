"""``evalloop comment``: one comment on a pull request, kept up to date."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from evalloop.errors import UsageError
from evalloop.store.files import read_json, read_text

EXAMPLES = """\b
Examples:
  evalloop gate @baseline @latest --format md -o comment.md; evalloop comment comment.md
  evalloop comment comment.md --link https://ci.example/report.html
  evalloop comment comment.md --repository me/app --pull 12 --key refunds"""


@click.command("comment", epilog=EXAMPLES)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option("--link", default="", metavar="URL", help="address of the whole report, put below")
@click.option("--key", default="", help="tells comments of one pull request apart (default: the evalset)")
@click.option("--repository", envvar="GITHUB_REPOSITORY", metavar="OWNER/NAME", help="default: $GITHUB_REPOSITORY")
@click.option("--pull", type=int, metavar="NUMBER", help="the pull request (default: that of the workflow's event)")
@click.option("--author", default="", help="whose comments may be changed (default: the token's own account)")
@click.option("--api", envvar="GITHUB_API_URL", default="https://api.github.com", show_default=True,
              help="address of the REST API (or $GITHUB_API_URL)")
def command(file: Path, link: str, key: str, repository: str | None, pull: int | None, author: str, api: str) -> None:
    """Put the Markdown of FILE on a pull request of GitHub: once, and later over what it said before.

    FILE comes from --format md of compare or gate. The token is read from $GITHUB_TOKEN (or $GH_TOKEN) and needs to
    write pull requests. Where it may not, as with pull requests from forks, a warning is printed and the exit code is
    0, so that a job goes on.
    """
    from evalloop.report.comment import PullRequest, Refused, body_of, put_comment

    token = os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN")
    if not token:
        raise UsageError("there is no token", fix="set GITHUB_TOKEN: ${{ github.token }} in the step's env")
    if not repository:
        raise UsageError("no repository is named", fix="give --repository owner/name")
    number = pull or _pull_of_event()
    if not number:
        raise UsageError("no pull request is named", fix="give --pull NUMBER, or run in a workflow on: pull_request")
    body = body_of(read_text(file)[0], key=key, link=link)
    try:
        before, address = put_comment(PullRequest(repository, number, token, api, author), body)
    except Refused as error:
        click.echo(f"warning: no comment: {error}\n    fix: give the job `permissions: pull-requests: write`; pull "
                   "requests from forks cannot have it, their report stands in the step summary", err=True)
        return
    click.echo(f"{'updated' if before else 'created'} {address}".rstrip(), err=True)


def _pull_of_event() -> int | None:
    """The pull request that the workflow runs for."""
    event = os.environ.get("GITHUB_EVENT_PATH")
    if not event or not Path(event).is_file():
        return None
    given: Any = read_json(Path(event)).get("pull_request")
    number = given.get("number") if isinstance(given, dict) else None
    return number if isinstance(number, int) else None

"""One comment on a pull request of GitHub that is kept up to date: found again by a hidden first line.

The first line of ``--format md`` names the evalset, so that two evalsets keep two comments. A comment with that line is
only changed when the token's own account wrote it: a stranger who copies the line gets nothing.
"""

from __future__ import annotations

import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from evalloop.errors import IncompleteError, UsageError
from evalloop.printable import one_line

LONGEST = 65_536
"""Characters that GitHub takes in a comment."""
MARKER = "<!-- evalloop report: {} -->"
JOBS = "github-actions[bot]"
"""Who a workflow's own token writes as; it may not ask for its name."""
PAGE = 100
TRIES = 3
WAIT_S = 1.0
TIMEOUT_S = 30
LOCAL = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True)
class PullRequest:
    """``repository`` is owner/name; ``api`` the address of the REST API; ``author`` whose comments may be changed (the
    token's own account when empty)."""

    repository: str
    number: int
    token: str
    api: str = "https://api.github.com"
    author: str = ""

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[\w.-]+/[\w.-]+", self.repository):
            raise UsageError(f"{one_line(self.repository)!r} is no repository", fix="write owner/name")
        address = urlsplit(self.api)
        if address.scheme != "https" and not (address.scheme == "http" and address.hostname in LOCAL):
            raise UsageError(f"{one_line(self.api)!r} is no safe address of an API: the token would travel in the open",
                             fix="write https://...")


class Refused(Exception):
    """The token may not write here, as with pull requests from forks."""


def marker(key: str) -> str:
    """The hidden line of the comment for one evalset; nothing in ``key`` can end it."""
    return MARKER.format(re.sub(r"[^\w./]+|-{2,}", "-", key)[:100].strip("-") or "report")


def body_of(text: str, *, key: str = "", link: str = "") -> str:
    """The comment: ``text`` under its hidden line (that of ``key`` where one is given), and a link to the whole report.

    Raises UsageError when it is longer than GitHub takes.
    """
    first, _, rest = text.partition("\n")
    if not first.startswith(MARKER.partition("{")[0]):
        first, rest = marker(key), text
    elif key:
        first = marker(key)
    if link and not re.fullmatch(r"https?://[^\s()<>\[\]]+", link):
        raise UsageError(f"{one_line(link)!r} is no address of a page", fix="write https://...")
    told = f"\n\n[The whole report]({link})" if link else ""
    body = f"{first}\n{rest.rstrip()}{told}\n"
    if len(body) > LONGEST:
        raise UsageError(f"the comment has {len(body):,} characters, GitHub takes {LONGEST:,}",
                         fix="write it with --format md, which keeps to that")
    return body


def put_comment(place: PullRequest, body: str) -> tuple[bool, str]:
    """(whether it was there before, its address). Raises Refused, UsageError or IncompleteError."""
    first = body.partition("\n")[0]
    comments = f"/repos/{place.repository}/issues/{place.number}/comments"
    author = place.author or _author(place)
    for each in _pages(place, comments):
        if _login(each) == author and str(each.get("body") or "").splitlines()[:1] == [first]:
            old = f"/repos/{place.repository}/issues/comments/{int(each['id'])}"
            return True, str(_ask(place, "PATCH", old, {"body": body}).get("html_url", ""))
    return False, str(_ask(place, "POST", comments, {"body": body}).get("html_url", ""))


def _author(place: PullRequest) -> str:
    try:
        return str(_ask(place, "GET", "/user").get("login", ""))
    except Refused:
        return JOBS


def _login(comment: dict[str, Any]) -> str:
    return str((comment.get("user") or {}).get("login", ""))


def _pages(place: PullRequest, path: str) -> Iterator[dict[str, Any]]:
    """Every comment, oldest first; pages are counted here, so that no answer leads the token elsewhere."""
    page = 1
    while found := _ask(place, "GET", f"{path}?per_page={PAGE}&page={page}"):
        yield from found
        if len(found) < PAGE:
            return
        page += 1


def _ask(place: PullRequest, method: str, path: str, sent: dict[str, Any] | None = None) -> Any:
    """The JSON of one answer; what may be asked twice without harm is asked again when the server stumbles."""
    tries = 1 if method == "POST" else TRIES
    for left in range(tries - 1, -1, -1):
        try:
            return _once(place, method, path, sent)
        except (OSError, http.client.HTTPException) as error:
            code = getattr(error, "code", None)
            if code in (401, 403):
                raise Refused(_reason(error)) from None
            if code is not None and code < 500:
                raise UsageError(f"{place.api} refused: {_reason(error)}",
                                 fix="check --repository, --pull and the token") from None
            if not left:
                raise IncompleteError(f"{place.api} could not be reached: {_reason(error)}",
                                      fix="try again later") from None
        time.sleep(WAIT_S * (tries - left))
    raise AssertionError


def _once(place: PullRequest, method: str, path: str, sent: dict[str, Any] | None) -> Any:
    data = None if sent is None else json.dumps(sent).encode()
    request = urllib.request.Request(place.api.rstrip("/") + path, data, method=method, headers={  # noqa: S310
        "Accept": "application/vnd.github+json", "Content-Type": "application/json", "User-Agent": "evalloop",
        "X-GitHub-Api-Version": "2022-11-28"})
    request.add_unredirected_header("Authorization", f"Bearer {place.token}")
    with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:  # noqa: S310
        return json.loads(answer.read())


def _reason(error: Exception) -> str:
    """What the server said, without more of it than a line."""
    if not isinstance(error, urllib.error.HTTPError):
        return one_line(str(error), limit=200)
    try:
        said = json.loads(error.read()).get("message", "")
    except (ValueError, AttributeError, OSError):
        said = ""
    return one_line(f"{error.code} {said or error.reason}", limit=200)

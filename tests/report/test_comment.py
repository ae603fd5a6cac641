"""The comment on a pull request, over HTTP: one for each evalset, and nobody else's is touched."""

from __future__ import annotations

from typing import Any

import pytest

from evalloop.errors import IncompleteError, UsageError
from evalloop.report import comment
from evalloop.report.comment import JOBS, PullRequest, Refused, body_of, marker, put_comment

BODY = f"{marker('refunds')}\n## PASS: b against a\n"


@pytest.fixture
def server(github: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The API, with no wait between tries."""
    monkeypatch.setattr(comment, "WAIT_S", 0.0)
    return github


def put(server: Any, body: str = BODY, **given: Any) -> bool:
    """Whether the comment was there before."""
    return put_comment(PullRequest("me/app", 12, "secret-token", server.url, **given), body)[0]


def test_created_once_and_updated_afterwards(server: Any) -> None:
    """The second report replaces the first; no second comment appears."""
    server.add("someone", "nice work")
    assert not put(server)
    assert put(server, BODY.replace("PASS", "BLOCK"))
    assert [each["body"] for each in server.comments] == ["nice work", BODY.replace("PASS", "BLOCK")]


def test_found_on_a_later_page(server: Any) -> None:
    """With more comments than one page holds, the own one is still found; also when it is the last of a full page."""
    for number in range(250):
        server.add("someone", f"comment {number}")
    server.add(JOBS, f"{BODY}old")
    assert put(server)
    assert len(server.comments) == 251
    for number in range(49):
        server.add("someone", f"more {number}")
    assert not put(server, BODY.replace("refunds", "hours"))
    assert sum("page=4" in each for each in server.asked) == 1


def test_comment_of_a_stranger_with_the_hidden_line_stays(server: Any) -> None:
    """Who copies the line, or quotes it, gets nothing changed."""
    server.add("mallory", f"{BODY}mine")
    server.add(JOBS, f"> {BODY}")
    assert not put(server)
    assert [each["body"] for each in server.comments] == [f"{BODY}mine", f"> {BODY}", BODY]


def test_each_evalset_keeps_its_own(server: Any) -> None:
    """Two evalsets, two comments."""
    put(server)
    put(server, BODY.replace("refunds", "hours"))
    assert put(server)
    assert len(server.comments) == 2


def test_own_account_or_a_named_one(server: Any) -> None:
    """A personal token changes its user's comments; an app's name can be given."""
    server.add("my-app[bot]", BODY)
    server.add("ada", BODY)
    server.user = "ada"
    assert put(server, f"{BODY}by ada")
    assert put(server, f"{BODY}by app", author="my-app[bot]")
    assert server.comments[0]["body"].endswith("by app")
    assert server.comments[1]["body"].endswith("by ada")


def test_fork_or_bad_token_is_refused(server: Any) -> None:
    """A read-only token and a wrong one are told apart from other faults."""
    server.writes = False
    with pytest.raises(Refused, match="403 Resource not accessible"):
        put(server)
    with pytest.raises(Refused, match="401 Bad credentials"):
        put_comment(PullRequest("me/app", 12, "wrong", server.url, author="x"), BODY)


def test_server_that_stumbles_is_asked_again_and_an_absent_pull_is_said(server: Any) -> None:
    """Two bad gateways are overcome; a third is not; a number that does not exist is the user's mistake."""
    server.stumbles = 2
    assert not put(server)
    server.stumbles = 9
    with pytest.raises(IncompleteError, match="502"):
        put(server)
    server.stumbles = 0
    with pytest.raises(UsageError, match="404"):
        put_comment(PullRequest("me/app", 13, "secret-token", server.url), BODY)


@pytest.mark.parametrize("key", ["a --> <script>", "--", "", "x\ny", "é/ü", "a" * 500])
def test_no_name_ends_the_hidden_line(key: str) -> None:
    """One line, one comment of HTML, whatever the evalset is called."""
    line = marker(key)
    assert "\n" not in line
    assert line.count("--") == 2
    assert len(line) < 150


def test_body_has_key_and_link_and_keeps_to_the_limit() -> None:
    """The hidden line stays first; a bad address and a text that is too long are refused."""
    body = body_of(BODY, key="other", link="https://ci.example/r?a=1")
    assert body.splitlines()[0] == marker("other")
    assert body.endswith("[The whole report](https://ci.example/r?a=1)\n")
    assert body_of("plain text", key="k").splitlines() == [marker("k"), "plain text"]
    with pytest.raises(UsageError, match="no address"):
        body_of(BODY, link="javascript:alert(1)")
    with pytest.raises(UsageError, match="GitHub takes"):
        body_of("x" * 70_000)


@pytest.mark.parametrize("api", ["http://api.example", "file:///etc/passwd", "ftp://x"])
def test_token_never_travels_in_the_open(api: str) -> None:
    """Only https, or this machine."""
    with pytest.raises(UsageError, match="no safe address"):
        PullRequest("me/app", 1, "t", api)

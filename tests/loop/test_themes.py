"""Themes of a project: the first batch, weeks that are grouped again, and what cannot be grouped."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from evalloop import loop
from evalloop.cli.main import run
from evalloop.cli.sitting import show
from evalloop.errors import EmptyError, UsageError
from evalloop.loop import proposing
from evalloop.records.case import Case
from evalloop.records.cluster import Themes

COMPLAINTS = (
    "the citation link is broken", "broken link in the citation", "this citation has a broken link",
    "far too slow, it took minutes", "so slow, it took minutes", "too slow again, minutes of waiting")
FIRST = date(2026, 9, 7)
"""The Monday of 2026-W37."""

Send = Callable[[int, int], None]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> loop.Project:
    """A project without events, in which three failures make a theme, as the current folder."""
    (tmp_path / "evalloop.toml").write_text("min_cluster = 3\n")
    monkeypatch.chdir(tmp_path)
    return loop.open_project()


@pytest.fixture
def send(project: loop.Project) -> Send:
    """Captures so many complaints of the week with that number (from 0), one for each user."""

    def captured(week: int, number: int) -> None:
        place = project.config.root / f"week-{week}.jsonl"
        days = [FIRST + timedelta(7 * week + each % 5) for each in range(number)]
        rows = [row for each, day in enumerate(days)
                for row in _told(f"{week}-{each}", day, COMPLAINTS[each % len(COMPLAINTS)])]
        place.write_text("".join(json.dumps(row) + "\n" for row in rows))
        assert run(["capture", place.name]) == 0

    return captured


def _told(name: str, day: date, text: str) -> list[dict[str, object]]:
    """An answer and the vote on it."""
    common = {"schema": "evalloop.event/1", "actor": {"user_key": f"user-{name}"},
              "subject": {"level": "response", "response_id": name, "session_id": f"session-{name}"},
              "consent": {"basis": "consent", "purposes": ["ops", "analytics", "eval"]}}
    asked = {"input": {"messages": [{"role": "user", "content": f"question {name}"}]},
             "output": {"messages": [{"role": "assistant", "content": "answer"}]}}
    said = {"event_id": f"thumbs-{name}", "event_type": "feedback.thumbs", "payload": {"value": -1, "text": text}}
    return [{**common, "event_id": f"answer-{name}", "event_type": "generation.completed", "payload": asked,
             "occurred_at": f"{day}T10:00:00Z", "source": {"kind": "system"}},
            {**common, **said, "occurred_at": f"{day}T10:01:00Z", "source": {"kind": "end_user"}}]


def _ids(themes: Themes) -> dict[str, tuple[str, ...]]:
    return {each.cluster_id: each.member_ids for each in themes.clusters}


def test_a_week_groups_the_batch_again_that_it_is_part_of(project: loop.Project, send: Send) -> None:
    """The first batch keeps all of its weeks and its themes, whichever of them is named; so does each later one."""
    for week in range(3):
        send(week, 12)
    first = loop.find_clusters(project)
    assert (first.since, first.week, first.failures) == ("2026-W37", "2026-W39", 36)
    assert len(first.clusters) > 1
    for week in ("2026-W39", "2026-W37"):
        assert _ids(loop.find_clusters(project, week=week)) == _ids(first)
    send(3, 12)
    second = loop.find_clusters(project)
    assert (second.since, second.week, second.failures) == ("2026-W40", "2026-W40", 12)
    assert _ids(loop.find_clusters(project, week="2026-W40")) == _ids(second)
    assert _ids(loop.find_clusters(project, week="2026-W38")) == _ids(first)
    assert _ids(loop.read_themes(project) or first) == _ids(second)


def test_failures_that_come_late_are_grouped(project: loop.Project, send: Send) -> None:
    """A week that had none yet is a batch of its own; one older than all becomes part of the first batch."""
    send(1, 12)
    first = loop.find_clusters(project)
    send(4, 12)
    loop.find_clusters(project)
    send(3, 12)
    send(0, 12)
    last = loop.find_clusters(project)
    assert (last.week, last.failures) == ("2026-W41", 12)
    grouped = {week: loop.read_themes(project, week) for week in ("2026-W38", "2026-W40", "2026-W41")}
    assert {week: (each.since, each.failures) for week, each in grouped.items() if each} == {
        "2026-W38": ("2026-W37", 24), "2026-W40": ("2026-W40", 12), "2026-W41": ("2026-W41", 12)}
    assert {name for each in grouped.values() if each for name in _ids(each)} == set(_ids(first))


def test_themes_of_a_week_are_those_of_its_batch(project: loop.Project, send: Send,
                                                 capsys: pytest.CaptureFixture[str]) -> None:
    """Each week of the first batch shows all of it; a week of none is refused with the weeks that there are."""
    send(0, 6)
    send(2, 6)
    first = loop.find_clusters(project)
    send(4, 6)
    loop.find_clusters(project)
    for week in ("2026-W37", "2026-W38", "2026-W39"):
        found = loop.read_themes(project, week)
        assert found is not None
        assert (found.since, found.week, _ids(found)) == ("2026-W37", "2026-W39", _ids(first))
    assert _said(capsys, "themes", "--week", "2026-W38").startswith("2026-W37 to 2026-W39: ")
    with pytest.raises(EmptyError, match="no themes of week 2026-W40") as told:
        loop.read_themes(project, "2026-W40")
    assert told.value.fix == "weeks: 2026-W37 to 2026-W39, 2026-W41"


def test_status_counts_what_came_late_and_names_the_command(project: loop.Project, send: Send,
                                                            capsys: pytest.CaptureFixture[str]) -> None:
    """Failures of a grouped week that no plain grouping takes in; the last batch and weeks of none are not late."""
    send(0, 6)
    send(1, 6)
    loop.find_clusters(project)
    send(2, 6)
    loop.find_clusters(project)
    send(3, 6)
    loop.find_clusters(project)
    assert "late" not in _said(capsys, "status")
    for week, number in ((0, 8), (3, 9), (4, 3)):
        send(week, number)
    told = _said(capsys, "status")
    assert "; 2 failures not grouped, late for weeks that were: evalloop cluster --week 2026-W38\n" in told
    send(2, 9)
    parts = json.loads(_said(capsys, "status", "--json"))["parts"]
    (clusters,) = (each for each in parts if each["name"] == "clusters")
    assert clusters["figures"]["late"] == 5
    assert clusters["says"].endswith("evalloop cluster --week 2026-W38 (2), --week 2026-W39 (3)")
    for week in ("2026-W38", "2026-W39"):
        assert run(["cluster", "--week", week]) == 0
    assert "late" not in _said(capsys, "status")


def test_shares_name_their_weeks(project: loop.Project, send: Send, capsys: pytest.CaptureFixture[str]) -> None:
    """Shares of all history are not called those of its last week, by no verb and in no case; later weeks are one."""
    send(0, 6)
    send(2, 6)
    weeks = "2026-W37 to 2026-W39"
    assert _said(capsys, "cluster").splitlines()[0] == f"12 failures of 12 users, {weeks}, in 2 themes"
    assert _said(capsys, "themes").startswith(f"{weeks}: ")
    assert "50.0% of failures in 2026-W37 to 2026-W39" in _said(capsys, "grow")
    case = json.loads(_said(capsys, "review", "--list", "--json"))[0]
    assert (case["provenance"]["since"], case["provenance"]["week"]) == ("2026-W37", "2026-W39")
    shown = Case(case["id"], "k", case["input"], provenance=case["provenance"])
    show(shown, 1)
    assert f"(50.0% of failures in {weeks})" in capsys.readouterr().out
    assert f"50.0% of failures in {weeks}." in proposing._message([shown])
    traced = _said(capsys, "trace", case["id"])
    assert f"50.0% of failures in {weeks}" in traced
    assert f"open, 50.0% in {weeks}" in traced
    send(3, 6)
    assert _said(capsys, "cluster").startswith("6 failures of 6 users, 2026-W40, in 2 themes")
    assert "of failures in 2026-W40" in _said(capsys, "grow")


def _said(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """What a verb prints; it ends well."""
    capsys.readouterr()
    assert run(list(words)) == 0
    return capsys.readouterr().out


def test_a_week_that_was_not_grouped_is_refused(project: loop.Project, send: Send) -> None:
    """Nothing is grouped by it, and the error names the weeks that can be."""
    send(0, 6)
    with pytest.raises(UsageError, match="2026-W37 was not grouped yet"):
        loop.find_clusters(project, week="2026-W37")
    assert loop.read_themes(project) is None
    loop.find_clusters(project)
    send(2, 6)
    with pytest.raises(UsageError, match="2026-W39 was not grouped yet") as told:
        loop.find_clusters(project, week="2026-W39")
    assert told.value.fix.endswith("grouped: 2026-W37")


@pytest.mark.parametrize("week", ["foo", "2026-48", "2026-W54", "2025-W53", "2026-W00", "2026-W7", ""])
def test_what_is_no_week_is_named(project: loop.Project, week: str) -> None:
    """A week is YYYY-Www, of a year that has it."""
    for ask in (loop.find_clusters, loop.read_themes):
        with pytest.raises(UsageError, match="no ISO week"):
            ask(project, week=week)


def test_failures_that_make_no_theme(project: loop.Project, send: Send, capsys: pytest.CaptureFixture[str]) -> None:
    """They are in no theme for any verb; grow says why there is no case, status what comes next."""
    send(0, 2)
    assert "next: evalloop cluster " in _said(capsys, "status")
    assert ", in 0 themes\n" in _said(capsys, "cluster")
    assert " in 0 themes\n" in _said(capsys, "themes")
    assert run(["grow"]) == 5
    assert "no theme yet: 2 failures grouped, and a theme takes 3 that are alike" in capsys.readouterr().err
    told = _said(capsys, "status")
    assert "2 failures, 0 themes; 0 with cases" in told
    assert "next: evalloop capture FILE --mapping MAPPING   (2 failures made no theme yet" in told
    send(2, 6)
    assert "next: evalloop cluster " in _said(capsys, "status")
    assert "8 failures, 0 themes" in _said(capsys, "status")
    run(["cluster"])
    told = _said(capsys, "status")
    assert "8 failures, 75% of them in 2 themes; 0 with cases" in told
    assert "next: evalloop grow " in told


def test_an_empty_project_is_told_in_plain_figures(project: loop.Project, capsys: pytest.CaptureFixture[str]) -> None:
    """No share of nothing."""
    told = _said(capsys, "status")
    assert "unknown" not in told
    assert "0 failures, 0 themes; 0 with cases" in told
    assert "0 accepted cases; 0 candidates for review" in told


def test_a_rate_says_of_what_it_is(project: loop.Project, send: Send, capsys: pytest.CaptureFixture[str]) -> None:
    """Votes are no implicit signal; the capture rate comes with its figure."""
    send(0, 1)
    told = _said(capsys, "status")
    assert "2 events of 1 user; 0% of sessions give a usable implicit signal (capture-only)" in told
    assert "100% of answers a vote or comment" in told
    assert "2 events, capture rate 0% of sessions (capture-only)" in _said(capsys, "loop")


def test_nothing_to_group(project: loop.Project) -> None:
    """A project without events has no failure."""
    with pytest.raises(EmptyError):
        loop.find_clusters(project)

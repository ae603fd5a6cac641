"""``evalloop verify`` when production says no: the theme and its cases are open again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from evalloop import loop
from evalloop.cli.main import run
from evalloop.loop.evidence import add_events
from evalloop.notes.release import keep_release
from evalloop.records.event import Event
from evalloop.records.release import Expectation, Release
from evalloop.store import schema
from tests.cli.conftest import listed

SHIPPED = "2026-03-08T00:00:00.000000Z"
CONSENT = {"basis": "consent", "purposes": ["ops", "analytics", "eval"]}


def answers(side: str, day: str, users: int, complaints: Sequence[str]) -> Iterator[Event]:
    """One answer for each user, three minutes apart; every fifth user complains."""
    for number in range(users):
        at = f"{day}T{number // 20:02d}:{number % 20 * 3:02d}:00.000000Z"
        name, user = f"{side}-{number:04d}", {"user_key": f"{side} user {number}"}
        subject = {"level": "response", "response_id": name, "session_id": name}
        said = {"input": {"messages": [{"role": "user", "content": f"question {number}"}]},
                "output": {"messages": [{"role": "assistant", "content": "an answer"}]}}
        yield Event(f"g-{name}", "generation.completed", at, {"kind": "system"}, subject, actor=user, consent=CONSENT,
                    payload=said)
        if complaints and number % 5 == 0:
            yield Event(f"v-{name}", "feedback.thumbs", at, {"kind": "end_user"}, subject, actor=user, consent=CONSENT,
                        payload={"value": -1, "text": complaints[number % len(complaints)]})


def test_a_theme_that_got_worse_is_open_again_with_its_cases(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody complained before the release and a fifth of users do after it: worse, exit 1; the theme is regressed, its
    retired case waits for a reviewer, the record names it and keeps its schema, and the next day reopens nothing more.
    """
    case = listed(capsys)[0]
    opened = loop.open_project()
    theme = loop.find_theme(opened, case["provenance"]["cluster_id"])
    assert run(["review", "--accept", case["id"], "--by", "ann"]) == 0
    assert run(["retire", case["id"], "--reason", "solved for good", "--by", "ann"]) == 0
    loop.move_theme(opened, theme.cluster_id, "fixed", reason="the gate", release="v2")
    keep_release(project / "releases", Release(
        "v2", SHIPPED, "base", "cand", None, None, None, "PASS", shipped_at=SHIPPED,
        expectations=(Expectation("c", theme.cluster_id, "better"),)))
    add_events(opened, answers("old", "2026-03-02", 300, []))
    add_events(opened, answers("new", "2026-03-09", 300, [each for each in theme.exemplars if len(each.split()) < 10]))
    assert run(["verify", "v2", "--now", "tomorrow"]) == 4
    assert "'tomorrow' is no time" in capsys.readouterr().err
    assert run(["verify", "v2", "--now", "2026-03-20"]) == 1
    assert "candidates again: 1 retired case of it: evalloop review" in capsys.readouterr().out
    assert loop.find_theme(opened, theme.cluster_id).status == "regressed"
    assert case["id"] in [each["id"] for each in listed(capsys)]
    record = json.loads((project / "releases/v2.json").read_text())
    assert record["checks"][0]["reopened"] == [case["id"]]
    assert schema.validate("release", record) == []
    assert run(["verify", "v2", "--now", "2026-03-21"]) == 1
    assert json.loads((project / "releases/v2.json").read_text())["checks"][0]["reopened"] == [case["id"]]


def told(side: str, day: str, plans: Mapping[str, tuple[int, int]]) -> Iterator[Event]:
    """Answers to the users of each plan, of whom so many complain of one thing."""
    for plan, (users, complaining) in plans.items():
        segment = {"segment": {"plan": plan}}
        for number, event in enumerate(answers(f"{plan} {side}", day, users, [])):
            event = replace(event, actor={**event.actor, **segment})
            yield event
            if number < complaining:
                yield replace(event, event_id=f"v-{event.event_id}", event_type="feedback.thumbs",
                              source={"kind": "end_user"}, payload={"value": -1, "text": "export lost the columns"})


def test_another_mix_of_the_segments_that_themes_are_weighted_to_is_no_success(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Free users complain in three of ten answers before and after, paying ones in two of a hundred; after the release
    nine of ten users pay. Nothing was asked for with --segment: the plan counts because the themes are raked to it.
    """
    monkeypatch.chdir(tmp_path)
    opened = loop.open_project(tmp_path)
    add_events(opened, told("old", "2026-03-02", {"free": (300, 90), "pro": (300, 6)}))
    theme = loop.find_clusters(opened).clusters[0]
    keep_release(tmp_path / "releases", Release(
        "v2", SHIPPED, "base", "cand", None, None, None, "PASS", shipped_at=SHIPPED,
        expectations=(Expectation("c", theme.cluster_id, "better"),)))
    add_events(opened, told("new", "2026-03-09", {"free": (40, 12), "pro": (360, 7)}))
    run(["verify", "v2", "--now", "2026-03-20"])
    (check,) = json.loads((tmp_path / "releases/v2.json").read_text())["checks"]
    assert check["users_after"] == 400
    assert check["verdict"] == "not yet", check["reason"]
    assert check["ratio"] == pytest.approx(1.0, abs=0.05)
    assert "plan" in loop.weigh_failures(opened).weighting.columns
    capsys.readouterr()
    assert run(["verify", "v2", "--now", "2026-03-20", "--segment", "plam"]) == 4
    told_wrong = capsys.readouterr().err
    assert "--segment plam: no answer has this key in its context or its user's segment" in told_wrong
    assert "fix: did you mean 'plan'? known: plan" in told_wrong

"""``evalloop signals``: what each of its verbs says of a small project with votes, acts and a brigade."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from evalloop import loop
from evalloop.capture.values import user_key
from evalloop.cli import printing, trust
from evalloop.cli.main import run
from evalloop.records.event import Event
from evalloop.records.weighting import Weighting
from evalloop.testing import make_event, make_generation

WRONG = "the sources that it names do not exist at all and every single link is broken again"


def events() -> Iterator[Event]:
    """480 answers to 60 users on two surfaces: copies go with good votes, stops with bad ones; three accounts agree."""
    for row in range(480):
        name, second, user, good = f"r{row}", row * 900.0, f"u{row % 60}", row % 3 > 0
        yield make_generation(name, second, session=f"s{row}", user=user, prompt=f"question {row}",
                              context={"surface": "ide" if row % 2 else "chat"})
        if row % 5:
            yield (make_event("signal.copied", name, second + 5, user=user, payload={"chars": 13, "total": 13}) if good
                   else make_event("signal.stopped", name, second + 5, user=user, payload={"chars_shown": 1}))
        if row % 7 < 5:
            yield make_event("feedback.thumbs", name, second + 9, user=user, payload={"value": 1 if good else -1})
    for row in range(3):
        yield make_generation(f"b{row}", row * 20_000, session=f"b{row}", user=f"bot{row}", context={"surface": "chat"})
        yield make_event("feedback.thumbs", f"b{row}", row * 20_000 + 9, user=f"bot{row}",
                         payload={"value": -1, "text": WRONG})


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's folder."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "evalloop.toml").write_text("")
    (folder / "events.jsonl").write_text("".join(json.dumps(each.to_dict()) + "\n" for each in events()))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        assert run(["capture", "events.jsonl"]) == 0
    return folder


@pytest.fixture
def told(project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., str]:
    """What ``evalloop signals ...`` prints in the project."""
    monkeypatch.chdir(project)

    def signals(*arguments: str) -> str:
        capsys.readouterr()
        assert run(["signals", *arguments]) == 0
        return capsys.readouterr().out

    return signals


def test_weights_names_accounts_and_says_what_is_measured(told: Callable[..., str]) -> None:
    """The three accounts, the estimand, and that without a random ask nothing shows who likes to click."""
    found = json.loads(told("weights", "--json"))
    salt = loop.salt_of(loop.open_project())
    bots = {user_key(salt, f"bot{number}") for number in range(3)}
    assert {each["user_key"] for each in found["accounts"]} == bots
    assert found["quarantined"] == 3
    text = told("weights")
    assert all(each[:8] in text for each in bots)
    assert "each user counts at most 1 in all" in text
    assert "random ask: none" in text
    assert "of 483;" in text


def test_weights_say_what_the_bound_keeps_from_being_met(told: Callable[..., str], project: Path) -> None:
    """Nearly all failures are declared to lie on one surface, and no weight may say so."""
    settings = project / "evalloop.toml"
    settings.write_text('margins = ["surface:chat=0.99", "surface:ide=0.01"]\nweight_limit = 1.1\n')
    try:
        assert "weight_limit keeps segments as far as" in told("weights")
    finally:
        settings.write_text("")


def test_fit_learns_that_copies_are_good(told: Callable[..., str]) -> None:
    """The score is printed with its worth on unseen users, kept, and used by the weights from then on."""
    model = json.loads(told("fit", "--json"))
    whole = next(each for each in model["surfaces"] if each["surface"] == "")
    assert whole["coefficients"]["copy@2+"] < 0 < whole["coefficients"]["stop@3-"]
    assert whole["brier"] < whole["brier_base"]
    assert whole["labels"] == 344, "the votes of the three accounts are no labels"
    assert "Brier" in told("fit")
    assert "vote-free score expects" in told("weights")


def test_estimand_cannot_move_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """It may name surfaces, which events name as they like."""
    trust._print_weights(Weighting("rake", "no score for surface \x1b[2J" + "x" * 999, 1, 1, 0, 1.0, 1.0))
    shown = capsys.readouterr().out
    assert "\x1b" not in shown
    assert "surface \\x1b[2J" in shown
    assert "x" * 700 not in shown


def test_fit_fits_the_terminal(told: Callable[..., str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Bars of the reliability diagram give way where the terminal is narrow, under headers that stay in line."""
    for module in (printing, trust):
        monkeypatch.setattr(module, "columns", lambda stream: 50)
    lines = told("fit").splitlines()
    assert max(map(len, lines)) <= 50
    bars = [line for line in lines if "|" in line]
    assert bars
    assert {len(line) for line in bars} == {50}
    assert {len(line) for line in lines if line.startswith("predicted ")} == {50}


def test_rate_counts_every_slice(told: Callable[..., str]) -> None:
    """Capture by surface: the share of sessions with a copy or a stop, and its tier."""
    slices = {(each["by"], each["value"]): each for each in json.loads(told("rate", "--json"))["slices"]}
    assert slices["surface", "ide"]["turns"] == 240
    assert slices["surface", "ide"]["capture"]["share"] == pytest.approx(192 / 240)
    assert slices["surface", "ide"]["tier"] == "mature"
    assert slices["surface", "chat"]["capture"]["share"] == pytest.approx(192 / 243)
    assert "mature" in told("rate")


def test_report_says_what_each_detector_is_worth(told: Callable[..., str]) -> None:
    """A stop speaks against answers that were voted down, a copy for those voted up."""
    worth = {each["detector"]: each for each in json.loads(told("report", "--json"))}
    assert worth["stop@3"]["auc"] > 0.8
    assert worth["copy@2"]["auc"] > 0.8
    assert "copy@2" in told("report")

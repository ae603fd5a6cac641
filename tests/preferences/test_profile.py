"""Profiles: the user is the unit, small groups are drawn to all, and nobody is shown who did not agree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from evalloop.preferences.profile import by_group, by_user
from evalloop.signals.turns import turns as turns_of
from evalloop.testing import evidence_of, make_event, make_generation

DEMO = Path(__file__).parents[2] / "evalloop" / "demo"
TRAINING = {"basis": "consent", "purposes": ["analytics", "training"]}


def met(user, number, taken, *, group="a", chars=100, **fields):
    """An answer of so many characters that a user copied or left."""
    name = f"{user}-{number}"
    yield make_generation(name, number, user=user, session=user, answer="x" * chars, context={"surface": group},
                          **fields)
    if taken:
        yield make_event("signal.copied", name, number + 0.5, user=user, **fields)


def turns(*streams):
    """Joined turns."""
    return list(turns_of(evidence_of([event for stream in streams for event in stream])))


def test_a_group_of_too_few_users_is_not_shown():
    """Two users against a minimum of three: hidden and counted."""
    few = [met(f"u{number}", number, True, group="few") for number in range(2)]
    many = [met(f"v{number}", number, number % 2) for number in range(12)]
    found = by_group(turns(*few, *many), "surface", 3)
    assert [each.name for each in found.groups] == ["a"]
    assert found.hidden == 1


def test_a_user_who_did_not_agree_has_no_view_of_their_own():
    """Counted, not named; the others are shown."""
    yes = [met("yes", number, True, consent=TRAINING) for number in range(3)]
    found = by_user(turns(*yes, *[met("no", number, True) for number in range(3)]))
    assert [each.name for each in found.groups] == ["yes"]
    assert found.without_consent == 1


def test_hints_speak_only_when_figures_carry_them():
    """Twenty short answers taken, twenty long ones left; three of each say nothing."""
    def user(name, size):
        return [stream for number in range(size) for stream in (
            met(name, 2 * number, True, chars=200, consent=TRAINING),
            met(name, 2 * number + 1, False, chars=900, consent=TRAINING))]

    found = {each.name: each for each in by_user(turns(*user("much", 20), *user("little", 3))).groups}
    assert any("shorter answers: about 200 characters" in hint for hint in found["much"].hints)
    assert not any("shorter" in hint for hint in found["little"].hints)


def test_times_and_retained_text_are_those_of_the_last_look():
    """Median time to accept; the edit with the longest delay counts."""
    events = [make_generation("r", 0, consent=TRAINING),
              make_event("signal.accepted", "r", 2, payload={"time_to_accept_ms": 1500}, consent=TRAINING),
              make_event("signal.edited", "r", 5, consent=TRAINING,
                         payload={"delay_ms": 5000, "original_chars": 100, "retained_chars": 100}),
              make_event("signal.edited", "r", 300, consent=TRAINING,
                         payload={"delay_ms": 300_000, "original_chars": 100, "retained_chars": 40})]
    (found,) = by_user(turns_of(evidence_of(events))).groups
    assert (found.accept_s, found.retained, found.taken) == (1.5, 0.4, 1)


@pytest.fixture(scope="module")
def programmers(tmp_path_factory):
    """A project with the real answers and copies of 107 programmers."""
    folder = tmp_path_factory.mktemp("project")
    call(folder, "capture", str(DEMO / "data/realhumaneval/chat_data.csv.gz"), "--mapping",
         str(DEMO / "mappings/realhumaneval.yaml"))
    return folder


def call(folder, *words):
    """What a verb prints."""
    done = subprocess.run([sys.executable, "-m", "evalloop", *words], cwd=folder, capture_output=True, text=True,
                          timeout=300, check=False, env={**os.environ, "NO_COLOR": "1"})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_real_copy_rates_are_compared_by_user_not_by_answer(programmers):
    """GPT-4o against CodeLlama 34b: p .026 over answers, .13 over users, and the second decides."""
    found = json.loads(call(programmers, "profile", "--by", "model_answered", "--json"))
    (contrast,) = [each for each in found["contrasts"]
                   if {each["first"], each["second"]} == {"GPT-4o (chat)", "CodeLlama34b (chat)"}]
    assert contrast["p"] == pytest.approx(0.132, abs=0.001)
    assert contrast["p_naive"] == pytest.approx(0.026, abs=0.001)
    assert contrast["users"] == 52
    assert "are not 507 independent" in contrast["why"]


def test_real_answers_without_consent_make_no_training_data(programmers):
    """The programmers agreed to evaluation, not to training: the dry run says so and counts."""
    card = call(programmers, "export", "--format", "trl-dpo", "--dry-run")
    assert "| no consent to training | " in card
    assert "0 pairs and 0 judged answers" in card

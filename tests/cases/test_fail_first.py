"""Candidates that the complained-about version passes are left out, asked over real HTTP and from a recording."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from evalloop import loop
from evalloop.cases.grow import GrowSettings
from evalloop.loop.growing import Growing
from evalloop.records.cluster import Cluster
from evalloop.records.failure import Failure
from evalloop.records.variant import Variant

ASKED = ("name the capital of France", "how many legs has a spider", "spell the word necessary")
RIGHT = ("name the capital of France", "a spider has eight legs in all", "n-e-c-e-s-s-a-r-y")


def growing(folder: Path, variant: Variant | None, answers: tuple[str, ...] = ("no idea",) * 3) -> Growing:
    """Three complaints with the answer that each user would have liked."""
    failed = [Failure(f"f{number}", f"wrong: {text}", user_key=f"u{number}", prompt=text, response=answer,
                      consent_purposes=("eval",), correction=right, event_ids=(f"e{number}",))
              for number, (text, right, answer) in enumerate(zip(ASKED, RIGHT, answers, strict=True))]
    cluster = Cluster("c-1", "wrong facts", size=3, share=1.0, users=3, week="2026-W47",
                      member_ids=tuple(each.failure_id for each in failed))
    return Growing(loop.open_project(folder, cache=False), [cluster], failed, GrowSettings(), False, variant)


def tried(work: Growing) -> dict[str, dict[str, str]]:
    """The verdicts on each candidate that was grown, by what it asks."""
    return {case.input["messages"][0]["content"]: case.provenance["fail_first"] for case in work.grow([])}


def test_a_version_that_is_asked_decides(tmp_path: Path, model_server: Any) -> None:
    """A model that repeats the question gives one right answer: that case is left out, once asked."""
    echo = Variant("echo", "openai", model="echo", options={"base_url": model_server.base_url})
    work = growing(tmp_path, echo)
    assert tried(work) == {text: {"recorded": "failed", "echo": "failed"} for text in ASKED[1:]}
    assert [each.reasons for each in work.left_out()] == [{"echo passes the graders already": 1}]
    assert model_server.stats()["requests"] == 3


def test_a_recording_is_a_version_too(tmp_path: Path) -> None:
    """Target replay answers by the case's id; a case that it does not know stays, not judged."""
    first = {case.input["messages"][0]["content"]: case.id for case in growing(tmp_path, None).grow([])}
    rows = [{"id": first[ASKED[0]], "output": "no"}, {"id": first[ASKED[1]], "output": RIGHT[1]}]
    (tmp_path / "old.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = tried(growing(tmp_path, Variant("old", "replay", options={"path": "old.jsonl"})))
    assert {text: each["old"] for text, each in found.items()} == {ASKED[0]: "failed", ASKED[2]: "not judged"}


@pytest.mark.parametrize("right", [0, 2])
def test_the_recorded_answer_costs_nothing(tmp_path: Path, right: int) -> None:
    """Where a user complained of an answer that the graders pass, the case finds nothing."""
    answers = tuple(text if number == right else "no idea" for number, text in enumerate(RIGHT))
    work = growing(tmp_path, None, answers)
    assert ASKED[right] not in tried(work)
    assert [sum(each.reasons.values()) for each in work.left_out()] == [1]

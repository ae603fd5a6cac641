"""From events in a file to training data on the disk, with the public commands alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from evalloop.store import schema
from evalloop.testing import make_event, make_generation

TRAINING = {"basis": "consent", "purposes": ["analytics", "eval", "training"]}
PROMPTS = ("how do I sort a list of names", "explain the borrow checker of rust", "write a haiku about rain")
CASE = """evalset: held
graders: [{contains: x}]
cases:
  - {id: rain, cluster: poems, split: heldout, status: accepted, input: {vars: {question: "Write a haiku about rain!"}}}
"""


@pytest.fixture
def project(tmp_path):
    """Three corrected answers; one of the prompts is a held-out case."""
    events = []
    for number, prompt in enumerate(PROMPTS):
        name, user = f"r{number}", f"user {number}"
        events.append(make_generation(name, number, prompt=prompt, user=user, session=name, consent=TRAINING))
        events.append(make_event("feedback.correction", name, number + 0.5, user=user, consent=TRAINING,
                                 payload={"ideal": f"a better answer to: {prompt}"}))
    (tmp_path / "events.jsonl").write_text("\n".join(json.dumps(each.to_dict()) for each in events))
    (tmp_path / "evalsets").mkdir()
    (tmp_path / "evalsets" / "held.evalset.yaml").write_text(CASE)
    call(tmp_path, "capture", "events.jsonl")
    return tmp_path


def call(folder, *words, code=0):
    """What a verb prints."""
    done = subprocess.run([sys.executable, "-m", "evalloop", *words], cwd=folder, capture_output=True, text=True,
                          timeout=300, check=False, env={**os.environ, "NO_COLOR": "1"})
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_pairs_leave_and_held_out_cases_stay(project):
    """Two of three are written; the third is counted as material of an evalset, and the card says so."""
    told = call(project, "export", "--format", "trl-dpo", "-o", "pairs", "--heldout", "0", "--license", "internal")
    rows = [json.loads(line) for line in (project / "pairs" / "train.jsonl").read_text().splitlines()]
    assert sorted(row["prompt"][0]["content"] for row in rows) == sorted(PROMPTS[:2])
    assert "left out, in an evalset" in told
    card = (project / "pairs" / "README.md").read_text()
    assert 'license: "internal"' in card
    assert "| correction | 2 | 2 |" in card


def test_a_folder_that_is_there_is_not_overwritten(project):
    """The second export names the folder and the mend."""
    call(project, "export", "--format", "openai", "-o", "out")
    assert "is there already" in call(project, "export", "--format", "openai", "-o", "out", code=4)


def test_an_unknown_format_lists_the_known_ones(project):
    """Without a run only training formats make sense."""
    told = call(project, "export", "--format", "csv", code=4)
    assert "name a run" in told
    assert "trl-kto" in told


def test_nothing_to_write_says_why(project):
    """No rater, no ratings: exit 5, and the reasons."""
    assert "nothing to write as ratings" in call(project, "export", "--format", "ratings", "-o", "r", code=5)


def test_exported_records_keep_their_schemas(project):
    """Pairs of a correction and of a vote between two answers, and ratings of two raters: each line is valid, and a
    line with a field too many is not."""
    more = [make_generation("r8", 60, prompt="name a tree", answer="oak", session="r8", user="u8", consent=TRAINING),
            make_generation("r9", 61, prompt="name a tree", answer="a tree", session="r8", user="u8", consent=TRAINING),
            make_event("feedback.pairwise", "r8", 62, user="u8", consent=TRAINING,
                       payload={"chosen": "r8", "rejected": "r9"})]
    more += [make_event("judgment.result", "r8", 70 + number, user=rater, consent=TRAINING,
                        source={"kind": "reviewer"}, payload={"name": "helpful", **given})
             for number, (rater, given) in enumerate((("ann", {"score": 1}), ("bob", {"score": 0.5, "label": "ok"})))]
    (project / "more.jsonl").write_text("\n".join(json.dumps(each.to_dict()) for each in more))
    call(project, "capture", "more.jsonl")
    for form, name in (("pairs", "preference"), ("ratings", "rubric-rating")):
        call(project, "export", "--format", form, "-o", form, "--heldout", "0")
        rows = [json.loads(line) for line in (project / form / "train.jsonl").read_text().splitlines()]
        assert [schema.validate(name, row) for row in rows] == [[]] * len(rows)
        assert schema.validate(name, {**rows[0], "extra": 1})
        assert {"pairs": {"correction", "pairwise"}, "ratings": {"helpful"}}[form] == {
            row.get("source") or row["criterion"] for row in rows}

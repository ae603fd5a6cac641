"""The contract of training formats, and sample training data."""

from __future__ import annotations

import tempfile
from pathlib import Path

from evalloop.contracts import TrainingData, TrainingFormat
from evalloop.records.preference import Judged, Preference, RubricRating
from evalloop.testing.contracts import check_names
from evalloop.testing.samples import PAYLOAD

NOW = "2026-01-05T10:00:00Z"
ASKED = ({"role": "user", "content": "how do I sort a list"},)


def make_training_data(text: str = "call sorted()") -> TrainingData:
    """A pair and a judged answer in each split, and one rating; ``text`` is the answer that is better."""
    def pair(name: str, split: str) -> Preference:
        return Preference(row_id=name, source="correction", prompt=ASKED, chosen=text, rejected="I do not know",
                          weight=1.0, confidence=0.85, occurred_at=NOW, user_key=f"user of {split}",
                          response_ids=(f"r-{name}",), split=split)

    def judged(name: str, split: str, score: float) -> Judged:
        return Judged(row_id=name, prompt=ASKED, completion=text, score=score, weight=abs(score), occurred_at=NOW,
                      response_ids=(f"r-{name}",), split=split)

    return TrainingData((pair("p1", "train"), pair("p2", "heldout")),
                        (judged("j1", "train", 1.0), judged("j2", "train", -0.5), judged("j3", "heldout", 0.5)),
                        (RubricRating("r-p1", "helpful", {"ann": 1.0, "bob": 0.5}),))


class TrainingFormatContract:
    """A training format writes rows by split, counts them rightly, and keeps held-out rows apart."""

    form: TrainingFormat

    def test_has_the_members_of_a_training_format(self) -> None:
        """The object has every member and says what it is."""
        check_names(self.form, TrainingFormat)
        assert self.form.about.strip()

    def test_writes_what_it_counts(self) -> None:
        """Only known splits, no split without rows, nothing for no data."""
        with tempfile.TemporaryDirectory() as folder:
            written = self.form.write(make_training_data(), Path(folder) / "out")
            assert written
            assert set(written) <= {"train", "heldout"}
            assert all(rows > 0 for rows in written.values())
            assert any((Path(folder) / "out").iterdir())
        with tempfile.TemporaryDirectory() as folder:
            assert not self.form.write(TrainingData(), Path(folder) / "out")

    def test_writes_any_text(self) -> None:
        """What users and models write is data: it never breaks a file."""
        with tempfile.TemporaryDirectory() as folder:
            assert self.form.write(make_training_data(PAYLOAD), Path(folder) / "out") == self.form.write(
                make_training_data(), Path(folder) / "plain")

"""Each format has the keys that its trainer reads, and ``datasets`` opens what was written."""

from __future__ import annotations

import json

import pytest

from evalloop.contracts import TrainingData
from evalloop.preferences.formats import FORMATS, as_text
from evalloop.testing import make_training_data

BY_NAME = {each.name: each for each in FORMATS}
ANSWER = [{"role": "assistant", "content": "call sorted()"}]
ASKED = [{"role": "user", "content": "how do I sort a list"}]


def rows(name, folder, split="train"):
    """The rows of one split."""
    BY_NAME[name].write(make_training_data(), folder)
    return [json.loads(line) for line in (folder / f"{split}.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("name", ["openai", "together", "fireworks"])
def test_the_provider_file_has_its_three_keys_and_no_other(name, tmp_path):
    """input.messages, preferred_output and non_preferred_output, each with one assistant message."""
    (row,) = rows(name, tmp_path)
    assert row == {"input": {"messages": ASKED}, "preferred_output": ANSWER,
                   "non_preferred_output": [{"role": "assistant", "content": "I do not know"}]}


def test_dpo_is_conversational_with_an_explicit_prompt(tmp_path):
    """Weight and origin travel in columns of their own."""
    (row,) = rows("trl-dpo", tmp_path)
    assert (row["prompt"], row["chosen"]) == (ASKED, ANSWER)
    assert row["weight"] == 1.0
    assert row["source"] == "correction"


def test_kto_has_both_labels(tmp_path):
    """Judged answers by the sign of their score, and the answers of pairs that are not among them."""
    found = {row["id"]: row["label"] for row in rows("trl-kto", tmp_path)}
    assert found == {"j1": True, "j2": False, "p1-chosen": True, "p1-rejected": False}


def test_sft_learns_only_what_served(tmp_path):
    """No answer with a negative score."""
    found = rows("sft", tmp_path)
    assert [row["id"] for row in found] == ["p1", "j1"]
    assert found[0]["messages"] == ASKED + ANSWER


def test_a_reward_pair_holds_the_prompt_on_both_sides(tmp_path):
    """The margin is 2 x confidence - 1."""
    (row,) = rows("reward", tmp_path)
    assert row["chosen"] == ASKED + ANSWER
    assert row["margin"] == pytest.approx(0.7)


def test_held_out_users_stand_in_a_file_of_their_own(tmp_path):
    """Their rows are in no other file."""
    assert {row["id"] for row in rows("trl-dpo", tmp_path)} == {"p1"}
    assert {row["id"] for row in rows("trl-dpo", tmp_path, "heldout")} == {"p2"}


@pytest.mark.parametrize("name", ["trl-dpo", "trl-dpo-text", "trl-kto", "sft", "reward", "scores", "openai"])
def test_datasets_loads_each_file(name, tmp_path):
    """The JSON builder of ``datasets`` reads what was written, row for row."""
    import datasets

    written = BY_NAME[name].write(make_training_data(), tmp_path / "out")
    loaded = datasets.load_dataset("json", data_dir=str(tmp_path / "out"), split="train", cache_dir=str(tmp_path / "c"),
                                   data_files="train.jsonl")
    assert len(loaded) == written["train"]


def test_the_datasets_folder_has_both_splits(tmp_path):
    """load_from_disk gives a DatasetDict."""
    import datasets

    BY_NAME["datasets"].write(make_training_data(), tmp_path / "out")
    loaded = datasets.load_from_disk(str(tmp_path / "out"))
    assert {name: len(split) for name, split in loaded.items()} == {"train": 1, "heldout": 1}
    assert loaded["train"][0]["chosen"] == ANSWER


def test_a_long_conversation_becomes_a_transcript():
    """One message stays itself."""
    assert as_text(tuple(ASKED)) == "how do I sort a list"
    assert as_text((*ASKED, *ANSWER, *ASKED)).endswith("User: how do I sort a list\n\nAssistant:")


@pytest.mark.parametrize("form", FORMATS, ids=lambda form: form.name)
def test_no_rows_write_no_file(form, tmp_path):
    """An empty split leaves nothing behind."""
    assert form.write(TrainingData(), tmp_path / "out") == {}
    assert not list(tmp_path.rglob("*.jsonl"))

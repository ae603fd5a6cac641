"""TRL's own preparation of data takes what is exported. Needs trl and torch: ``tox -e training``."""

from __future__ import annotations

from copy import deepcopy

import pytest

from evalloop.preferences.formats import FORMATS
from evalloop.testing import make_training_data

trl = pytest.importorskip("trl", reason="trl is not installed: tox -e training runs this")
TEMPLATE = ("{% for message in messages %}<{{ message['role'] }}> {{ message['content'] }}{{ eos_token }}{% endfor %}"
            "{% if add_generation_prompt %}<assistant> {% endif %}")


@pytest.fixture(scope="module")
def parts():
    """A tokenizer and a model of a few thousand weights, made here."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

    raw = Tokenizer(models.BPE(unk_token="<unk>"))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel()
    texts = ["how do I sort a list", "call sorted()", "I do not know", "<user> <assistant>"] * 20
    special = ["<unk>", "<pad>", "<eos>"]
    raw.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=400, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=raw, unk_token="<unk>", pad_token="<pad>", eos_token="<eos>")
    tokenizer.chat_template = TEMPLATE
    size = GPT2Config(vocab_size=len(tokenizer), n_positions=128, n_embd=16, n_layer=1, n_head=2,
                      eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
    return GPT2LMHeadModel(size), tokenizer


def load(name, folder):
    """The train split of a format, as a trainer's user would load it."""
    import datasets

    next(each for each in FORMATS if each.name == name).write(make_training_data(), folder / name)
    return datasets.load_dataset("json", data_files=str(folder / name / "train.jsonl"), split="train",
                                 cache_dir=str(folder / "cache"))


def trained(trainer):
    """Prepares, then takes one step, so that the prepared rows are really read."""
    result = trainer.train()
    assert result.global_step == 1
    return trainer.train_dataset


def options(kind, folder, batch):
    """One step on the processor."""
    return kind(output_dir=str(folder), max_steps=1, per_device_train_batch_size=batch, report_to=[], use_cpu=True,
                save_strategy="no", bf16=False, logging_strategy="no")


@pytest.mark.parametrize("name", ["trl-dpo", "trl-dpo-text"])
def test_dpo_prepares_and_trains(name, parts, tmp_path):
    """Preference rows, conversational and standard."""
    model, tokenizer = parts
    trainer = trl.DPOTrainer(model, ref_model=deepcopy(model), args=options(trl.DPOConfig, tmp_path, 1),
                             processing_class=tokenizer, train_dataset=load(name, tmp_path))
    assert len(trained(trainer)) == 1


def test_kto_prepares_and_trains(parts, tmp_path):
    """Unpaired rows with both labels."""
    try:
        from trl import KTOConfig, KTOTrainer
    except ImportError:
        from trl.experimental.kto import KTOConfig, KTOTrainer
    model, tokenizer = parts
    trainer = KTOTrainer(model, ref_model=deepcopy(model), args=options(KTOConfig, tmp_path, 2),
                         processing_class=tokenizer, train_dataset=load("trl-kto", tmp_path))
    assert len(trained(trainer)) == 4


def test_sft_prepares_and_trains(parts, tmp_path):
    """Conversations."""
    model, tokenizer = parts
    trainer = trl.SFTTrainer(model, args=options(trl.SFTConfig, tmp_path, 1), processing_class=tokenizer,
                             train_dataset=load("sft", tmp_path))
    assert len(trained(trainer)) == 2

"""Formats of training data, as the trainers read them; every one writes a folder with a file for each split.

The shapes are those of TRL's docs/source/dataset_formats.md (v1.9), of OpenAI's FineTunePreferenceRequestInput, and of
the guides of Together and Fireworks, which read the same three keys.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from evalloop.contracts import TrainingData
from evalloop.records.preference import Messages, Preference
from evalloop.store.files import write_jsonl

Rows = Iterator[Mapping[str, Any]]
SPLITS = ("train", "heldout")


class JsonLines:
    """A format of JSON Lines: one file for each split that has rows."""

    version = "1"

    def __init__(self, name: str, about: str, rows: Callable[[TrainingData], Rows]) -> None:
        self.name, self.about, self._rows = name, about, rows

    def write(self, data: TrainingData, folder: Path) -> dict[str, int]:
        """Writes ``folder/SPLIT.jsonl``, row by row; returns the number of rows of each split."""
        return written(self._rows, data, folder)


def written(make: Callable[[TrainingData], Rows], data: TrainingData, folder: Path) -> dict[str, int]:
    """Writes ``folder/SPLIT.jsonl`` for each split that has rows; one row is in memory at a time."""
    found = {}
    for split in SPLITS:
        rows = make(data.of_split(split))
        first = next(rows, None)
        if first is not None:
            found[split] = write_jsonl(folder / f"{split}.jsonl", chain([first], rows), private=True)
    return found


def trl_dpo(data: TrainingData) -> Rows:
    """Preference, conversational, with an explicit prompt; weight and origin in columns that trainers pass by."""
    for pair in data.pairs:
        yield {"prompt": list(pair.prompt), "chosen": said(pair.chosen), "rejected": said(pair.rejected),
               **origin(pair)}


def trl_dpo_text(data: TrainingData) -> Rows:
    """Preference, standard: plain texts."""
    for pair in data.pairs:
        yield {"prompt": as_text(pair.prompt), "chosen": pair.chosen, "rejected": pair.rejected, **origin(pair)}


def trl_kto(data: TrainingData) -> Rows:
    """Unpaired preference, conversational: every judged answer, and the answers of pairs that are not among them."""
    for row in data.judged:
        yield {"prompt": list(row.prompt), "completion": said(row.completion), "label": row.score > 0,
               "weight": row.weight, "id": row.row_id}
    judged = {name for row in data.judged for name in row.response_ids}
    for pair in data.pairs:
        yield from _unpaired(pair, judged)


def _unpaired(pair: Preference, judged: set[str]) -> Rows:
    """The answers of a pair that no judged row holds."""
    sides = [(pair.chosen, True, pair.source in ("edit", "correction") or pair.response_ids[0] not in judged),
             (pair.rejected, False, pair.response_ids[-1] not in judged)]
    for text, label, new in sides:
        if new:
            yield {"prompt": list(pair.prompt), "completion": said(text), "label": label, "weight": pair.weight,
                   "id": f"{pair.row_id}-{'chosen' if label else 'rejected'}"}


def sft(data: TrainingData) -> Rows:
    """Whole conversations that end in an answer worth learning: corrections, edits, and what was received well."""
    for pair in data.pairs:
        if pair.source in ("correction", "edit"):
            yield {"messages": [*pair.prompt, *said(pair.chosen)], **origin(pair)}
    for row in data.judged:
        if row.score > 0:
            yield {"messages": [*row.prompt, *said(row.completion)], "weight": row.weight, "id": row.row_id}


def reward(data: TrainingData) -> Rows:
    """Pairs for a reward model, the prompt within both sides; ``margin`` is 2 x confidence - 1."""
    for pair in data.pairs:
        yield {"chosen": [*pair.prompt, *said(pair.chosen)], "rejected": [*pair.prompt, *said(pair.rejected)],
               "margin": round(2 * pair.confidence - 1, 6), **origin(pair)}


def scores(data: TrainingData) -> Rows:
    """One answer with its score in [-1, 1], for a reward model that regresses."""
    for row in data.judged:
        yield {"prompt": list(row.prompt), "completion": said(row.completion), "score": row.score,
               "weight": row.weight, "explicit": row.explicit, "id": row.row_id}


def provider(data: TrainingData) -> Rows:
    """The preference file of OpenAI, Together and Fireworks: three keys, no others."""
    for pair in data.pairs:
        yield {"input": {"messages": list(pair.prompt)}, "preferred_output": said(pair.chosen),
               "non_preferred_output": said(pair.rejected)}


def ratings(data: TrainingData) -> Rows:
    """What raters said by criterion: {response_id, criterion, scores, labels}."""
    for row in data.ratings:
        yield row.to_dict()


def records(data: TrainingData) -> Rows:
    """The pairs as evalloop keeps them, with all that is known of each."""
    for pair in data.pairs:
        yield pair.to_dict()


class DatasetFolder:
    """A ``DatasetDict`` of preferences on the disk: ``datasets.load_from_disk`` opens it."""

    name, version = "datasets", "1"
    about = "preferences as a datasets.DatasetDict with the splits train and heldout"

    def write(self, data: TrainingData, folder: Path) -> dict[str, int]:
        """Writes the folder, through lines on the disk that Arrow reads in blocks; returns the rows of each split."""
        import datasets

        from evalloop.store.files import replacing

        with TemporaryDirectory(prefix="evalloop-export-") as scratch:
            counts = written(trl_dpo, data, Path(scratch))
            if counts:
                made = datasets.DatasetDict({split: datasets.Dataset.from_json(
                    f"{scratch}/{split}.jsonl", cache_dir=f"{scratch}/cache", split=split) for split in counts})
                with replacing(folder) as new:
                    made.save_to_disk(str(new))
        return counts


def said(text: str) -> list[dict[str, str]]:
    """An answer as the one message that it is."""
    return [{"role": "assistant", "content": text}]


def as_text(prompt: Messages) -> str:
    """A prompt as plain text: the message itself when there is one, else a transcript."""
    if len(prompt) == 1:
        return str(prompt[0]["content"])
    return "\n\n".join(f"{each['role'].capitalize()}: {each['content']}" for each in prompt) + "\n\nAssistant:"


def origin(pair: Preference) -> dict[str, Any]:
    """The columns that say where a pair comes from."""
    return {"weight": pair.weight, "confidence": pair.confidence, "source": pair.source, "id": pair.row_id}


FORMATS = (
    JsonLines("trl-dpo", "TRL preference data, conversational (DPO, CPO, ORPO)", trl_dpo),
    JsonLines("trl-dpo-text", "TRL preference data, standard", trl_dpo_text),
    JsonLines("trl-kto", "TRL unpaired preference data (KTO, BCO)", trl_kto),
    JsonLines("sft", "conversations for supervised fine-tuning", sft),
    JsonLines("reward", "pairs with a margin for a reward model", reward),
    JsonLines("scores", "answers with a score for a reward model", scores),
    JsonLines("openai", "OpenAI preference JSONL", provider),
    JsonLines("together", "Together preference JSONL", provider),
    JsonLines("fireworks", "Fireworks preference JSONL", provider),
    JsonLines("ratings", "what raters said by criterion", ratings),
    JsonLines("pairs", "preference records with their provenance", records),
    DatasetFolder(),
)

"""The embedder sentence-transformers on the processor and on a GPU: the same vectors, and how much faster?

    python benchmarks/sentence_vectors.py banking77/train.jsonl [--model FOLDER] [--texts 100000]

Needs the extra ``embeddings``. Without ``--model`` a model of the shape of all-MiniLM-L6-v2 (6 layers, 384 wide, mean
pooling) is made here with random weights and the words of the texts: nothing is downloaded, and time and agreement are
those of a trained one. The texts are repeated with a number until there are enough, so that no two are alike.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from evalloop.clusters.sentences import SentenceEmbedder
from evalloop.clusters.text import words


def texts_of(path: Path, count: int) -> list[str]:
    """``count`` texts, no two alike."""
    own = [json.loads(line)["text"] for line in path.read_text("utf-8").splitlines()]
    return [own[number % len(own)] + (f" {number}" if number >= len(own) else "") for number in range(count)]


def made_model(folder: Path, texts: list[str]) -> Path:
    """A sentence-transformers model of MiniLM's shape, its weights drawn at random."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules
    from transformers import BertConfig, BertModel, BertTokenizerFast

    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *map(str, range(10)),
                  *sorted({word for text in texts for word in words(text) if not word.isdigit()})[:30_000]]
    (folder / "vocab.txt").write_text("\n".join(vocabulary), "utf-8")
    torch.manual_seed(0)
    BertModel(BertConfig(vocab_size=30_522, hidden_size=384, num_hidden_layers=6, num_attention_heads=12,
                         intermediate_size=1536)).save_pretrained(folder / "bert")
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=256).save_pretrained(folder / "bert")
    body = modules.Transformer(str(folder / "bert"), max_seq_length=256)
    SentenceTransformer(modules=[body, modules.Pooling(384)], device="cpu").save(str(folder / "model"))
    return folder / "model"


def embedded(model: Path, texts: list[str], batch: int) -> tuple[Any, float, str]:
    """The vectors, the seconds that they took (after a first batch), and the device."""
    embedder = SentenceEmbedder(str(model), batch=batch)
    embedder.embed(texts[: batch or 64])
    before = time.perf_counter()
    vectors = embedder.embed(texts)
    return vectors, time.perf_counter() - before, str(embedder._loaded.device)


def main() -> None:
    """Prints the rates of both and how far the vectors are apart."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--texts", type=int, default=100_000)
    parser.add_argument("--on-processor", type=int, default=5_000, help="texts that the processor embeds too")
    parser.add_argument("--batch", type=int, default=0)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    texts = texts_of(given.path, given.texts)
    with tempfile.TemporaryDirectory() as name:
        model = given.model or made_model(Path(name), texts)
        vectors, seconds, device = embedded(model, texts, given.batch)
        print(f"{device}: {len(texts):,} texts in {seconds:.1f} s, {len(texts) / seconds:,.0f} a second", flush=True)
        if given.out:
            np.save(given.out, vectors)
            return
        few = Path(name) / "few.npy"
        subprocess.run([sys.executable, __file__, str(given.path), "--model", str(model), "--texts",
                        str(given.on_processor), "--batch", str(given.batch), "--out", str(few)],
                       env={**os.environ, "CUDA_VISIBLE_DEVICES": ""}, check=True)
        other = np.load(few)
        same = (vectors[: len(other)] * other).sum(axis=1)
        apart = (vectors[: len(other)] * np.roll(other, 1, axis=0)).sum(axis=1)
        print(f"cosine of the same text on both: at least {same.min():.6f}; of two texts "
              f"{apart.mean():.3f}")


if __name__ == "__main__":
    main()

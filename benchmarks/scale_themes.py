"""Time and memory of embedding and grouping against the number of texts.

    python benchmarks/scale_themes.py banking77/train.jsonl [--rows 10003,200000,1000000] [--vectors MINILM.npy]

More texts than the file has are made of it: words are left out and two texts of one intent are joined, so nearly all
differ. With ``--vectors`` no text is embedded; noise of a tenth of the usual distance to the own intent's center is
added to given vectors. Each number of rows runs in a process of its own; ``x n log n`` is the time of grouping against
the first number of rows, as a multiple of what n log n allows. Memory is the peak of the process, and what grouping
added to it.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import random
import resource
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from evalloop.clusters.embed import OfflineEmbedder
from evalloop.clusters.group import LeidenClusterer

DROP = 0.2
"""The part of the words that is left out."""

SPREAD = 0.1


def texts_of(rows: list[dict[str, str]], size: int) -> tuple[list[str], list[str]]:
    """So many texts with their intents: first those of the file, then made ones."""
    draw, by = random.Random(0), defaultdict(list)
    for row in rows:
        by[row["label"]].append(row["text"])
    texts, labels = [row["text"] for row in rows[:size]], [row["label"] for row in rows[:size]]
    while len(texts) < size:
        label = rows[draw.randrange(len(rows))]["label"]
        words = " ".join(draw.sample(by[label], 2)).split() if draw.random() < 0.5 else draw.choice(by[label]).split()
        texts.append(" ".join(word for word in words if draw.random() >= DROP))
        labels.append(label)
    return texts, labels


def vectors_of(rows: list[dict[str, str]], given: Any, size: int) -> tuple[Any, list[str]]:
    """So many vectors with their intents: given ones, then given ones with noise."""
    draw = np.random.default_rng(0)
    chosen = np.concatenate([np.arange(min(size, len(rows))), draw.integers(0, len(rows), max(0, size - len(rows)))])
    made = np.ascontiguousarray(given[chosen], np.float32)
    width = made.shape[1]
    for start in range(len(rows), size, 50_000):
        part = made[start : start + 50_000]
        part += draw.standard_normal(part.shape, np.float32) * np.float32(SPREAD / math.sqrt(width))
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return made, [rows[int(row)]["label"] for row in chosen]


def peak() -> float:
    """The peak memory of this process in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(file: Path, saved: Path | None, size: int, out: Any) -> None:
    """Embeds and groups so many rows, and sends what it took."""
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    if saved:
        vectors, labels = vectors_of(rows, np.load(saved), size)
        wall = cpu = 0.0
    else:
        texts, labels = texts_of(rows, size)
        wall, cpu = time.perf_counter(), time.process_time()
        vectors = OfflineEmbedder().embed(texts)
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    embedded = peak()
    began, used = time.perf_counter(), time.process_time()
    groups = LeidenClusterer().cluster(vectors)
    out.send({"embed": (wall, cpu), "group": (time.perf_counter() - began, time.process_time() - used),
              "peak": peak(), "added": peak() - embedded, "vectors": vectors.nbytes / 2**20,
              "k": int(groups.max()) + 1, "nmi": normalized_mutual_info_score(labels, groups),
              "ari": adjusted_rand_score(labels, groups)})


def main() -> None:
    """Runs every number of rows and prints a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--rows", default="10003,200000,1000000")
    parser.add_argument("--vectors", type=Path)
    given = parser.parse_args()
    fork, first = multiprocessing.get_context("spawn"), None
    for size in map(int, given.rows.split(",")):
        here, there = fork.Pipe(duplex=False)
        work = fork.Process(target=measured, args=(given.file, given.vectors, size, there))
        work.start()
        there.close()
        got = here.recv()
        work.join()
        total = got["embed"][1] + got["group"][1]
        first = first or (size, total)
        growth = total / first[1] / (size * math.log(size) / (first[0] * math.log(first[0])))
        print(f"{size:>9,} rows: embed {got['embed'][0]:.1f} s wall, {got['embed'][1]:.1f} s CPU; group "
              f"{got['group'][0]:.1f} s wall, {got['group'][1]:.1f} s CPU; x n log n {growth:.2f}; peak "
              f"{got['peak']:,.0f} MB (vectors {got['vectors']:,.0f}, grouping added {got['added']:,.0f}); "
              f"{got['k']} groups, NMI {got['nmi']:.3f}, ARI {got['ari']:.3f}", flush=True)


if __name__ == "__main__":
    main()

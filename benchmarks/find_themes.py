"""Quality and cost of the default clusterer beside BERTopic and k-means by Kura's rule, on the same vectors.

    python benchmarks/find_themes.py banking77/train.jsonl [--vectors VECTORS.npy]
    python benchmarks/find_themes.py banking77/train.jsonl --alone --seeds 0,1,2,3,4,5

The file holds lines with ``text`` and ``label``. Without vectors the offline embedder makes them. BERTopic takes part
where it is installed; Kura's rule (k-means with a tenth as many groups as texts) is done with scikit-learn. Last, how
well seeds of the default clusterer agree, each on the texts in an order of its own: the ARI of every pair.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from itertools import combinations
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from evalloop.clusters.embed import OfflineEmbedder
from evalloop.clusters.group import LeidenClusterer


def bertopic(texts: list[str], vectors: Any) -> Any:
    """BERTopic with its defaults, on given vectors."""
    from bertopic import BERTopic

    return BERTopic().fit_transform(texts, vectors)[0]


def beside_peers(texts: list[str], labels: list[str], vectors: Any) -> None:
    """Prints one line for each way of grouping."""
    ways: dict[str, Callable[[], Any]] = {"evalloop leiden": lambda: LeidenClusterer().cluster(vectors)}
    ways["k-means, n/10"] = lambda: KMeans(len(texts) // 10, random_state=0, n_init=1).fit_predict(vectors)
    if find_spec("bertopic"):
        ways["BERTopic"] = lambda: bertopic(texts, vectors)
    for name, way in ways.items():
        wall, cpu = time.perf_counter(), time.process_time()
        groups = np.asarray(way())
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        print(f"{name:16} NMI {normalized_mutual_info_score(labels, groups):.3f}  ARI "
              f"{adjusted_rand_score(labels, groups):.3f}  k {groups.max() + 1}  other {np.mean(groups < 0):.1%}  "
              f"{wall:.1f} s wall, {cpu:.1f} s CPU", flush=True)


def agreement(vectors: Any, seeds: list[int]) -> list[float]:
    """The ARI of every pair of seeds, each with an order of the texts of its own; sorted."""
    found = []
    for seed in seeds:
        order = np.random.default_rng(100 + seed).permutation(len(vectors))
        groups = np.empty(len(vectors), np.int64)
        groups[order] = LeidenClusterer().cluster(vectors[order], seed=seed)
        found.append(groups)
    return sorted(float(adjusted_rand_score(one, other)) for one, other in combinations(found, 2))


def main() -> None:
    """Reads the arguments and measures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--vectors", type=Path, help="an array of as many rows as the file has")
    parser.add_argument("--seeds", default="0,7", help="seeds that are compared, with commas between")
    parser.add_argument("--alone", action="store_true", help="compare seeds only")
    given = parser.parse_args()
    rows = [json.loads(line) for line in given.file.read_text(encoding="utf-8").splitlines()]
    texts, labels = [row["text"] for row in rows], [row["label"] for row in rows]
    began = time.process_time()
    vectors = np.load(given.vectors) if given.vectors else OfflineEmbedder().embed(texts)
    print(f"{len(texts):,} texts, vectors {vectors.shape[1]} wide, {time.process_time() - began:.1f} s of CPU")
    if not given.alone:
        beside_peers(texts, labels, vectors)
    pairs = agreement(vectors, [int(seed) for seed in given.seeds.split(",")])
    print(f"{len(pairs)} pairs of seeds, each with an order of its own: ARI {pairs[0]:.3f} to {pairs[-1]:.3f}, mean "
          f"{np.mean(pairs):.3f}")


if __name__ == "__main__":
    main()

"""Quality and cost of the default clusterer beside BERTopic and k-means by Kura's rule, on the same vectors.

    python benchmarks/find_themes.py banking77/train.jsonl [VECTORS.npy]

The file holds lines with ``text`` and ``label``. Without vectors the offline embedder makes them. BERTopic takes part
where it is installed; Kura's rule (k-means with a tenth as many groups as texts) is done with scikit-learn.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
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


def main(place: str, saved: str | None = None) -> None:
    """Prints one line for each way of grouping."""
    rows = [json.loads(line) for line in Path(place).read_text(encoding="utf-8").splitlines()]
    texts, labels = [row["text"] for row in rows], [row["label"] for row in rows]
    began = time.process_time()
    vectors = np.load(saved) if saved else OfflineEmbedder().embed(texts)
    print(f"{len(texts):,} texts, vectors {vectors.shape[1]} wide, {time.process_time() - began:.1f} s of CPU")
    order = np.random.default_rng(1).permutation(len(texts))
    ways: dict[str, Callable[[], Any]] = {"evalloop leiden": lambda: LeidenClusterer().cluster(vectors)}
    ways["k-means, n/10"] = lambda: KMeans(len(texts) // 10, random_state=0, n_init=1).fit_predict(vectors)
    if find_spec("bertopic"):
        ways["BERTopic"] = lambda: bertopic(texts, vectors)
    first = None
    for name, way in ways.items():
        wall, cpu = time.perf_counter(), time.process_time()
        groups = np.asarray(way())
        wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
        first = groups if first is None else first
        print(f"{name:16} NMI {normalized_mutual_info_score(labels, groups):.3f}  ARI "
              f"{adjusted_rand_score(labels, groups):.3f}  k {groups.max() + 1}  other {np.mean(groups < 0):.1%}  "
              f"{wall:.1f} s wall, {cpu:.1f} s CPU", flush=True)
    again = np.empty_like(first)
    again[order] = LeidenClusterer().cluster(vectors[order], seed=7)
    print(f"another seed and order: ARI {adjusted_rand_score(first, again):.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:3])

"""Do themes keep their ids? Four weeks of Banking77, 15 of its 77 intents from the third week on.

    python benchmarks/follow_themes.py banking77/train.jsonl [--vectors VECTORS.npy] [--seeds 10,11,12]

Each seed draws other intents and other weeks. An intent is kept when most of its texts stay in the theme that held
most of them the week before; a theme is steady when the intent that most of its texts had the week before is still that
of most (themes that got texts in both weeks). A new intent is found, and an old one taken for new, when most of its
texts are in a theme born that week. A false birth is such a theme made mostly of an intent that was there before,
however small. Without vectors the offline embedder makes them. Draws 0 to 5, 10 and 12 to 14 were looked at while the
rules were made; others are held out.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import numpy as np

from evalloop.clusters.embed import OfflineEmbedder
from evalloop.clusters.group import LeidenClusterer
from evalloop.clusters.label import PhraseLabeler
from evalloop.clusters.measure import week_after
from evalloop.clusters.themes import ThemeOptions, build
from evalloop.records.cluster import OTHER, Cluster
from evalloop.records.failure import Failure

WEEKS, BORN, NEW = 4, 2, 15
FIRST = "2026-W40"


class Given:
    """An embedder that looks vectors up by text; a text that was never embedded is an error."""

    name, version = "given", "1"

    def __init__(self, texts: list[str], vectors: Any) -> None:
        self.rows = {text: row for row, text in enumerate(texts)}
        self.vectors = vectors

    def embed(self, texts: Any) -> Any:
        """The rows of texts."""
        return self.vectors[[self.rows[text] for text in texts]]


def split(labels: list[str], seed: int) -> tuple[set[str], list[list[int]]]:
    """The new intents, and the rows of each week; a new intent sends as much in a week as an old one."""
    draw, by = random.Random(seed), defaultdict(list)
    for row, label in enumerate(labels):
        by[label].append(row)
    new = set(draw.sample(sorted(by), NEW))
    weeks: list[list[int]] = [[] for _ in range(WEEKS)]
    for label in sorted(by):
        draw.shuffle(by[label])
        for place, row in enumerate(by[label]):
            if label not in new or place % WEEKS >= BORN:
                weeks[place % WEEKS].append(row)
    return new, weeks


def follow(texts: list[str], labels: list[str], embedder: Any, seed: int) -> None:
    """Prints, for each week after the first, what was kept, found and falsely born."""
    new, weeks = split(labels, seed)
    known: list[Cluster] = []
    homes: dict[str, str] = {}
    held: dict[str, str] = {}
    for number, rows in enumerate(weeks):
        week, began = week_after(FIRST, number), time.process_time()
        failures = [Failure(str(row), text=texts[row], weight=1.0, user_key=f"u{row}") for row in rows]
        before = {each.cluster_id for each in known}
        known = build(failures, known, embedder, LeidenClusterer(), PhraseLabeler(), ThemeOptions(week))
        home = {member: each.cluster_id for each in known for member in each.member_ids}
        inside = defaultdict(Counter)
        for row in rows:
            inside[labels[row]][home[str(row)]] += 1
        now = {label: found.most_common(1)[0][0] for label, found in inside.items()}
        born = [each for each in known if each.size and each.cluster_id not in {*before, OTHER}]
        holds = {each.cluster_id: Counter(labels[int(member)] for member in each.member_ids).most_common(1)[0][0]
                 for each in known if each.size and each.cluster_id != OTHER}
        mostly = [holds[each.cluster_id] for each in born]
        if homes:
            kept = np.mean([now[label] == homes[label] for label in homes])
            fresh = {each.cluster_id for each in born}
            found = sum(now[label] in fresh for label in new) if number == BORN else 0
            mistaken = sum(now[label] in fresh for label in homes)
            steady = np.mean([holds[name] == label for name, label in held.items() if name in holds])
            false = sum(label not in new or number != BORN for label in mostly)
            print(f"split {seed} week {number + 1}: kept {kept:.1%}  steady {steady:.1%}  found {found}  "
                  f"old taken for new {mistaken}  false births {false}  themes "
                  f"{sum(each.size > 0 for each in known)}  {time.process_time() - began:.0f} s of CPU", flush=True)
        homes, held = now, holds


def main() -> None:
    """Reads the arguments and follows every split."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--vectors", type=Path)
    parser.add_argument("--seeds", default="10,11,12", help="draws of intents and weeks, with commas between")
    given = parser.parse_args()
    rows = [json.loads(line) for line in given.file.read_text(encoding="utf-8").splitlines()]
    texts, labels = [row["text"] for row in rows], [row["label"] for row in rows]
    embedder = Given(texts, np.load(given.vectors)) if given.vectors else OfflineEmbedder()
    for seed in map(int, given.seeds.split(",")):
        follow(texts, labels, embedder, seed)


if __name__ == "__main__":
    main()

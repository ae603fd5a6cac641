"""The worked examples: every figure of the prose, worked out again from the data (the outputs: tests/test_docs.py)."""

from __future__ import annotations

import csv
from pathlib import Path
from statistics import variance

import pytest

from evalloop import stats
from evalloop.records.report import Comparison, Score
from evalloop.report.compare import compare

ROOT = Path(__file__).parent.parent
DATA = ROOT / "tests" / "data" / "paired_scores"


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a file."""
    with (DATA / name).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def prose() -> str:
    """The page as one line of words."""
    return " ".join((ROOT / "docs" / "examples.md").read_text(encoding="utf-8").split())


@pytest.fixture(scope="module")
def ifeval() -> Comparison:
    """GPT-4 against the other model."""
    return compare([Score(row["prompt"], row["model"], float(row["passed"]), row["group"] or None)
                    for row in rows("ifeval.csv")], "unnamed", "gpt-4")


def livebench(cluster: bool = True) -> Comparison:
    """gpt-4o of August against that of May, by task or with the task as the unit."""
    return compare([Score(row["question"], name, float(row[side]), row["task"] if part else None,
                          unit=None if cluster else row["task"])
                    for row in rows("livebench_gpt4o.csv") for name, side in (("may", "base"), ("august", "cand"))
                    for part in ((False, True) if cluster else (False,))], "may", "august")


def test_ifeval_prose(prose: str, ifeval: Comparison) -> None:
    """Levels, wins and losses, and the two p-values of the group on the edge."""
    whole, groups = ifeval.overall, {str(delta.cluster): delta for delta in ifeval.clusters}
    passed = {model: sum(int(row["passed"]) for row in rows("ifeval.csv")
                         if (row["model"], row["group"]) == (model, "")) for model in ("gpt-4", "unnamed")}
    words = {7: "Seven", 9: "nine", 2: "two"}
    improved = sum(delta.verdict == "improved" for delta in groups.values())
    exact = dict(zip(groups, stats.holm([delta.p_exact or 1 for delta in groups.values()]), strict=True))
    edge, language = groups["change_case"], groups["language"]
    assert edge.p_holm is not None
    assert groups["combination"].delta is not None
    for told in (
            f"{whole.n} prompts, each with one to three instructions",
            f"{passed['gpt-4']} of {whole.n} prompts pass with GPT-4 ({100 * (whole.cand or 0):.1f} %), "
            f"{passed['unnamed']} with the other model. {whole.wins} prompts were won, {whole.losses} lost",
            f"the {whole.ties} others say nothing",
            f"{words[improved]} groups improved after Holm's adjustment for {words[len(groups)]} looks",
            f"the adjusted p is {edge.p_holm:.3f}, but the exact test's would be {exact['change_case']:.3f}",
            f"*combination* got {100 * groups['combination'].delta:.0f} points better",
            f"{words[language.wins + language.losses]} of {language.n} cases changed",
            f"the headline of {100 * (whole.delta or 0):+.0f} points"):
        assert told.replace(" 0.", " .") in prose


def test_livebench_prose(prose: str) -> None:
    """The small change, what pairing is worth, and what looks significant among 18."""
    found = livebench()
    whole, tasks = found.overall, {str(delta.cluster): delta for delta in found.clusters}
    table = rows("livebench_gpt4o.csv")
    apart = (sum(variance(float(row[side]) for row in table) for side in ("base", "cand")) / len(table)) ** 0.5
    alone = [name for name, delta in tasks.items() if (delta.p or 1) < 0.05]
    assert (len(alone), [delta for delta in tasks.values() if (delta.p_holm or 1) < 0.05]) == (2, [])
    assert "spatial" in alone
    assert whole.se is not None
    assert round((apart / whole.se) ** 2) == 3
    for told in (
            f"{whole.n:,} questions in {len(tasks)} tasks",
            f"{100 * (whole.delta or 0):+.1f} points with p {whole.p:.4f} (standard error {whole.se:.4f}; unpaired it "
            f"would be {apart:.4f}, so pairing is worth three times as many questions)",
            f"Two tasks look significant on their own, *spatial* with {100 * (tasks['spatial'].delta or 0):+.0f}",
            f"among {len(tasks)} looks"):
        assert told.replace(" 0.", " .") in prose
    assert (livebench(cluster=False).overall.p or 0) > 0.05

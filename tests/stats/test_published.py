"""Figures of published comparisons on real data, to the digits that are printed."""

import csv
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from evalloop import stats

DATA = Path(__file__).parents[1] / "data" / "paired_scores"


@pytest.fixture(scope="module")
def ifeval():
    """Rows of IFEval by model and group (empty: the whole prompt), in the order of the prompts."""
    with (DATA / "ifeval.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {(model, group): [row for row in rows if (row["model"], row["group"]) == (model, group)]
            for model in ("unnamed", "gpt-4") for group in {row["group"] for row in rows}}


def passed(rows):
    """The verdicts as numbers."""
    return np.array([float(row["passed"]) for row in rows])


def test_ifeval_levels(ifeval):
    """GPT-4 416/541 prompts = 76.89 % and 697/834 instructions = 83.57 %, clustered SE .012925; the other 269/541."""
    rows = ifeval["gpt-4", ""]
    assert (int(passed(rows).sum()), len(rows)) == (416, 541)
    followed = [float(number < int(row["followed"])) for row in rows for number in range(int(row["asked"]))]
    prompts = [row["prompt"] for row in rows for _ in range(int(row["asked"]))]
    estimate = stats.cluster_robust(followed, prompts)
    assert (sum(followed), len(followed)) == (697, 834)
    assert f"{estimate.mean:.4f}" == "0.8357"
    assert f"{estimate.se:.6f}" == "0.012925"
    assert int(passed(ifeval["unnamed", ""]).sum()) == 269


def test_ifeval_pairs(ifeval):
    """+27.2 points, 171 up and 24 down, McNemar exact 1.556e-28, Tango [.2267, .3171]."""
    result = stats.paired(passed(ifeval["unnamed", ""]), passed(ifeval["gpt-4", ""]))
    assert (result.wins, result.losses, f"{result.delta:.3f}") == (171, 24, "0.272")
    assert f"{result.p_exact:.3e}" == "1.556e-28"
    assert [f"{limit:.4f}" for limit in result.interval] == ["0.2267", "0.3171"]


def test_ifeval_groups(ifeval):
    """Exact McNemar and Holm over nine groups: punctuation 3.0e-8 ... change_case .072, language 1.0."""
    groups = sorted({group for _, group in ifeval} - {""})
    p = [stats.paired(passed(ifeval["unnamed", group]), passed(ifeval["gpt-4", group])).p_exact for group in groups]
    holm = dict(zip(groups, stats.holm(p), strict=True))
    assert f"{holm['punctuation']:.1e}" == "3.0e-08"
    assert f"{holm['change_case']:.3f}" == "0.072"
    assert holm["language"] == 1.0


def test_livebench(livebench):
    """gpt-4o May to August: +.0215, SE .0105 (unpaired .0192), p .0405; clustered by task SE .0124."""
    task, base, cand = livebench
    result = stats.paired(base, cand)
    assert [f"{value:.4f}" for value in (result.delta, result.se, result.p)] == ["0.0215", "0.0105", "0.0405"]
    assert f"{np.sqrt((base.var(ddof=1) + cand.var(ddof=1)) / base.size):.4f}" == "0.0192"
    assert f"{stats.cluster_robust(cand - base, task).se:.4f}" == "0.0124"


def test_matharena(matharena):
    """o1 to o3-mini (high): +13.3 points; 60 runs as cases p .031, 15 questions p .088, sign-flip exact .109."""
    question, base, cand = matharena
    means = [np.array([side[question == each].mean() for each in sorted(set(question))]) for side in (base, cand)]
    by_question = stats.paired(*means)
    assert f"{by_question.delta:.3f}" == "0.133"
    assert f"{by_question.p_t:.3f}" == "0.088"
    assert f"{by_question.p_signflip:.3f}" == "0.109"
    assert f"{stats.paired(base, cand).p_t:.3f}" == "0.031"


def test_realhumaneval(copies):
    """Copy rate 37.5 % against 28.2 %: p .026 when users are ignored; over 52 users .126 (normal), .132 with our t."""
    models = {name: value for name, value in copies.items() if "34b" in name.lower() or "4o" in name.lower()}
    (first_users, first), (second_users, second) = (models[name] for name in sorted(models, key=str.lower))
    assert (f"{second.mean():.3f}", f"{first.mean():.3f}") == ("0.375", "0.282")
    clustered = stats.share_difference(first, second, first_users=first_users, second_users=second_users)
    assert f"{stats.share_difference(first, second).p:.3f}" == "0.026"
    assert f"{2 * norm.sf(clustered.delta / clustered.se):.3f}" == "0.126"
    assert (f"{clustered.p:.3f}", clustered.units) == ("0.132", 52)

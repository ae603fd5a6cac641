"""Judge correction and length adjustment."""

import csv
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from ppi_py import ppi_mean_ci, ppi_mean_pointestimate

from evalloop import stats

DATA = Path(__file__).parents[1] / "data"


def _votes(random, n, bias):
    """Human verdicts at rate .54 and a judge who agrees four times in five and is biased."""
    human = (random.random(n) < 0.54).astype(float)
    judge = np.where(random.random(n) < 0.8, human, random.random(n) < bias).astype(float)
    return human, judge


@given(st.integers(0, 10_000))
def test_judge_weight_one_is_the_plain_estimator_and_zero_is_people_alone(seed):
    """mean(judge_only) + mean(human - judge), and mean(human), each with its textbook variance."""
    random = np.random.default_rng(seed)
    human, judge = _votes(random, 60, 0.2)
    _, rest = _votes(random, 500, 0.2)
    plain = stats.ppi_mean(human, judge, rest, weight=1.0)
    assert plain.delta == pytest.approx(rest.mean() + (human - judge).mean(), abs=1e-12)
    assert plain.se**2 == pytest.approx((human - judge).var(ddof=1) / 60 + rest.var(ddof=1) / 500, abs=1e-12)
    people = stats.ppi_mean(human, judge, rest, weight=0.0)
    assert (people.delta, people.se) == pytest.approx((human.mean(), human.std(ddof=1) / np.sqrt(60)))
    assert stats.ppi_mean(human, judge, rest).se <= min(plain.se, people.se) * 1.02


def test_the_corrected_interval_covers_where_the_raw_judge_never_does():
    """A biased judge with 200 labels: the corrected interval holds the truth in about 95 % of 300 samples."""
    random = np.random.default_rng(3)
    covered = raw = 0
    for _ in range(300):
        human, judge = _votes(random, 2_000, 0.1)
        result = stats.ppi_mean(human[:200], judge[:200], judge[200:])
        covered += result.interval.low <= 0.54 <= result.interval.high
        raw_low, raw_high = stats.wilson_interval(judge.sum(), 2_000)
        raw += raw_low <= 0.54 <= raw_high
    assert 270 <= covered <= 297
    assert raw < 5


def test_length_adjustment_agrees_with_statsmodels():
    """Intercept, error and p of least squares with HC3."""
    random = np.random.default_rng(4)
    change = random.normal(0, 300, 80)
    diff = 0.02 + 0.1 * np.tanh(change / 300) + random.normal(0, 0.2, 80)
    result = stats.length_adjusted_delta(diff, change)
    design = sm.add_constant(np.tanh(change / change.std(ddof=1)))
    fit = sm.OLS(diff, design).fit(cov_type="HC3", use_t=True)
    assert (result.delta, result.se, result.p) == pytest.approx((fit.params[0], fit.bse[0], fit.pvalues[0]), rel=1e-9)


def test_a_gain_that_is_only_length_disappears():
    """Answers preferred for being longer: a clear raw delta, nothing at equal length."""
    random = np.random.default_rng(6)
    change = random.normal(200, 200, 400)
    diff = 0.3 * np.tanh(change / 200) + random.normal(0, 0.1, 400)
    assert stats.paired(np.zeros(400), diff).p < 1e-6
    assert stats.length_adjusted_delta(diff, change).p > 0.01


def test_too_little_data_is_refused():
    """Both corrections say how many rows they need."""
    with pytest.raises(ValueError, match="two rows"):
        stats.ppi_mean([1], [1], [1, 0])
    with pytest.raises(ValueError, match="four cases"):
        stats.length_adjusted_delta([0.1] * 3, [1, 2, 3])
    assert stats.length_adjusted_delta([0.1, 0.2, 0.3, 0.4], [5, 5, 5, 5]).interval is None


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 10_000), st.sampled_from([None, 0.0, 0.4, 1.0]), st.sampled_from([0.05, 0.2]))
def test_ppi_agrees_with_ppi_python(seed, weight, alpha):
    """Estimate and interval are those of the authors' package, to 1e-9, when variances are taken as it takes them."""
    random = np.random.default_rng(seed)
    human, judge = _votes(random, 40, 0.2)
    _, rest = _votes(random, 300, 0.2)
    ours = stats.ppi_mean(human, judge, rest, weight=weight, alpha=alpha, ddof=0)
    low, high = ppi_mean_ci(human, judge, rest, alpha=alpha, lam=weight)
    assert ours.interval == pytest.approx((low[0], high[0]), abs=1e-9)
    estimate = ppi_mean_pointestimate(human, judge, rest, lam=weight)
    assert ours.delta == pytest.approx(float(np.ravel(estimate)[0]), abs=1e-9)


def test_ppi_of_paired_differences_agrees_with_ppi_python():
    """A delta is the mean of differences; a bias that the judge has under both variants drops out."""
    random = np.random.default_rng(5)
    base, cand = (random.random(900) < 0.6).astype(float), (random.random(900) < 0.7).astype(float)
    judged = [np.where(random.random(900) < 0.85, side, random.random(900) < 0.3).astype(float)
              for side in (base, cand)]
    ours = stats.ppi_delta((base[:150], cand[:150]), (judged[0][:150], judged[1][:150]),
                           (judged[0][150:], judged[1][150:]), ddof=0)
    moved = judged[1] - judged[0]
    low, high = ppi_mean_ci((cand - base)[:150], moved[:150], moved[150:], alpha=0.05)
    assert ours.interval == pytest.approx((low[0], high[0]), abs=1e-9)
    lifted = [side + 0.2 for side in judged]
    same = stats.ppi_delta((base[:150], cand[:150]), (lifted[0][:150], lifted[1][:150]),
                           (lifted[0][150:], lifted[1][150:]), ddof=0)
    assert same.delta == pytest.approx(ours.delta, abs=1e-12)


def test_the_judges_of_llmfao_are_far_from_people():
    """1,704 pairs: people say left in 53.9 %, GPT-4 in 45.1 (agreement .658, kappa .32), GPT-3 in 64.3 (kappa .17)."""
    with (DATA / "judges" / "llmfao.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    human = [row["human"] == "left" for row in rows]
    assert len(rows) == 1704
    assert np.mean(human) == pytest.approx(0.539, abs=5e-4)
    agreement = {}
    for judge, left, kappa in (("gpt4", 0.451, 0.32), ("gpt3", 0.643, 0.17)):
        said = [row[judge] == "left" for row in rows]
        assert np.mean(said) == pytest.approx(left, abs=5e-4)
        result = stats.cohen_kappa(human, said)
        assert result.kappa == pytest.approx(kappa, abs=5e-3)
        agreement[judge] = result.agreement
    assert agreement["gpt4"] == pytest.approx(0.658, abs=5e-4)


def test_two_hundred_labels_mend_gpt_4():
    """PPI++ over 200 draws of 200 labels: the interval holds what all 1,704 people said; the raw judge's never does."""
    with (DATA / "judges" / "llmfao.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    human = np.array([row["human"] == "left" for row in rows], dtype=float)
    judge = np.array([row["gpt4"] == "left" for row in rows], dtype=float)
    random, covered, widths = np.random.default_rng(0), 0, []
    for _ in range(200):
        order = random.permutation(len(rows))
        low, high = stats.ppi_mean(human[order[:200]], judge[order[:200]], judge[order[200:]]).interval
        covered += low <= human.mean() <= high
        widths.append(high - low)
    assert 0.92 <= covered / 200 <= 1
    assert np.mean(widths) == pytest.approx(0.131, abs=2e-3)
    assert stats.wilson_interval(judge.sum(), judge.size).high < human.mean()

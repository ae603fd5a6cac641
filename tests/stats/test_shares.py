"""Production shares clustered by user, against statsmodels and real copy events."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from evalloop import stats

rows = st.lists(st.tuples(st.sampled_from([0.0, 1.0]), st.integers(0, 11), st.floats(0.1, 5)), min_size=2, max_size=60)


@pytest.mark.parametrize(
    ("model", "share", "design_effect"),
    [
        ("CodeLlama34b (chat)", 0.282, 1.4),
        ("CodeLlama7b (chat)", 0.333, 1.5),
        ("GPT-4o (chat)", 0.375, 3.0),
        ("GPT-3.5 (chat)", 0.367, 5.5),
    ],
)
def test_copy_rates_of_real_users(copies, model, share, design_effect):
    """Published copy rates and design effects of RealHumanEval."""
    users, copied = copies[model]
    result = stats.share_interval_clustered(copied, users=users)
    assert round(result.share, 3) == share
    assert round(result.n / result.n_effective, 1) == design_effect
    assert result.interval.low < result.share < result.interval.high


def test_copy_rates_do_not_differ_once_users_are_the_units(copies):
    """GPT-4o against CodeLlama-34b: published p .026 over events, .126 (normal) over the 52 users."""
    (llama_users, llama), (gpt_users, gpt) = copies["CodeLlama34b (chat)"], copies["GPT-4o (chat)"]
    naive = stats.share_difference(llama, gpt)
    by_user = stats.share_difference(llama, gpt, first_users=llama_users, second_users=gpt_users)
    assert (round(naive.p, 3), naive.interval.low > 0) == (0.026, True)
    assert (by_user.units, round(2 * norm.sf(by_user.delta / by_user.se), 3)) == (52, 0.126)
    assert by_user.p == pytest.approx(0.132, abs=5e-4)  # t with 51 degrees of freedom
    assert by_user.interval.low < 0


@settings(deadline=None)
@given(rows)
def test_clustered_error_of_a_weighted_share_agrees_with_statsmodels(table):
    """The linearised CR1 error is that of weighted least squares on a constant."""
    values, users, weights = (np.array(column) for column in zip(*table, strict=True))
    result = stats.share_interval_clustered(values, users=users, weights=weights)
    assert result.share == pytest.approx(np.average(values, weights=weights), abs=1e-12)
    if result.interval is not None:
        fit = sm.WLS(values, np.ones(values.size), weights=weights).fit(cov_type="cluster", cov_kwds={"groups": users})
        assert result.se == pytest.approx(fit.bse[0], rel=1e-8, abs=1e-10)
    else:
        assert result.interval is None
        assert "refused" in result.method


@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning:statsmodels")
@settings(deadline=None)
@given(rows, rows)
def test_difference_of_groups_agrees_with_statsmodels(first, second):
    """The group coefficient of least squares with clustered errors, less its (N - 1) / (N - 2) factor."""
    before, first_users, _ = zip(*first, strict=True)
    after, second_users, _ = zip(*second, strict=True)
    result = stats.share_difference(before, after, first_users=first_users, second_users=second_users)
    if result.se is None or result.se < 1e-9:
        return
    n = len(before) + len(after)
    group = sm.add_constant(np.repeat([0.0, 1.0], [len(before), len(after)]))
    fit = sm.OLS(np.array(before + after), group).fit(
        cov_type="cluster", cov_kwds={"groups": np.array(first_users + second_users)}
    )
    assert result.delta == pytest.approx(fit.params[1], abs=1e-12)
    assert result.se == pytest.approx(fit.bse[1] * np.sqrt((n - 2) / (n - 1)), rel=1e-7, abs=1e-10)


@given(rows)
def test_limits_stay_between_zero_and_one(table):
    """The interval holds the share and never leaves [0, 1]; the effective size never exceeds the rows."""
    values, users, weights = zip(*table, strict=True)
    result = stats.share_interval_clustered(values, users=users, weights=weights)
    assert result.n_effective <= result.n + 1e-9
    if result.interval is not None:
        assert 0 <= result.interval.low <= result.share + 1e-12
        assert result.share - 1e-12 <= result.interval.high <= 1


def test_a_loud_user_is_capped_or_refused():
    """A thousand events of one user among ten give no interval; with that user's weight capped they do."""
    values, users = [1.0] * 1000 + [0.0] * 5 + [1.0] * 4, [0] * 1000 + list(range(1, 10))
    loud = stats.share_interval_clustered(values, users=users)
    assert (loud.interval, loud.units) == (None, 10)
    assert "outweigh" in loud.method
    capped = stats.share_interval_clustered(values, users=users, weights=[0.001] * 1000 + [1.0] * 9)
    once = stats.share_interval_clustered([1.0, *values[1000:]], users=range(10))
    assert capped.interval == pytest.approx(once.interval, abs=1e-9)


def test_no_bad_vote_at_all_still_has_an_upper_limit():
    """Zero of 200 events by 20 users: the limit is that of 20 users, not of 200 events."""
    result = stats.share_interval_clustered([0.0] * 200, users=[i // 10 for i in range(200)])
    assert result.n_effective == pytest.approx(20)
    assert 0.15 < result.interval.high < 0.25


def test_a_user_without_weight_is_no_unit():
    """Quarantined rows (weight 0) count neither as users nor as evidence."""
    values, users = [0.0, 1.0] * 5, list(range(10))
    kept = stats.share_interval_clustered(values, users=users)
    with_abuse = stats.share_interval_clustered([*values, 1.0], users=[*users, 10], weights=[1.0] * 10 + [0.0])
    assert (with_abuse.units, with_abuse.interval) == (kept.units, kept.interval)


@pytest.mark.parametrize(
    ("values", "weights", "message"),
    [
        ([], None, "at least one"),
        ([2.0], None, "between 0 and 1"),
        ([1.0], [0.0], "not all 0"),
        ([1.0], [-1.0], "weights"),
        ([1.0, float("nan")], None, "NaN"),
    ],
)
def test_bad_shares_are_refused(values, weights, message):
    """Empty, unbounded or missing values and useless weights raise ValueError."""
    with pytest.raises(ValueError, match=message):
        stats.share_interval_clustered(values, weights=weights)


def test_a_weighted_share_of_all_is_all() -> None:
    """Rounding of the weights leads to no share above 1."""
    weights = np.random.default_rng(3).uniform(0.1, 3.0, 5000)
    for draw in range(20):
        part = weights[draw * 200:][:431]
        found = stats.share_interval_clustered(np.ones(431), users=range(431), weights=part)
        assert found.share == 1.0
        assert found.interval is not None
        assert 0.9 < found.interval.low < found.interval.high
        assert found.interval.high == pytest.approx(1.0)


@given(st.lists(st.tuples(st.integers(0, 14), st.booleans()), min_size=1, max_size=120))
def test_sums_by_user_give_the_share_of_the_rows(rows: list[tuple[int, bool]]) -> None:
    """What an engine adds up by user gives the share, interval and effective size that the rows give."""
    users, hits = [user for user, _ in rows], [float(hit) for _, hit in rows]
    by_user = [(users.count(user), int(sum(hit for other, hit in rows if other == user))) for user in set(users)]
    sums = stats.UnitSums(len(by_user), len(rows), int(sum(hits)), sum(n * n for n, _ in by_user),
                          sum(n * s for n, s in by_user), sum(s * s for _, s in by_user))
    found, wanted = stats.share_of_units(sums), stats.share_interval_clustered(hits, users=users)
    assert (found.n, found.units, found.method) == (wanted.n, wanted.units, wanted.method)
    assert found.share == pytest.approx(wanted.share)
    assert found.n_effective == pytest.approx(wanted.n_effective, rel=1e-6)
    assert (found.interval is None) == (wanted.interval is None)
    if found.interval and wanted.interval:
        assert tuple(found.interval) == pytest.approx(tuple(wanted.interval), rel=1e-6, abs=1e-9)

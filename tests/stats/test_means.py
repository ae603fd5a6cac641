"""Standard errors of mean differences against scipy and statsmodels."""

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from evalloop import stats

samples = arrays(np.float64, st.integers(3, 40), elements=st.floats(-5, 5).map(lambda x: round(x, 3)))


@settings(deadline=None)
@given(samples)
def test_paired_t_agrees_with_scipy(differences):
    """Mean, p-value and interval are those of the one-sample t test of the differences."""
    estimate = stats.paired_t(differences)
    if estimate.se == 0:
        return
    theirs = scipy.stats.ttest_1samp(differences, 0)
    interval = theirs.confidence_interval()
    assert stats.t_p(estimate) == pytest.approx(theirs.pvalue, rel=1e-9, abs=1e-12)
    assert stats.t_interval(estimate) == pytest.approx((interval.low, interval.high), rel=1e-9, abs=1e-9)


@settings(deadline=None)
@given(samples, st.data())
def test_cluster_robust_agrees_with_statsmodels(differences, data):
    """The CR1 error equals that of least squares on a constant with clustered covariance."""
    units = data.draw(arrays(np.int64, differences.size, elements=st.integers(0, 9)))
    if len(set(units)) < 2 or np.ptp(differences) == 0:
        return
    estimate = stats.cluster_robust(differences, units, min_units=2)
    fit = sm.OLS(differences, np.ones(differences.size)).fit(cov_type="cluster", cov_kwds={"groups": units}, use_t=True)
    assert estimate.se == pytest.approx(fit.bse[0], rel=1e-9, abs=1e-11)
    assert estimate.df == len(set(units)) - 1


@given(samples)
def test_units_of_one_case_each_change_nothing(differences):
    """With every case its own unit CR1 is the plain standard error."""
    plain, robust = stats.paired_t(differences), stats.cluster_robust(differences, range(differences.size), min_units=2)
    assert robust.se == pytest.approx(plain.se, rel=1e-12, abs=1e-15)


def test_rounding_is_not_variation():
    """Differences that are equal but for rounding have a standard error of 0 and no t test."""
    estimate = stats.paired_t([0.1 + 0.2, 0.3, 0.3, 0.3])
    assert estimate.se == 0
    assert stats.t_p(estimate) is None


def test_too_little_data_is_refused():
    """One difference has no standard error, seven units have no trustworthy one."""
    with pytest.raises(ValueError, match="two differences"):
        stats.paired_t([0.5])
    with pytest.raises(ValueError, match="8 units"):
        stats.cluster_robust([0.5, 0.2] * 7, [number % 7 for number in range(14)])

"""The one door to scipy: arrays in, numbers out.

    from evalloop import stats

    result = stats.paired(base, cand, units=users)

Importing the package loads nothing heavy; the first use of a function loads numpy and the module that holds it. So
write ``from evalloop import stats`` and ``stats.holm(...)``: ``from evalloop.stats import holm`` loads numpy at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from evalloop.stats.results import (
    AucResult,
    DifferenceResult,
    Interval,
    KappaResult,
    LikelihoodRatio,
    LogisticModel,
    MeanEstimate,
    NonInferiorityResult,
    PairedResult,
    RakedWeights,
    RatersResult,
    ReliabilityBin,
    ShareResult,
    ShrunkenDeltas,
    ShrunkenRates,
    WatchResult,
)

if TYPE_CHECKING:
    from evalloop.stats.agreement import cohen_kappa
    from evalloop.stats.binary import (
        binomial_p,
        mcnemar_exact,
        mcnemar_midp,
        newcombe10_interval,
        probability_better,
        tango_interval,
        tango_statistic,
        wilson_interval,
    )
    from evalloop.stats.calibration import length_adjusted_delta, ppi_delta, ppi_mean
    from evalloop.stats.comparison import lower_bound, paired, rare_change_interval
    from evalloop.stats.distributions import poisson_tail, t_quantile
    from evalloop.stats.graphs import connected
    from evalloop.stats.judging import mean_contrast, sensitivity_specificity
    from evalloop.stats.logistic import fit_logistic, predict_logistic
    from evalloop.stats.means import MIN_EFFECTIVE_UNITS, MIN_UNITS, cluster_robust, paired_t, t_interval, t_p
    from evalloop.stats.multiplicity import benjamini_hochberg, holm, holm_with_target
    from evalloop.stats.noninferiority import noninferiority
    from evalloop.stats.power import (
        mde80,
        min_discordant,
        required_n,
        required_n_noninferiority,
        required_n_superiority,
    )
    from evalloop.stats.predictions import brier, isotonic, likelihood_ratio, reliability
    from evalloop.stats.raters import fleiss_kappa, krippendorff_alpha
    from evalloop.stats.rates import shrunken_rates
    from evalloop.stats.roc import auc
    from evalloop.stats.sequential import beta_binomial_confidence_sequence, beta_binomial_p
    from evalloop.stats.shares import UnitSums, share_change, share_difference, share_interval_clustered, share_of_units
    from evalloop.stats.shrinkage import empirical_bayes, paule_mandel, weighted_delta, weighted_over_clusters
    from evalloop.stats.signflip import sign_flip, sign_flip_exact, sign_flip_monte_carlo
    from evalloop.stats.watch import watch_rate
    from evalloop.stats.weights import cap_per_unit, design_effect, rake, trim
    from evalloop.stats.winners import winners

_HOME = {
    "poisson_tail": "distributions",
    "connected": "graphs",
    "fit_logistic": "logistic",
    "predict_logistic": "logistic",
    "brier": "predictions",
    "isotonic": "predictions",
    "likelihood_ratio": "predictions",
    "reliability": "predictions",
    "cap_per_unit": "weights",
    "design_effect": "weights",
    "rake": "weights",
    "trim": "weights",
    "MIN_EFFECTIVE_UNITS": "means",
    "MIN_UNITS": "means",
    "auc": "roc",
    "benjamini_hochberg": "multiplicity",
    "beta_binomial_confidence_sequence": "sequential",
    "beta_binomial_p": "sequential",
    "cluster_robust": "means",
    "binomial_p": "binary",
    "cohen_kappa": "agreement",
    "empirical_bayes": "shrinkage",
    "fleiss_kappa": "raters",
    "holm": "multiplicity",
    "holm_with_target": "multiplicity",
    "krippendorff_alpha": "raters",
    "length_adjusted_delta": "calibration",
    "lower_bound": "comparison",
    "mcnemar_exact": "binary",
    "mcnemar_midp": "binary",
    "mde80": "power",
    "mean_contrast": "judging",
    "min_discordant": "power",
    "newcombe10_interval": "binary",
    "noninferiority": "noninferiority",
    "paired": "comparison",
    "paired_t": "means",
    "paule_mandel": "shrinkage",
    "ppi_delta": "calibration",
    "ppi_mean": "calibration",
    "probability_better": "binary",
    "rare_change_interval": "comparison",
    "required_n": "power",
    "required_n_noninferiority": "power",
    "required_n_superiority": "power",
    "share_change": "shares",
    "sensitivity_specificity": "judging",
    "share_difference": "shares",
    "share_interval_clustered": "shares",
    "share_of_units": "shares",
    "UnitSums": "shares",
    "shrunken_rates": "rates",
    "sign_flip": "signflip",
    "sign_flip_exact": "signflip",
    "sign_flip_monte_carlo": "signflip",
    "t_interval": "means",
    "t_p": "means",
    "t_quantile": "distributions",
    "tango_interval": "binary",
    "tango_statistic": "binary",
    "watch_rate": "watch",
    "weighted_delta": "shrinkage",
    "weighted_over_clusters": "shrinkage",
    "wilson_interval": "binary",
    "winners": "winners",
}

__all__ = [
    "MIN_EFFECTIVE_UNITS",
    "MIN_UNITS",
    "AucResult",
    "DifferenceResult",
    "Interval",
    "KappaResult",
    "LikelihoodRatio",
    "LogisticModel",
    "MeanEstimate",
    "NonInferiorityResult",
    "PairedResult",
    "RakedWeights",
    "RatersResult",
    "ReliabilityBin",
    "ShareResult",
    "ShrunkenDeltas",
    "ShrunkenRates",
    "UnitSums",
    "WatchResult",
    "auc",
    "benjamini_hochberg",
    "beta_binomial_confidence_sequence",
    "beta_binomial_p",
    "binomial_p",
    "brier",
    "cap_per_unit",
    "cluster_robust",
    "cohen_kappa",
    "connected",
    "design_effect",
    "empirical_bayes",
    "fit_logistic",
    "fleiss_kappa",
    "holm",
    "holm_with_target",
    "isotonic",
    "krippendorff_alpha",
    "length_adjusted_delta",
    "likelihood_ratio",
    "lower_bound",
    "mcnemar_exact",
    "mcnemar_midp",
    "mde80",
    "mean_contrast",
    "min_discordant",
    "newcombe10_interval",
    "noninferiority",
    "paired",
    "paired_t",
    "paule_mandel",
    "poisson_tail",
    "ppi_delta",
    "ppi_mean",
    "predict_logistic",
    "probability_better",
    "rake",
    "rare_change_interval",
    "reliability",
    "required_n",
    "required_n_noninferiority",
    "required_n_superiority",
    "sensitivity_specificity",
    "share_change",
    "share_difference",
    "share_interval_clustered",
    "share_of_units",
    "shrunken_rates",
    "sign_flip",
    "sign_flip_exact",
    "sign_flip_monte_carlo",
    "t_interval",
    "t_p",
    "t_quantile",
    "tango_interval",
    "tango_statistic",
    "trim",
    "watch_rate",
    "weighted_delta",
    "weighted_over_clusters",
    "wilson_interval",
    "winners",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value

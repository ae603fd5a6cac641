"""What the statistics hand back: frozen records of plain numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Interval(NamedTuple):
    """Two limits of a confidence interval, in the unit of the estimate."""

    low: float
    high: float


@dataclass(frozen=True, slots=True)
class MeanEstimate:
    """A mean with its standard error; ``df`` are the degrees of freedom of its t distribution."""

    mean: float
    se: float
    df: int


@dataclass(frozen=True, slots=True)
class PairedResult:
    """One paired comparison, candidate minus baseline, in score units.

    ``None`` always means "cannot be said from these data", never zero:
    ``interval`` (two-sided, 1 - alpha), ``lower`` (one-sided, 1 - alpha: the limit of a non-inferiority test), ``p``
    (the p-value to decide on), ``p_exact`` (McNemar exact, binary scores only), ``p_t`` and ``p_signflip`` (both tests
    of the mean), ``units`` (number of independent units, when cases share one), ``mde80`` (smallest true delta found
    with 80 % power), ``p_better`` (posterior probability of a delta above 0 under a reference prior: for wording).
    ``changed`` counts what can carry evidence: discordant cases, or units whose total differs from zero.
    ``can_reach_5pct`` is false when even the most one-sided outcome of that many changes stays above alpha.
    """

    n: int
    delta: float
    se: float | None
    interval: Interval | None
    lower: float | None
    p: float | None
    p_exact: float | None
    p_t: float | None
    p_signflip: float | None
    wins: int
    losses: int
    ties: int
    changed: int
    units: int | None
    mde80: float | None
    method: str
    can_reach_5pct: bool
    p_better: float | None = None

    @property
    def discordance(self) -> float:
        """Share of cases on which the two variants differ; the psi of the sample-size formulas."""
        return (self.wins + self.losses) / self.n if self.n else 0.0


@dataclass(frozen=True, slots=True)
class ShareResult:
    """A weighted share; ``n_effective`` independent, equally weighted rows would be worth as much."""

    n: int
    n_effective: float
    units: int
    share: float
    se: float | None
    interval: Interval | None
    method: str


@dataclass(frozen=True, slots=True)
class DifferenceResult:
    """Difference of two means of separate groups, second minus first.

    ``weight`` is what a judge's verdicts counted for in a mean that labels correct; None elsewhere.
    """

    delta: float
    se: float | None
    interval: Interval | None
    p: float | None
    units: int
    method: str
    weight: float | None = None


@dataclass(frozen=True, slots=True)
class AucResult:
    """Probability that a random positive scores above a random negative, ties counted half."""

    auc: float
    se: float | None
    interval: Interval | None
    positives: int
    negatives: int
    units: int
    method: str


@dataclass(frozen=True, slots=True)
class ShrunkenDeltas:
    """Empirical-Bayes estimates in the order given: for ranking and wording, never evidence for a gate."""

    mean: float
    tau2: float
    deltas: tuple[float, ...]
    ses: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class NonInferiorityResult:
    """Whether a candidate is no more than ``margin`` worse; ``p`` is that of "worse by the margin or more"."""

    n: int
    delta: float
    margin: float
    lower: float | None
    p: float | None
    shown: bool


@dataclass(frozen=True, slots=True)
class RatersResult:
    """Agreement of many raters; ``value`` (kappa or alpha) is None when chance alone already explains everything."""

    items: int
    raters: int
    agreement: float
    value: float | None
    se: float | None
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class KappaResult:
    """Agreement of two raters; ``kappa`` is None when chance alone already explains everything."""

    n: int
    agreement: float
    kappa: float | None
    se: float | None
    interval: Interval | None


@dataclass(frozen=True, slots=True)
class ShrunkenRates:
    """Rates of groups drawn towards ``mean``, which counts for ``strength`` trials in each."""

    mean: float
    strength: float
    rates: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class WatchResult:
    """A rate before and after, looked at again and again; ``e`` and ``p`` are of the null "no stratum changed".

    ``before`` and ``after`` are rates on the strata mix of the time before; ``ratio`` is after / before, with an
    interval that holds at any look. ``e`` is the largest e-value over the looks, ``first`` the number of the look
    (from 0) at which 1 / alpha was first passed, None when never. ``side`` is -1 (fell), 1 (rose) or 0.
    """

    before: float
    after: float | None
    ratio: float | None
    interval: Interval
    e: float
    p: float
    first: int | None
    side: int
    n_before: int
    n_after: int


@dataclass(frozen=True, slots=True)
class LikelihoodRatio:
    """How many times more often something is seen among bad rows than among good ones."""

    ratio: float
    interval: Interval | None
    units: int
    method: str


@dataclass(frozen=True, slots=True)
class LogisticModel:
    """log(p / (1 - p)) = coefficients . row + intercept."""

    coefficients: tuple[float, ...]
    intercept: float


@dataclass(frozen=True, slots=True, eq=False)
class RakedWeights:
    """Raked weights (n,); ``off`` is the largest relative miss that is left after ``rounds``.

    ``unmatched`` is the largest share of a column's targets that lay in categories without anything in the sample.
    """

    weights: NDArray[np.float64]
    rounds: int
    off: float
    unmatched: float


class ReliabilityBin(NamedTuple):
    """Rows whose predicted probability lies in [low, high): their mean prediction, and the share that came true."""

    low: float
    high: float
    n: int
    predicted: float
    observed: float
    interval: Interval | None

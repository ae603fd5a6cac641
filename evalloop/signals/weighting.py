"""Weights of failures: account filter (before), cap per user, then raking or inverse probabilities of who is heard.

What is corrected: some segments complain more than others. What cannot be corrected by any weight: that one kind of
failure makes people click more than another. Only the random ask shows that (``Failure.random_weight``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evalloop.errors import ConfigError
from evalloop.records.weighting import Margin, Weighting
from evalloop.signals.population import Column, Population

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

METHODS = ("auto", "none", "cap", "rake", "ipw")
LEAST = 30
"""Failures under which ``auto`` leaves segments alone: weights fitted to fewer are noise."""


@dataclass(frozen=True)
class WeightOptions:
    """``method`` is one of METHODS (auto: rake where the segments allow it, else cap). ``cap`` is what one user counts
    at most in all. ``limit``: no weight above so many times the mean. ``margins`` are declared shares of all failures
    for the levels of a column, in place of the observed ones."""

    method: str = "auto"
    cap: float = 1.0
    limit: float = 10.0
    margins: Mapping[str, Mapping[str, float]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Heard:
    """Failures as arrays, an entry each: what its account counts, whether only a random ask shows it, the inverse of
    that ask's probability (``design``), its user, and its row in the population (-1: none)."""

    weights: Floats
    asked_only: NDArray[np.bool_]
    design: Floats
    units: NDArray[np.int64]
    rows: NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Fit:
    """The failures that are weighted: their row in the population, and capped weights."""

    rows: NDArray[np.int64]
    capped: Floats


def weights_of(heard: Heard, people: Population, options: WeightOptions | None = None) -> tuple[Floats, Weighting]:
    """What each failure counts in shares (n,; mean 1 over those that count), and how that came about.

    Failures of weight 0 keep it. Failures known only from the random ask are an arm of their own: their weight is the
    inverse of the ask's probability, scaled so that the arm counts as its number of users.
    """

    options = _checked(options or WeightOptions(), people)
    weights, units = heard.weights.copy(), heard.units
    organic, asked = (weights > 0) & ~heard.asked_only, (weights > 0) & heard.asked_only
    margins: tuple[Margin, ...] = ()
    method, off, unmatched = "none", 0.0, 0.0
    if organic.any():
        capped = _capped(weights[organic], units[organic], options)
        fit = Fit(heard.rows[organic], capped)
        method = _method(options, people, fit)
        fitted, off, unmatched = _fitted(method, people, fit, options)
        weights[organic] = _scaled(fitted, capped.sum())
        margins = _margins(people, fit, fitted, options) if method in ("rake", "ipw") else ()
    if asked.any():
        weights[asked] = _scaled(heard.design[asked], _capped(weights[asked], units[asked], options).sum())
    weights = _scaled(weights, float((weights > 0).sum()))
    return weights, _told(weights, units, method, people, options, off, unmatched, margins)


# ---- the fits --------------------------------------------------------------------------------------------------------


def _capped(weights: Floats, units: NDArray[np.int64], options: WeightOptions) -> Floats:
    """The cap is on how often a user is heard; a user who counts less (a suspicious account) does so below the cap."""
    import numpy as np

    from evalloop import stats

    if options.method == "none" or not options.cap:
        return weights
    capped: Floats = weights * stats.cap_per_unit(np.ones(weights.size), units.tolist(), options.cap)
    return capped


def _method(options: WeightOptions, people: Population, fit: Fit) -> str:
    if options.method != "auto":
        return options.method
    return "rake" if people.columns and (fit.rows >= 0).sum() >= LEAST else "cap"


def _fitted(method: str, people: Population, fit: Fit, options: WeightOptions) -> tuple[Floats, float, float]:
    """(weights, largest miss of a margin, share of margins that nothing in the sample stands for)."""
    import numpy as np

    known = fit.rows >= 0
    if method not in ("rake", "ipw") or not known.any() or not people.columns:
        return fit.capped, 0.0, 0.0
    fitted = fit.capped.copy()
    off = unmatched = 0.0
    if method == "rake":
        fitted[known], off, unmatched = _raked(people, fit, options)
    else:
        fitted[known] = _inverse(people, fit, options)
    if not known.all():  # without a turn in the population: as its sort on average
        fitted[~known] *= np.average(fitted[known] / fit.capped[known], weights=fit.capped[known])
    return fitted, off, unmatched


def _raked(people: Population, fit: Fit, options: WeightOptions) -> tuple[Floats, float, float]:
    """Raked to the expected failures of each level, trimmed, and raked once more."""
    from evalloop import stats

    known = fit.rows >= 0
    columns = [column.codes[fit.rows[known]] for column in people.columns]
    targets = [_target(people, column, fit, options) for column in people.columns]
    raked = stats.rake(fit.capped[known], columns, targets)
    if options.limit:
        raked = stats.rake(stats.trim(raked.weights, options.limit), columns, targets)
    return raked.weights, raked.off, raked.unmatched


def _target(people: Population, column: Column, fit: Fit, options: WeightOptions) -> Floats:
    """Shares of the levels among all failures: declared ones, else those expected from the turns."""
    import numpy as np

    declared = options.margins.get(column.name)
    wanted = people.expected(column) if declared is None else np.array(
        [declared[level] for level in column.levels], np.float64)
    shares: Floats = wanted / wanted.sum()
    return shares


def _inverse(people: Population, fit: Fit, options: WeightOptions) -> Floats:
    """Capped weight times (chance of failure / chance of being heard), where both are read off segment and score."""
    import numpy as np

    from evalloop import stats

    known = fit.rows >= 0
    table = _design(people)
    heard = np.bincount(fit.rows[known], weights=fit.capped[known], minlength=len(table)).astype(np.float64)
    silent = np.maximum(people.turns() - heard, 0)
    model = stats.fit_logistic(table, heard, silent)
    chance = np.maximum(stats.predict_logistic(model, table[fit.rows[known]]), 1e-12)
    wanted = 1.0 if people.chances is None else people.chances[fit.rows[known]]
    ratio = wanted / chance
    return fit.capped[known] * (stats.trim(ratio, options.limit) if options.limit else ratio)


def _design(people: Population) -> Floats:
    """(turns, columns): a 0/1 column for each level but the first, and the logit of the vote-free score."""
    import numpy as np

    parts = [column.codes == level for column in people.columns for level in range(1, len(column.levels))]
    if people.chances is not None:
        bounded = np.clip(people.chances, 1e-6, 1 - 1e-6)
        parts.append(np.round(np.log(bounded / (1 - bounded)), 3))
    return np.column_stack([np.asarray(part, np.float64) for part in parts])


def _scaled(weights: Floats, total: float) -> Floats:
    """Weights that sum to ``total``."""
    have = weights.sum()
    return weights * (total / have) if have > 0 else weights


# ---- what is told ----------------------------------------------------------------------------------------------------


def _margins(people: Population, fit: Fit, fitted: Floats, options: WeightOptions) -> tuple[Margin, ...]:
    import numpy as np

    known = fit.rows >= 0
    found = []
    for column in people.columns:
        codes, target = column.codes[fit.rows[known]], _target(people, column, fit, options)
        counts = np.bincount(codes, minlength=target.size)
        sample = np.bincount(codes, weights=fit.capped[known], minlength=target.size) / fit.capped[known].sum()
        found += [Margin(column.name, level, int(count), float(have), float(want)) for level, count, have, want
                  in zip(column.levels, counts, sample, target, strict=True)]
    return tuple(found)


def _told(weights: Floats, units: NDArray[np.int64], method: str, people: Population, options: WeightOptions,
          off: float, unmatched: float, margins: tuple[Margin, ...]) -> Weighting:
    from evalloop import stats

    counted = weights > 0
    effect = stats.design_effect(weights) if counted.any() else 1.0
    return Weighting(
        method=method, estimand=_estimand(method, people, options), n=int(weights.size),
        users=len(set(units[counted].tolist())), quarantined=int((~counted).sum()),
        n_effective=float(counted.sum()) / effect, design_effect=effect,
        columns=tuple(column.name for column in people.columns) if method in ("rake", "ipw") else (), off=off,
        unmatched=unmatched, margins=margins)


def _estimand(method: str, people: Population, options: WeightOptions) -> str:
    heard = "share of the failures that were noticed"
    if method == "none":
        return f"{heard}, each counting the same"
    capped = f"each user counts at most {options.cap:g} in all" if options.cap else "no cap per user"
    if method == "cap":
        return f"{heard}; {capped}"
    base = ("declared shares" if options.margins else "as many failures as the vote-free score expects"
            if people.chances is not None else "as many failures as it has turns, for no failure score was learned yet")
    how = "each segment brought to" if method == "rake" else "weighted by who is heard, with"
    return f"share of all failures; {capped}; {how} {base}"


def _checked(options: WeightOptions, people: Population) -> WeightOptions:
    if options.method not in METHODS:
        raise ConfigError(f"no weighting method {options.method!r}", key="weighting",
                          fix=f"one of {', '.join(METHODS)}")
    if 0 < options.limit <= 1:
        raise ConfigError(f"no weight can stay below {options.limit:g} times the mean", key="weight_limit",
                          fix="give more than 1, or 0 for no limit")
    by_name = {column.name: column for column in people.columns}
    for name, shares in options.margins.items():
        missing = [level for level in by_name[name].levels if level not in shares] if name in by_name else []
        if name not in by_name or missing:
            what = f"no share for {', '.join(map(repr, missing))}" if missing else (
                f"there is no segment of that name; there are {', '.join(by_name) or 'none'}")
            raise ConfigError(f"margins of {name!r}: {what}", key="margins", fix="name every level of the segment")
    return options

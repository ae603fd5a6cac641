"""Weights of failures: account filter (before), cap per user, then raking or inverse probabilities of who is heard.

What is corrected: some segments complain more than others. What cannot be corrected by any weight: that one kind of
failure makes people click more than another. Only the random ask shows that (``Failure.random_weight``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import TYPE_CHECKING

from evalloop.errors import ConfigError
from evalloop.records.weighting import Margin, Weighting
from evalloop.signals.population import Column, Population

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

METHODS = ("auto", "none", "cap", "rake", "ipw")
TRIMS, SLACK = 20, 1e-9
"""Times that weights are raked and trimmed in turn, and by how much of it they may lie above the bound."""
LEAST = 30
"""Failures under which ``auto`` leaves segments alone: weights fitted to fewer are noise."""


@dataclass(frozen=True)
class WeightOptions:
    """``method`` is one of METHODS (auto: rake where the segments allow it, else cap). ``cap`` is what one user counts
    at most in all. ``limit``: no weight above so many times the mean, but for those of the random ask. ``margins`` are
    declared shares of all failures for the levels of a column, in place of the observed ones."""

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

    Failures of weight 0 keep it, and those in a level whose declared share is 0 get it. A user's failures share one
    cap, wherever they come from. Failures known only from the random ask are an arm of their own: what they count goes
    by the inverse of the ask's probability, which no limit bounds, and the arm as a whole counts as its users do.
    """

    options = _checked(options or WeightOptions(), people)
    weights, units = heard.weights.copy(), heard.units
    counted = weights > 0
    organic, asked = counted & ~heard.asked_only, counted & heard.asked_only
    weights[counted] = _capped(weights[counted], units[counted], options)
    margins: tuple[Margin, ...] = ()
    method, off, unmatched = _least(options), 0.0, 0.0
    people = _expected_anywhere(people, options)
    if organic.any():
        fit = Fit(_expected(people, heard.rows[organic], options), weights[organic])
        method = _method(options, people, fit)
        fitted, off, unmatched = _fitted(method, people, fit, options)
        weights[organic] = _scaled(fitted, fit.capped.sum())
        margins = _margins(people, fit, fitted, options) if method in ("rake", "ipw") else ()
    if asked.any():
        weights[asked] = _scaled(heard.design[asked] * weights[asked], weights[asked].sum())
    weights = _scaled(weights, float((weights > 0).sum()))
    return weights, _told(weights, heard, method, people, options, off, unmatched, margins)


# ---- the fits --------------------------------------------------------------------------------------------------------


def _capped(weights: Floats, units: NDArray[np.int64], options: WeightOptions) -> Floats:
    """The cap is on how often a user is heard; a user who counts less (a suspicious account) does so below the cap."""
    import numpy as np

    from evalloop import stats

    if _least(options) == "none":
        return weights
    capped: Floats = weights * stats.cap_per_unit(np.ones(weights.size), units.tolist(), options.cap)
    return capped


def _least(options: WeightOptions) -> str:
    """What is done without segments: the cap, unless there is none."""
    return "none" if options.method == "none" or not options.cap else "cap"


def _expected_anywhere(people: Population, options: WeightOptions) -> Population:
    """Without the columns in which no failure is expected, as where all accounts were set apart."""
    return replace(people, columns=tuple(column for column in people.columns if column.name in options.margins
                                         or people.expected(column).any()))


def _expected(people: Population, rows: NDArray[np.int64], options: WeightOptions) -> NDArray[np.int64]:
    """The rows, -1 where none of its sort is expected by the population and none was declared: nothing to weight by."""
    import numpy as np

    known = rows >= 0
    for column in people.columns:
        if column.name not in options.margins:
            known &= people.expected(column)[column.codes[rows]] > 0
    return np.where(known, rows, -1)


def _method(options: WeightOptions, people: Population, fit: Fit) -> str:
    """What can be done: without failures of known turns, or anything that tells turns apart, only the cap."""
    known, least = int((fit.rows >= 0).sum()), _least(options)
    if options.method == "auto":
        return "rake" if people.columns and known >= LEAST else least
    tells = bool(people.columns) or (options.method == "ipw" and people.chances is not None)
    return options.method if options.method in ("rake", "ipw") and known and tells else least


def _fitted(method: str, people: Population, fit: Fit, options: WeightOptions) -> tuple[Floats, float, float]:
    """(weights, largest miss of a margin, share of margins that nothing in the sample stands for)."""
    import numpy as np

    known = fit.rows >= 0
    if method not in ("rake", "ipw"):
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
    """Raked to the expected failures of each level and trimmed, in turn; the bound holds where both cannot."""
    from evalloop import stats

    known = fit.rows >= 0
    pairs = [(column.codes[fit.rows[known]], _target(people, column, options)) for column in people.columns]
    met = [(codes, target) for codes, target in pairs if target[codes].any()]
    if not met:
        return fit.capped[known], 0.0, 1.0
    weights, unmatched = fit.capped[known], float(len(met) < len(pairs))
    for _ in range(TRIMS):
        raked = stats.rake(weights, [codes for codes, _ in met], [target for _, target in met])
        if not raked.weights.any():
            raise ConfigError("no failure lies where all margins allow one", key="margins",
                              fix="give more than 0 to a level that they share, or leave one of them out")
        weights, unmatched = raked.weights, max(unmatched, raked.unmatched)
        if not options.limit or weights.max() <= options.limit * weights.mean() * (1 + SLACK):
            break
        weights = stats.trim(weights, options.limit)
    off = max(stats.rake(weights, [codes], [target], rounds=1).off for codes, target in met)
    return weights, off, unmatched


def _target(people: Population, column: Column, options: WeightOptions) -> Floats:
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
        codes, target = column.codes[fit.rows[known]], _target(people, column, options)
        counts = np.bincount(codes, minlength=target.size)
        sample = np.bincount(codes, weights=fit.capped[known], minlength=target.size) / fit.capped[known].sum()
        found += [Margin(column.name, level, int(count), float(have), float(want)) for level, count, have, want
                  in zip(column.levels, counts, sample, target, strict=True)]
    return tuple(found)


def _told(weights: Floats, heard: Heard, method: str, people: Population, options: WeightOptions,
          off: float, unmatched: float, margins: tuple[Margin, ...]) -> Weighting:
    from evalloop import stats

    counted = weights > 0
    effect = stats.design_effect(weights) if counted.any() else 1.0
    return Weighting(
        method=method, estimand=_estimand(method, people, options), n=int(weights.size),
        users=len(set(heard.units[counted].tolist())), quarantined=int((heard.weights <= 0).sum()),
        declared_none=int(((heard.weights > 0) & ~counted).sum()),
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
    base = "declared shares" if options.margins else _expectation(people)
    how = "each segment brought to" if method == "rake" else "weighted by who is heard, with"
    return f"share of all failures; {capped}; {how} {base}"


def _expectation(people: Population) -> str:
    """How many failures a segment is taken to have, and why not by the score."""
    if people.chances is not None:
        return "as many failures as the vote-free score expects"
    where = f"for surface {', '.join(people.unscored)}" if people.unscored else "yet"
    return f"as many failures as it has turns, for no failure score was learned {where}"


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
                f"no segment of that name tells turns apart; those that do: {', '.join(by_name) or 'none'}")
            raise ConfigError(f"margins of {name!r}: {what}", key="margins", fix="name every level of the segment")
        if not all(isfinite(share) and share >= 0 for share in shares.values()) or not sum(shares.values()):
            raise ConfigError(f"margins of {name!r}: shares are numbers from 0 on, and not all 0", key="margins",
                              fix="write COLUMN:LEVEL=SHARE, as plan:free=0.6")
    return options

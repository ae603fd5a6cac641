"""Pairing: the mean over repeats of each case under both variants, side by side, per cluster and overall."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evalloop.errors import RecordError, UsageError
from evalloop.report.columns import MEASURES, Columns, grouped

if TYPE_CHECKING:
    from evalloop.report.columns import Codes, Floats, Mask

SHOWN = 12


@dataclass(frozen=True)
class Pairs:
    """The cases of one cluster: ``cases`` are numbers into ``Paired.cases``; NaN in ``base`` or ``cand`` is missing.

    All arrays have one entry per case that appears under either variant. ``spread`` is what the repeats of a case tell
    of chance: the variance that they leave in its difference, and the one that a single repeat would (NaN: fewer than
    two repeats; None: no case has more). ``measures`` holds (base, cand) of what is known beside the score.
    """

    cluster: str | None
    cases: Codes
    base: Floats
    cand: Floats
    units: Codes | None
    spread: tuple[Floats, Floats] | None = None
    measures: Mapping[str, tuple[Floats, Floats]] = field(default_factory=dict)

    @property
    def complete(self) -> Mask:
        """Which cases have a score under both variants."""
        import numpy as np

        return np.isfinite(self.base) & np.isfinite(self.cand)

    @property
    def dropped(self) -> int:
        """How many cases lack a score under one or both variants."""
        return int((~self.complete).sum())


@dataclass(frozen=True)
class Paired:
    """All pairs of one comparison; ``clusters`` is sorted by name; ``homes`` numbers each case's cluster (-1: none)."""

    cases: list[Hashable]
    overall: Pairs
    clusters: tuple[Pairs, ...]
    homes: Codes
    missing: dict[str, int]

    def home(self, case: int) -> str | None:
        """The first cluster, by name, that a case is in."""
        number = int(self.homes[case])
        return None if number < 0 else self.clusters[number].cluster


def pair(columns: Columns, baseline: Hashable, candidate: Hashable) -> Paired:
    """Pairs the rows of the two variants; raises UsageError when one of them has no row."""
    import numpy as np

    variants, names = columns.coded("variant")
    sides = [_variant_number(names, each) for each in (baseline, candidate)]
    values = _values(columns)
    cases, case_names = columns.coded("case")
    units = _units(columns, cases, len(case_names))
    rows = np.isin(variants, sides)
    later = variants == sides[1]
    measures = {name: np.asarray(column, dtype=np.float64) for name in MEASURES
                if (column := getattr(columns, name)) is not None}
    table = _Rows(values, cases, later, units, measures)
    overall = rows & columns.overall_rows()
    clusters: tuple[Pairs, ...] = ()
    homes = np.full(len(case_names), -1, dtype=np.int64)
    if columns.cluster is not None:
        codes, cluster_names = columns.coded("cluster")
        named = np.array([name is not None for name in cluster_names])[codes] if cluster_names else rows
        clusters = tuple(table.by_cluster(rows & named, codes, cluster_names, len(case_names)))
        for number in range(len(clusters) - 1, -1, -1):
            homes[clusters[number].cases] = number
    zero = np.zeros(len(columns), dtype=np.int64)
    whole = next(table.by_cluster(overall, zero, [None], len(case_names)))
    return Paired(case_names, whole, clusters, homes, _missing(columns, overall, later, values, whole))


@dataclass(frozen=True)
class _Rows:
    values: Floats
    cases: Codes
    later: Mask
    units: Codes | None
    measures: Mapping[str, Floats]

    def by_cluster(self, rows: Mask, codes: Codes, names: list[Any], width: int) -> Iterator[Pairs]:
        """Pairs of each cluster by name, from the rows of both variants."""
        import numpy as np

        if not rows.any():
            return
        keys, inverse = grouped(codes[rows] * width + self.cases[rows], len(names) * width)
        sides = (~self.later[rows], self.later[rows])
        base, cand = (_means(inverse, self.values[rows], side, keys.size) for side in sides)
        spread = _spread(inverse, self.values[rows], sides, keys.size)
        measures = {name: [_means(inverse, column[rows], side, keys.size) for side in sides]
                    for name, column in self.measures.items()}
        cluster_of, case_of = keys // width, keys % width
        bounds = np.flatnonzero(np.diff(cluster_of)) + 1
        starts, ends = [0, *bounds.tolist()], [*bounds.tolist(), keys.size]
        spans = [(names[int(cluster_of[start])], slice(start, end)) for start, end in zip(starts, ends, strict=True)]
        for name, span in sorted(spans, key=lambda item: str(item[0])):
            units = None if self.units is None else self.units[case_of[span]]
            yield Pairs(None if name is None else str(name), case_of[span], base[span], cand[span], units,
                        spread and (spread[0][span], spread[1][span]),
                        {each: (old[span], new[span]) for each, (old, new) in measures.items()})


def _means(groups: Codes, values: Floats, side: Mask, count: int) -> Floats:
    """Mean of the finite values of each group on one side; NaN for a group without any."""
    import numpy as np

    use = side & np.isfinite(values)
    totals = np.bincount(groups[use], weights=values[use], minlength=count)
    sizes = np.bincount(groups[use], minlength=count)
    means: Floats = np.divide(totals, sizes, out=np.full(count, np.nan), where=sizes > 0)
    return means


def _spread(groups: Codes, values: Floats, sides: tuple[Mask, Mask], count: int) -> tuple[Floats, Floats] | None:
    """Variance of each group's difference that its repeats explain, and that of one repeat; None without repeats."""
    import numpy as np

    left, once = np.zeros(count), np.zeros(count)
    for side in sides:
        use = side & np.isfinite(values)
        sizes = np.bincount(groups[use], minlength=count)
        if sizes.max(initial=0) < 2:
            return None
        centred = values[use] - _means(groups, values, side, count)[groups[use]]
        squares = np.bincount(groups[use], weights=centred * centred, minlength=count)
        variance = np.divide(squares, sizes - 1, out=np.full(count, np.nan), where=sizes > 1)
        left, once = left + variance / np.maximum(sizes, 1), once + variance
    return left, once


def _values(columns: Columns) -> Floats:
    import numpy as np

    try:
        values = np.asarray(columns.value, dtype=np.float64)
    except (TypeError, ValueError):
        raise _not_a_number(columns) from None
    infinite = np.isinf(values)
    if infinite.any():
        row = int(np.flatnonzero(infinite)[0])
        raise RecordError(f"row {row + 1}: the value is infinite", fix="leave the value empty where there is no score")
    return values


def _not_a_number(columns: Columns) -> RecordError:
    for row, value in enumerate(columns.value):
        try:
            float(value if value is not None else 0)
        except (TypeError, ValueError):
            return RecordError(f"row {row + 1}: the value {str(value)[:60]!r} is not a number",
                               fix="name the column of the scores with --value")
    return RecordError("the values are not numbers", fix="name the column of the scores with --value")


def _variant_number(names: list[Any], wanted: Hashable) -> int:
    if wanted in names:
        return names.index(wanted)
    from difflib import get_close_matches

    known = sorted(str(name) for name in names)
    near = [name for name in known if str(wanted).lower() in name.lower()]
    close = near[:3] or get_close_matches(str(wanted), known, n=1)
    hint = f"did you mean {' or '.join(map(repr, close))}? " if close else ""
    more = f" and {len(known) - SHOWN} more" if len(known) > SHOWN else ""
    raise UsageError(f"no row of variant {wanted!r}", fix=f"{hint}variants: {', '.join(known[:SHOWN]) or 'none'}{more}")


def _units(columns: Columns, cases: Codes, count: int) -> Codes | None:
    """One unit number per case: that of its first row; a case without a unit is a unit of its own."""
    import numpy as np

    if columns.unit is None or all(unit is None for unit in columns.unit):
        return None
    codes, names = columns.coded("unit")
    alone = np.array([name is None for name in names])[codes]
    codes = np.where(alone, len(names) + cases, codes)
    units = np.empty(count, dtype=np.int64)
    units[cases[::-1]] = codes[::-1]
    return units


def _missing(columns: Columns, rows: Mask, later: Mask, values: Floats, whole: Pairs) -> dict[str, int]:
    """What is missing and why: rows in error, rows without a score, and cases that only one variant has."""
    import numpy as np

    counts = {}
    broken = np.zeros(len(columns), dtype=bool)
    if columns.state is not None:
        broken = np.fromiter((state != "ok" for state in columns.state), dtype=bool, count=len(columns))
    for side, mask, scores in (("baseline", ~later, whole.base), ("candidate", later, whole.cand)):
        use = rows & mask
        counts[f"{side} errors"] = int((use & broken).sum())
        counts[f"{side} unscored"] = int((use & ~broken & np.isnan(values)).sum())
        counts[f"{side} cases without a score"] = int(np.isnan(scores).sum())
    return {name: count for name, count in counts.items() if count}

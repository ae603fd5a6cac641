"""Rows that say twice what may be said once: found in the whole table, never averaged in silence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalloop.errors import RecordError, RecordErrors, UsageError
from evalloop.printable import many, one_line
from evalloop.report.columns import DENSE, Columns

if TYPE_CHECKING:
    from evalloop.report.columns import Codes

POLICIES = ("error", "mean", "first")
SHOWN = 20


@dataclass(frozen=True)
class Duplicates:
    """The second and later rows of each (case, variant, repeat); ``rows`` and ``firsts`` are numbers from 0."""

    rows: tuple[int, ...]
    firsts: tuple[int, ...]
    variants: tuple[tuple[Hashable, int], ...]
    contradicting: int

    def __len__(self) -> int:
        return len(self.rows)

    def describe(self) -> str:
        """How many there are, of which variants, and how many contradict the first row of their key."""
        holders = ", ".join(f"{one_line(str(name))} {count}" for name, count in self.variants[:SHOWN])
        more = f" and {many(len(self.variants) - SHOWN, 'more variant')}" if len(self.variants) > SHOWN else ""
        return (f"{many(len(self), 'duplicate row')} (same case, variant and repeat) in "
                f"{many(len(self.variants), 'variant')}: "
                f"{holders}{more}; {self.contradicting} of them contradict the first row of their key")


def find(columns: Columns) -> Duplicates:
    """The duplicates of the whole table. Rows for a cluster and rows for the whole case are counted apart."""
    import numpy as np

    keys, size = _keys(columns)
    if size <= DENSE * keys.size and np.bincount(keys, minlength=1).max() <= 1:
        return Duplicates((), (), (), 0)
    order = np.argsort(keys, kind="stable")
    fresh = np.ones(keys.size, dtype=bool)
    fresh[1:] = keys[order][1:] != keys[order][:-1]
    starts = order[np.flatnonzero(fresh)]
    first_of = np.empty(keys.size, dtype=np.int64)
    first_of[order] = starts[np.cumsum(fresh) - 1] if keys.size else starts
    later = np.sort(order[~fresh])
    firsts = first_of[later]
    holders = Counter(columns.variant[row] for row in later.tolist())
    differ = sum(columns.value[row] != columns.value[first]
                 for row, first in zip(later.tolist(), firsts.tolist(), strict=True))
    ranked = sorted(holders.items(), key=lambda item: (-item[1], str(item[0])))
    return Duplicates(tuple(later.tolist()), tuple(firsts.tolist()), tuple(ranked), differ)


def resolve(columns: Columns, variants: Sequence[Hashable], policy: str,
            place: str = "") -> tuple[Columns, tuple[str, ...]]:
    """The table without duplicates among the compared variants, and what to tell the reader.

    ``error`` refuses them, ``first`` keeps the first row of a key, ``mean`` keeps all (pairing averages them).
    Duplicates of other variants cannot touch the comparison: they are named, not refused.
    """
    if policy not in POLICIES:
        raise UsageError(f"unknown way {policy!r} to treat duplicates", fix=f"one of {', '.join(POLICIES)}")
    found = find(columns)
    if not found:
        return columns, ()
    compared = [row for row in found.rows if columns.variant[row] in variants]
    if not compared:
        return columns, (f"{found.describe()}; none of them belongs to the variants compared",)
    if policy == "error":
        raise _refusal(columns, found, compared, place)
    told = "the first row of each key was used" if policy == "first" else "their mean was used"
    kept = columns.take(sorted(set(range(len(columns))) - set(found.rows))) if policy == "first" else columns
    return kept, (f"{found.describe()}; {_belong(compared)}: {told}",)


def _belong(compared: Sequence[int]) -> str:
    return f"{len(compared)} {'belongs' if len(compared) == 1 else 'belong'} to the variants compared"


def _refusal(columns: Columns, found: Duplicates, compared: list[int], place: str) -> RecordErrors:
    first_of = dict(zip(found.rows, found.firsts, strict=True))
    errors = [RecordError(f"row {row + 1} repeats row {first_of[row] + 1}: {_key(columns, row)}", file=place)
              for row in compared[:SHOWN]]
    hidden = f" ({len(compared) - SHOWN} more of the compared variants are not listed)" if len(compared) > SHOWN else ""
    errors.append(RecordError(
        f"{found.describe()}; {_belong(compared)}{hidden}", file=place,
        fix="name the column that tells runs apart with --repeat, or choose --duplicates mean or --duplicates first"))
    return RecordErrors(errors)


def _key(columns: Columns, row: int) -> str:
    repeat = f", repeat {columns.repeat[row]!r}" if columns.repeat is not None else ""
    return one_line(f"case {columns.case[row]!r}, variant {columns.variant[row]!r}{repeat}", limit=200)


def _keys(columns: Columns) -> tuple[Codes, int]:
    """One number per row that two rows share exactly when they say the same thing twice, and how many there may be."""
    import numpy as np

    keys, cases = columns.coded("case")
    size = len(cases)
    parts = ["variant"] if columns.repeat is None else ["variant", "repeat"]
    if not columns.overall_rows().all():
        parts.append("cluster")
    for part in parts:
        codes, names = columns.coded(part)
        keys, size = keys * len(names) + codes, size * len(names)
        if size > 2**62:
            keys = np.unique(keys, return_inverse=True)[1].astype(np.int64)
            size = len(columns)
    return keys, size

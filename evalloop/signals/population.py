"""The turns that failures come from, as arrays: in which segment, and how likely they let their users down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NONE, SEPARATOR = "(none)", "\x1f"
MOST_LEVELS = 50
"""A key of the segment with more values than this is no segment (an id, a free text)."""


@dataclass(frozen=True)
class Column:
    """One property of all turns: ``codes`` (turns,) number the ``levels``."""

    name: str
    codes: NDArray[np.int64]
    levels: tuple[str, ...]


@dataclass(frozen=True)
class Population:
    """``size`` rows, each a turn or ``mass`` turns that are alike. ``chances`` (rows,) is the vote-free probability of
    failure, None where not all turns have a score; ``unscored`` are then the surfaces that have none, where others do.
    """

    size: int
    columns: tuple[Column, ...]
    chances: NDArray[np.float64] | None = None
    mass: NDArray[np.float64] | None = None
    unscored: tuple[str, ...] = ()

    def turns(self) -> NDArray[np.float64]:
        """How many turns each row stands for."""
        import numpy as np

        return np.ones(self.size) if self.mass is None else self.mass

    def expected(self, column: Column) -> NDArray[np.float64]:
        """Expected number of failures (of turns, where no score says it) at each level of ``column``."""
        import numpy as np

        mass = self.turns() * (1.0 if self.chances is None else self.chances)
        return np.bincount(column.codes, weights=mass, minlength=len(column.levels)).astype(np.float64)


def population_of(cells: Sequence[Mapping[str, Any]]) -> Population:
    """The turns with an answer, as the engine counted them (``scored.cells``).

    Columns are the surface and the keys of the users' segments that tell turns apart.
    """
    import numpy as np

    segments = [dict(zip(cell["keys"].split(SEPARATOR), cell["values"].split(SEPARATOR), strict=False))
                if cell["keys"] else {} for cell in cells]
    named: dict[str, list[str]] = {"surface": [cell["surface"] for cell in cells]}
    for key in sorted({key for each in segments for key in each}):
        named[key if key != "surface" else "segment.surface"] = [each.get(key, NONE) for each in segments]
    columns = tuple(found for name, values in named.items() if (found := _column(name, values)))
    blind = [cell["blind"] for cell in cells]
    without = {cell["surface"] for cell in cells if cell["blind"] is None}
    some = any(each is not None for each in blind)
    return Population(len(cells), columns, np.array(blind) if some and not without else None,
                      np.array([cell["kept"] for cell in cells], np.float64), tuple(sorted(without)) if some else ())


def _column(name: str, values: Sequence[str]) -> Column | None:
    """None for a column that tells nothing (one level) or too much."""
    import numpy as np

    levels, codes = np.unique(np.array(values, dtype=object).astype(str), return_inverse=True)
    if not 1 < len(levels) <= MOST_LEVELS:
        return None
    return Column(name, codes.astype(np.int64), tuple(str(level) for level in levels))

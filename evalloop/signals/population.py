"""The turns that failures come from, as arrays: who, in which segment, and how likely each let its user down."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalloop.records.turn import Turn

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

NONE = "(none)"
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
    """``size`` turns, one row each. ``chances`` (turns,) is the vote-free probability of failure, None without a score.

    ``rows`` gives the row of a response id.
    """

    size: int
    rows: Mapping[str, int]
    columns: tuple[Column, ...]
    chances: NDArray[np.float64] | None = None

    def expected(self, column: Column, kept: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
        """Expected number of failures (of turns, where no score says it) at each level of ``column``."""
        import numpy as np

        mass = np.ones(column.codes.size) if self.chances is None else self.chances
        mass = mass if kept is None else np.where(kept, mass, 0.0)
        return np.bincount(column.codes, weights=mass, minlength=len(column.levels)).astype(np.float64)


def population(turns: Sequence[Turn], chances: Mapping[str, float] | None = None) -> Population:
    """The turns with an answer; columns are the surface and the keys of the users' segments that tell turns apart."""
    import numpy as np

    counted = [turn for turn in turns if turn.generation is not None]
    cells: dict[str, list[str]] = {"surface": [surface_of(turn) for turn in counted]}
    for key in sorted({key for turn in counted for key in _segment(turn)}):
        cells[key if key != "surface" else "segment.surface"] = [_segment(turn).get(key, NONE) for turn in counted]
    columns = tuple(found for name, values in cells.items() if (found := _column(name, values)))
    likely = None if chances is None else np.array([chances[turn.response_id] for turn in counted])
    return Population(len(counted), {turn.response_id: row for row, turn in enumerate(counted)}, columns, likely)


def surface_of(turn: Turn) -> str:
    """Where in the product the answer was shown."""
    return str(turn.generation.context.get("surface") or NONE) if turn.generation else NONE


def _segment(turn: Turn) -> dict[str, str]:
    given = turn.generation.actor.get("segment") if turn.generation else None
    return {str(key): str(value) for key, value in given.items()} if isinstance(given, Mapping) else {}


def _column(name: str, values: Sequence[str]) -> Column | None:
    """None for a column that tells nothing (one level) or too much."""
    import numpy as np

    levels, codes = np.unique(np.array(values, dtype=object).astype(str), return_inverse=True)
    if not 1 < len(levels) <= MOST_LEVELS:
        return None
    return Column(name, codes.astype(np.int64), tuple(str(level) for level in levels))

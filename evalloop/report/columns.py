"""Results as columns: what pairing works on, made from Score records or from a table."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any

from evalloop.records.report import Score

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Codes = NDArray[np.int64]
    Floats = NDArray[np.float64]
    Mask = NDArray[np.bool_]

MEASURES = ("length", "cost", "latency")
"""What is known of an answer beside its score; a column that knows nothing is None."""
DENSE = 4  # so many times as many possible keys as rows may be counted in an array
MANY = 50_000  # below this many texts a dict is faster than loading pyarrow


@dataclass(frozen=True)
class Columns:
    """One entry per row in every list. ``cluster`` None marks a row that carries the whole case's score.

    ``value`` None is "not scored"; ``state`` says why: ok (unscored), error or missing.
    """

    case: Sequence[Hashable]
    variant: Sequence[Hashable]
    value: Sequence[float | None]
    cluster: Sequence[Hashable | None] | None = None
    repeat: Sequence[Hashable] | None = None
    unit: Sequence[Hashable | None] | None = None
    state: Sequence[str] | None = None
    passed: Sequence[bool | None] | None = None
    length: Sequence[float | None] | None = None
    cost: Sequence[float | None] | None = None
    latency: Sequence[float | None] | None = None
    _coded: dict[str, tuple[Codes, list[Any]]] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of(cls, scores: Iterable[Score]) -> Columns:
        """The columns of Score records."""
        rows = list(scores)
        return cls(case=[row.case for row in rows], variant=[row.variant for row in rows],
                   value=[row.value for row in rows], cluster=[row.cluster for row in rows],
                   repeat=[row.repeat for row in rows], unit=[row.unit for row in rows],
                   state=[row.state for row in rows], passed=[row.passed for row in rows],
                   **{name: _known([getattr(row, name) for row in rows]) for name in MEASURES})

    def __len__(self) -> int:
        return len(self.case)

    def take(self, rows: Sequence[int] | NDArray[Any]) -> Columns:
        """Only these rows, in this order."""
        kept = [int(row) for row in rows]
        given = {each.name: getattr(self, each.name) for each in fields(self) if each.init}
        lists: dict[str, Any] = {name: [values[row] for row in kept]
                                 for name, values in given.items() if values is not None}
        return replace(self, **lists)

    def coded(self, name: str) -> tuple[Codes, list[Any]]:
        """The column of that name, which must be there, as ``factorize`` gives it; worked out once."""
        if name not in self._coded:
            self._coded[name] = factorize(getattr(self, name))
        return self._coded[name]

    def overall_rows(self) -> Mask:
        """The rows that make up the overall comparison: those without a cluster, or all when every row has one."""
        import numpy as np

        if self.cluster is None or None not in self.cluster:
            return np.ones(len(self), dtype=bool)
        return np.fromiter((each is None for each in self.cluster), dtype=bool, count=len(self))


def _known(values: list[float | None]) -> list[float | None] | None:
    return values if any(value is not None for value in values) else None


def factorize(values: Iterable[Any]) -> tuple[Codes, list[Any]]:
    """(codes, names): the distinct values in order of appearance, and the number of each entry's value."""
    import numpy as np

    listed = list(values)
    if len(listed) >= MANY and {str, type(None)}.issuperset(map(type, listed)):
        with suppress(UnicodeEncodeError):
            return _factorize_texts(listed)
    names = list(dict.fromkeys(listed))
    number = {name: code for code, name in enumerate(names)}
    return np.fromiter(map(number.__getitem__, listed), dtype=np.int64, count=len(listed)), names


def _factorize_texts(texts: list[str | None]) -> tuple[Codes, list[Any]]:
    """The same by Arrow's dictionary encoding; raises UnicodeEncodeError for half a surrogate pair."""
    import numpy as np
    import pyarrow as pa

    coded = pa.array(texts, pa.large_string()).dictionary_encode(null_encoding="encode")
    return coded.indices.to_numpy().astype(np.int64), coded.dictionary.to_pylist()


def grouped(keys: Codes, size: int) -> tuple[Codes, Codes]:
    """(the distinct keys in order, the number of each entry's key) for keys from 0 to ``size`` - 1.

    Counting where there are not many more possible keys than entries, else sorting.
    """
    import numpy as np

    if size > DENSE * keys.size:
        distinct, inverse = np.unique(keys, return_inverse=True)
        return distinct, inverse
    there = np.bincount(keys, minlength=size) > 0
    return np.flatnonzero(there), (np.cumsum(there) - 1)[keys]

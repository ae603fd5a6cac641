"""Which waiting events the lake has already. Each part is read once, however many events wait."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from evalloop.store.lake import Lake, Part

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa


def twins(lake: Lake, parts: Sequence[Part], ids: Iterable[str],
          names: Sequence[str] = ("event_id",)) -> Iterator[tuple[Part, pa.Table]]:
    """Of each part that has any of these ids its rows with them (some of their columns).

    Ids are compared by their hashes, eight bytes for each that waits: a row of another id is possible, though it is
    next to never seen, so whoever acts on a row compares the id itself.
    """
    import numpy as np
    import pyarrow as pa

    wanted = np.fromiter(map(hash, ids), np.int64)
    wanted.sort()
    for part in parts if len(wanted) else ():
        own = lake.folder.read(part.path, ["event_id"]).column("event_id").to_pylist()
        hits = _among(wanted, np.fromiter(map(hash, own), np.int64, len(own)))
        if hits.any():
            yield part, lake.folder.read(part.path, names).filter(pa.array(hits))


def _among(wanted: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Which values are in a sorted array."""
    import numpy as np

    places = np.searchsorted(wanted, values)
    found: np.ndarray = wanted[np.minimum(places, len(wanted) - 1)] == values
    return found

"""What the lake holds already of rows that are imported: each of its parts is read once, and only of the rows' days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evalloop.store.body import Row, same_fact
from evalloop.store.inbox import ALREADY, CONFLICT
from evalloop.store.lake import Lake, Part
from evalloop.store.twins import twins

if TYPE_CHECKING:
    import numpy as np

KEPT = 10_000_000
"""Events of the lake whose ids are remembered at once, at 24 bytes each."""


@dataclass
class _Known:
    """The hashes of a part's ids, sorted, their places in the part, and once needed the hashes of its bodies."""

    ids: np.ndarray
    places: np.ndarray
    bodies: np.ndarray | None = None


class Held:
    """Says of rows what would become of them by what the lake holds."""

    def __init__(self, lake: Lake) -> None:
        self._lake = lake
        self._known: dict[str, _Known] = {}
        self._events = 0

    def fates(self, rows: Sequence[Row]) -> list[str | None]:
        """``already`` or ``conflict`` for each row whose id the lake has on the row's day, None for the others."""
        fates: list[str | None] = [None] * len(rows)
        by_day: dict[str, list[int]] = {}
        for place, row in enumerate(rows):
            by_day.setdefault(row.occurred_at[:10], []).append(place)
        for part in self._lake.parts(min(by_day), max(by_day)) if by_day else ():
            self._look(part, rows, by_day.get(part.day, ()), fates)
        return fates

    def _look(self, part: Part, rows: Sequence[Row], places: Sequence[int], fates: list[str | None]) -> None:
        """Marks the rows that a part holds; where hashes differ, the bodies themselves are compared."""
        import numpy as np

        if not places:
            return
        known = self._of(part)
        wanted = np.fromiter((hash(rows[place].event_id) for place in places), np.int64, len(places))
        at = np.minimum(np.searchsorted(known.ids, wanted), len(known.ids) - 1)
        hits: list[int] = np.flatnonzero(known.ids[at] == wanted).tolist()
        if not hits:
            return
        bodies, unsure = self._bodies(part, known), []
        for hit in hits:
            place = places[hit]
            if bodies[known.places[at[hit]]] == hash(rows[place].body):
                fates[place] = ALREADY
            else:
                unsure.append(place)
        if unsure:
            self._compare(part, rows, unsure, fates)

    def _compare(self, part: Part, rows: Sequence[Row], places: Sequence[int], fates: list[str | None]) -> None:
        names = {rows[place].event_id for place in places}
        for _, found in twins(self._lake, [part], names, ("event_id", "body")):
            held = dict(zip(found.column("event_id").to_pylist(), found.column("body").to_pylist(), strict=True))
            for place in places:
                body = held.get(rows[place].event_id)
                if body is not None:
                    fates[place] = ALREADY if same_fact(body, rows[place].body) else CONFLICT

    def _of(self, part: Part) -> _Known:
        import numpy as np

        if part.path not in self._known:
            if self._events + part.rows > KEPT:
                self._known, self._events = {}, 0
            ids = self._hashes(part, "event_id")
            order = np.argsort(ids)
            self._known[part.path] = _Known(ids[order], order)
            self._events += part.rows
        return self._known[part.path]

    def _bodies(self, part: Part, known: _Known) -> np.ndarray:
        if known.bodies is None:
            known.bodies = self._hashes(part, "body")
        return known.bodies

    def _hashes(self, part: Part, name: str) -> np.ndarray:
        import numpy as np

        values = self._lake.folder.read(part.path, [name]).column(name).to_pylist()
        return np.fromiter(map(hash, values), np.int64, len(values))

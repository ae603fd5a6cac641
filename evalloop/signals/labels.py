"""The turns that were judged, with what their users did, as arrays: what a fused score is fitted on.

Label and features are sums of the engine in whole millionths, so that they are the same in every order and on every
engine. Only judged turns leave it, as Arrow.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evalloop import engine as door
from evalloop.signals.heard import MILLION, reviewed
from evalloop.signals.population import NONE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evalloop.contracts import Evidence
    from evalloop.engine import Engine
    from evalloop.signals.heard import Floats, Rows

Table = Any
LABELS = ("thumbs", "rating", "correction", "outcome")
"""The detectors that say how good an answer was; what other explicit ones say is no label."""
FOLDS = 5


@dataclass(frozen=True, eq=False)
class Labelled:
    """The n turns that have a label, by response id, and the f features that speak of them.

    ``table`` (n, f) is how much each of ``names`` (f, sorted; ``DETECTOR+`` or ``DETECTOR-``) says, ``bad`` (n,) 1 for
    a turn that let its user down and 0 for a good one. ``units`` (n,) number the users (else sessions, else responses),
    whose turns all lie in one of the ``folds`` (n,). ``surfaces`` (n,) number the ``surface_names`` (sorted).
    """

    names: tuple[str, ...]
    table: Floats
    bad: Floats
    units: Rows
    folds: Rows
    surfaces: Rows
    surface_names: tuple[str, ...]

    @property
    def users(self) -> int:
        """How many units there are."""
        import numpy as np

        return len(np.unique(self.units))

    def by_surface(self) -> Iterator[tuple[str, Labelled]]:
        """All turns together (surface ""), then those of each surface where there are several; nothing of no turns."""
        if len(self.bad):
            yield "", self
        if len(self.surface_names) > 1:
            yield from ((name, self._only(self.surfaces == code)) for code, name in enumerate(self.surface_names))

    def _only(self, rows: NDArray[np.bool_]) -> Labelled:
        """Some of the turns, and the features that speak of one of them."""
        import numpy as np

        table = self.table[rows]
        spoke = np.flatnonzero(np.count_nonzero(table, axis=0))
        return replace(self, names=tuple(self.names[place] for place in spoke), table=table[:, spoke],
                       bad=self.bad[rows], units=self.units[rows], folds=self.folds[rows], surfaces=self.surfaces[rows])


def labelled(evidence: Evidence, judged: Table) -> Labelled:
    """The labelled turns of the evidence; ``judged`` are signals as ``scored.judged_apart`` gives them."""
    import numpy as np

    engine = evidence.engine
    turns = engine.keep(labelled_turns(evidence, judged))
    found = engine.arrow(turns.select("row", "bad", "unit", "surface"))
    row, bad, unit, surface = (found.column(name).to_numpy().astype(np.int64) for name in found.column_names)
    order = np.argsort(row)
    names, table = _table(engine, said_of(turns, judged), len(row))
    surfaces = engine.records(turns.select("surface", "surface_name").distinct().order_by("surface"))
    return Labelled(names, table, bad[order].astype(np.float64), unit[order], _folds(engine, turns)[unit[order]],
                    surface[order], tuple(each["surface_name"] for each in surfaces))


# ---- expressions -----------------------------------------------------------------------------------------------------


def labelled_turns(evidence: Evidence, judged: Table) -> Table:
    """The turns with a label, numbered by ``row``: (response_id, bad, unit_name, surface_name, row, unit, surface).

    A label is what votes, corrections, outcomes and reviewers say together; where they cancel out there is none.
    """
    ibis = door.ibis
    counts = judged.detector.split("@")[0].isin(LABELS) & (judged.kind != "implicit")
    said = judged.filter(counts).select("response_id", "value").union(reviewed(evidence))
    sums = said.group_by("response_id").aggregate(value=said.value.sum().cast("int64"))
    turns = evidence.turns.select("response_id", "user_key", "session_id", "surface").inner_join(
        sums.filter(sums.value != 0), "response_id")
    told = turns.select(
        "response_id", bad=ibis.ifelse(turns.value < 0, 1, 0).cast("int64"), surface_name=ibis.coalesce(
            turns.surface.nullif(""), NONE),
        unit_name=ibis.coalesce(turns.user_key.nullif(""), turns.session_id.nullif(""), turns.response_id))
    return told.mutate(row=ibis.row_number().over(ibis.window(order_by=told.response_id)),
                       unit=ibis.dense_rank().over(ibis.window(order_by=told.unit_name)),
                       surface=ibis.dense_rank().over(ibis.window(order_by=told.surface_name)))


def featured(judged: Table) -> Table:
    """The signals of what users did that count, each with its ``feature``: ``DETECTOR+`` for the answer, or
    ``DETECTOR-``."""
    silent = judged.filter((judged.kind == "implicit") & (judged.value != 0))
    return silent.mutate(feature=silent.detector + door.ibis.ifelse(silent.value > 0, "+", "-"))


def said_of(turns: Table, judged: Table) -> Table:
    """(row, feature, value): how much each feature says of each of the ``labelled_turns``, in millionths."""
    said = featured(judged).inner_join(turns.select("response_id", "row"), "response_id")
    return said.group_by("row", "feature").aggregate(value=said.value.abs().sum().cast("int64"))


# ---- arrays ----------------------------------------------------------------------------------------------------------


def _table(engine: Engine, said: Table, size: int) -> tuple[tuple[str, ...], Floats]:
    """(names, table) of what was said, filled batch by batch."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    said = engine.keep(said)
    names = sorted(row["feature"] for row in engine.records(said.select("feature").distinct()))
    table = np.zeros((size, len(names)))
    for batch in engine.batches(said):
        places = pc.index_in(batch.column("feature"), pa.array(names, pa.string()))
        table[batch.column("row").to_numpy(), places.to_numpy()] = batch.column("value").to_numpy() / MILLION
    return tuple(names), table


def _folds(engine: Engine, turns: Table) -> Rows:
    """The fold of each unit, by its name alone: it stays when other turns come. Of the names a batch is in memory."""
    import numpy as np

    units = engine.keep(turns.select("unit", "unit_name").distinct())
    folds = np.empty(engine.count(units), np.int64)
    for batch in engine.batches(units):
        folds[batch.column("unit").to_numpy()] = [_fold(name) for name in batch.column("unit_name").to_pylist()]
    return folds


def _fold(name: str) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest(), 16) % FOLDS

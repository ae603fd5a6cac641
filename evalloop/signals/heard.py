"""What detectors say of all turns, as arrays: the engine counts, Python sees numbers and no texts."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalloop import engine as door

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evalloop.contracts import Evidence

    Rows = NDArray[np.int64]
    Floats = NDArray[np.float64]

Table = Any
NONE = "(none)"
DIGITS = 9
"""Sums are rounded to so many digits: engines add in any order."""
MILLION = 1_000_000
"""Values are whole millionths where their sums must be the same in every order."""


@dataclass(frozen=True, eq=False)
class TurnRows:
    """All turns (n of them), numbered from 0 by ``table`` (response_id, row).

    ``answered`` (n,): whether the generation is there; ``sessions`` and ``units`` (n,) number the sessions and the
    independent units (the user, else the session). ``users`` counts the known users of answered turns.
    """

    table: Table
    answered: NDArray[np.bool_]
    sessions: Rows
    units: Rows
    users: int

    @classmethod
    def of(cls, evidence: Evidence) -> TurnRows:
        """The turns of the evidence."""
        import numpy as np

        ibis, engine, turns = door.ibis, evidence.engine, evidence.turns
        unit = ibis.coalesce(turns.user_key, turns.session_id)
        numbered = engine.keep(turns.select(
            "response_id", "event_id", "user_key",
            row=ibis.row_number().over(ibis.window(order_by=turns.response_id)),
            session=ibis.dense_rank().over(ibis.window(order_by=turns.session_id)),
            unit=ibis.dense_rank().over(ibis.window(order_by=unit))))
        found = engine.arrow(numbered.select("row", "session", "unit", answered=numbered.event_id.notnull()))
        order = np.argsort(found.column("row").to_numpy())
        users = engine.first(numbered.filter(numbered.event_id.notnull()).aggregate(n=numbered.user_key.nunique()))["n"]
        return cls(numbered.select("response_id", "row"), found.column("answered").to_numpy()[order],
                   found.column("session").to_numpy()[order].astype(np.int64),
                   found.column("unit").to_numpy()[order].astype(np.int64), int(users))


@dataclass(frozen=True, eq=False)
class Heard:
    """What one detector says: ``sums`` (k,) of polarity x weight on the turns ``rows`` (k,), rising."""

    rows: Rows
    sums: Floats
    signals: int = 0
    users: int = 0
    quarantined: int = 0

    def on(self, size: int) -> NDArray[np.bool_]:
        """(size,): the turns that it speaks of."""
        import numpy as np

        spoke = np.zeros(size, bool)
        spoke[self.rows] = True
        return spoke

    def values(self, size: int) -> Floats:
        """(size,): the sum on each turn, 0 where it is silent."""
        import numpy as np

        found = np.zeros(size)
        found[self.rows] = self.sums
        return found


def heard(evidence: Evidence, turns: TurnRows, signals: Table) -> Heard:
    """The signals of one detector, or of several together, by turn."""
    engine = evidence.engine
    sums = signals.group_by("response_id").aggregate(value=(signals.polarity * signals.weight).sum())
    counts = engine.first(signals.aggregate(
        n=signals.count(), users=signals.user_key.nunique(),
        apart=door.ibis.ifelse(signals.weight == 0, 1, 0).sum().fill_null(0)))
    rows, values = by_row(evidence, turns, sums)
    return Heard(rows, values, int(counts["n"]), int(counts["users"]), int(counts["apart"]))


def reviewers(evidence: Evidence, turns: TurnRows) -> Heard:
    """The reviewers' mean score of each turn that has one, from -0.5 (bad) to 0.5 (good)."""
    found = reviewed(evidence)
    return Heard(*by_row(evidence, turns, found.select("response_id", value=found.value / MILLION)))


def reviewed(evidence: Evidence) -> Table:
    """(response_id, value): the same by response, in whole millionths; scores beyond [0, 1] are left out."""
    judged = evidence.of_type("judgment.result")
    judged = judged.filter((judged.source_kind == "reviewer") & judged.value.between(0, 1))
    score = (judged.value * MILLION).round().cast("int64")
    sums = judged.group_by("response_id").aggregate(total=score.sum().cast("int64"), n=judged.count())
    return sums.select("response_id", value=(sums.total / sums.n).round().cast("int64") - MILLION // 2)


def by_row(evidence: Evidence, turns: TurnRows, values: Table) -> tuple[Rows, Floats]:
    """``value`` by ``response_id`` as (rows, values), rising by row."""
    import numpy as np

    joined = values.inner_join(turns.table, "response_id").select("row", value=values.value.cast("float64"))
    found = evidence.engine.arrow(joined)
    rows = found.column("row").to_numpy().astype(np.int64)
    order = np.argsort(rows)
    return rows[order], np.round(found.column("value").to_numpy(), DIGITS)[order]


def groups(evidence: Evidence, turns: TurnRows, by: str) -> tuple[Rows, list[str]]:
    """(n,) numbers of the values that answers have for a key of their context, and the values, sorted."""
    import numpy as np

    own = evidence.turns
    if by in own.columns and own[by].type().is_string():
        told = own.select("response_id", value=own[by])
        rows = ((row["row"], row["value"]) for row in evidence.engine.records(
            told.inner_join(turns.table, "response_id").select("row", "value")))
    else:
        rows = _from_bodies(evidence, turns, by)
    values: dict[str, int] = {}
    codes = np.zeros(len(turns.answered), np.int64)
    for row, value in rows:
        codes[row] = values.setdefault(NONE if value is None else str(value), len(values))
    names = sorted(values)
    place = np.array([names.index(name) for name in values] or [0])
    return place[codes], names


def _from_bodies(evidence: Evidence, turns: TurnRows, by: str) -> Any:
    """(row, value) of a key that has no column of its own."""
    own = evidence.turns.select("response_id", "event_id").inner_join(turns.table, "response_id")
    bodies = own.left_join(evidence.events.select("event_id", "body"), "event_id").select("row", "body")
    for row in evidence.engine.records(bodies):
        context = json.loads(row["body"]).get("context", {}) if row["body"] else {}
        yield row["row"], context.get(by)

"""The failures of all turns as the engine counts them: who told of each, by which random ask, what it counts in shares.

Ids and numbers leave the engine as Arrow, weights come back; no text does and nothing is a record.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from evalloop import engine as door
from evalloop.signals.asks import answers_to_asks
from evalloop.signals.population import population_of
from evalloop.signals.scored import cells, set_aside, with_segment
from evalloop.signals.weighting import Heard, WeightOptions, weights_of

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from evalloop.contracts import Evidence
    from evalloop.engine import Engine
    from evalloop.records.account import Account
    from evalloop.records.weighting import Weighting

Table = Any
CELL = ("surface", "keys", "values", "blind")


def noticed(evidence: Evidence, failed: Table, judged: Table, threshold: float) -> Table:
    """One row for each turn that ``failed`` (see ``scored.failing``), kept.

    ``teller`` is the user of the first signal against it (of accounts that count in full before others, of these
    explicit ones first), else the turn's; ``at_us`` the time of
    the last such signal, else the turn's; ``design`` 1 / the probability of the random ask that a signal against it
    answers, or an earlier vote of its user, else 0; ``asked_only`` whether it would be no failure without that ask.
    """
    ibis, engine = door.ibis, evidence.engine
    against = engine.keep(_against(failed, judged))
    ids = against.select("response_id", event=against.event_ids.unnest())
    asks = answers_to_asks(evidence)
    chances = ids.inner_join(asks, ids.event == asks.ask_event).group_by("response_id").aggregate(
        chance=ibis._.chance.max())
    rows = failed.left_join(_told(against), "response_id").drop("response_id_right")
    rows = rows.left_join(chances, "response_id").drop("response_id_right")
    design = ibis.ifelse(rows.chance.notnull(), 1 / rows.chance, 0.0)
    alone = ~rows.set_apart & (design > 0) & (rows.unasked.fill_null(0.0) <= threshold)
    return engine.keep(rows.select(
        "response_id", "event_id", "surface", "segment", "probability", "blind", "set_apart",
        teller=ibis.coalesce(rows.first_user, rows.user_key), at_us=ibis.coalesce(rows.last_us, rows.at_us),
        design=design, asked_only=alone))


def _against(failed: Table, judged: Table) -> Table:
    """The signals against the failures: those that count, for a failure set apart the votes that were set apart."""
    of = failed.select(of_response="response_id", set_apart="set_apart")
    own = judged.inner_join(of, judged.response_id == of.of_response)
    counts = (own.polarity < 0) & (own.weight * own.factor > 0)
    return own.filter(door.ibis.ifelse(own.set_apart, set_aside(own), counts)).select(
        "response_id", "signal_id", "kind", "factor", "at_us", "user_key", "event_ids")


def _told(against: Table) -> Table:
    """For each failure the user of the first signal against it, of those that count most, and the time of the last."""
    ibis = door.ibis
    rank = ibis.cases((against.kind == "explicit", 0), (against.kind == "implicit", 1), else_=2)
    place = ibis.row_number().over(ibis.window(
        group_by=against.response_id, order_by=[against.factor.desc(), rank, against.at_us, against.signal_id]))
    last = against.at_us.max().over(ibis.window(group_by=against.response_id))
    told = against.select("response_id", first_user="user_key", last_us=last, place=place)
    return told.filter(told.place == 0).drop("place")


def weighted(engine: Engine, found: Table, scored: Table, accounts: Sequence[Account],
             options: WeightOptions | None = None) -> tuple[pa.Table, Weighting]:
    """The ``noticed`` failures by response_id, each with its ``weight`` in shares; and how the weights came about.

    ``scored`` are all turns. A failure starts from what the account of its teller counts.
    """
    import pyarrow as pa

    numbered = _numbered(engine, scored, accounts)
    rows = _arrays(engine, found, numbered)
    counts = _counts(rows.column("teller"), accounts)
    apart = _numpy(rows, "set_apart")
    heard = Heard(counts * ~apart, _numpy(rows, "asked_only"), _numpy(rows, "design"), _numpy(rows, "unit"),
                  _numpy(rows, "cell"))
    weights, weighting = weights_of(heard, population_of(list(engine.records(numbered.order_by("cell")))), options)
    told = rows.drop_columns(["unit", "cell"]).append_column("weight", pa.array(weights))
    return told, weighting


def _numbered(engine: Engine, scored: Table, accounts: Sequence[Account]) -> Table:
    """The cells of the population, numbered from 0; users who are set apart stay out of them."""
    import pyarrow as pa

    ibis, schema = door.ibis, pa.schema([("suspect", pa.string())])
    apart = [each.user_key for each in accounts if not each.factor]
    out = engine.rows([pa.table([apart], schema=schema)], schema) if apart else None
    found = cells(scored, out)
    return engine.keep(found.mutate(cell=ibis.row_number().over(ibis.window(order_by=[found[name] for name in CELL]))))


def _arrays(engine: Engine, found: Table, numbered: Table) -> pa.Table:
    """The failures by response_id, with the number of their user (``unit``) and of their cell (-1: no answer known)."""
    ibis = door.ibis
    own = with_segment(found)
    unit = ibis.dense_rank().over(ibis.window(order_by=ibis.coalesce(own.teller, "response " + own.response_id)))
    own = own.mutate(unit=unit)
    met = own.filter(own.event_id.notnull())
    placed = met.inner_join(numbered, [met[name].identical_to(numbered[name]) for name in CELL])
    placed = placed.select(of_response="response_id", cell="cell")
    rows = own.left_join(placed, own.response_id == placed.of_response)
    told = engine.keep(rows.select("response_id", "teller", "at_us", "design", "asked_only", "set_apart", "probability",
                                   "unit", cell=rows.cell.fill_null(-1)))
    return engine.arrow(told.order_by("response_id"))


def _counts(tellers: Any, accounts: Sequence[Account]) -> NDArray[np.float64]:
    """What the account of each teller counts: 1 unless it is suspicious."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    place = pc.index_in(tellers, pa.array([each.user_key for each in accounts], pa.string()))
    factors = np.array([*(each.factor for each in accounts), 1.0])
    counts: NDArray[np.float64] = factors[pc.fill_null(place, len(accounts)).to_numpy()]
    return counts


def _numpy(rows: pa.Table, name: str) -> Any:
    return rows.column(name).to_numpy()

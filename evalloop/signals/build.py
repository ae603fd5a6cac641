"""Puts signals together: from what a detector found to rows with ids that are the same in every derivation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from evalloop import engine as door

if TYPE_CHECKING:
    import pyarrow as pa

    from evalloop.contracts import Detector, Evidence

Table = Any
FOUND: Mapping[str, str] = {
    "response_id": "string", "event_ids": "array<string>", "polarity": "float64", "weight": "float64",
    "at_us": "int64", "user_key": "string", "text": "string", "reason": "string"}
"""What a detector gives, with types; ``user_key``, ``text`` and ``reason`` may be left out."""
SIGNAL: Mapping[str, str] = {
    "signal_id": "string", "detector": "string", "kind": "string", **FOUND, "session_id": "string", "day": "int64"}
"""The columns of signals; ``day`` is that of the turn."""
DAY_US = 86_400_000_000


def arrow_schema() -> pa.Schema:
    """The Arrow schema of signals."""
    return door.ibis.schema(SIGNAL).to_pyarrow()


def detector_id(detector: Detector) -> str:
    """``name@version``."""
    return f"{detector.name}@{detector.version}"


def completed(detector: Detector, evidence: Evidence, found: Table) -> Table:
    """Signals of what ``detector`` found: with id, session, and the turn's user where no act has one."""
    return _completed(detector_id(detector), detector.kind, evidence.turns, found)


@door.built_once
def _completed(name: str, kind: str, turns: Table, found: Table) -> Table:
    ibis = door.ibis
    given = {column: (found[column] if column in found.columns else ibis.null(type_)).cast(type_)
             for column, type_ in FOUND.items()}
    rows = found.select(**given)
    rows = rows.inner_join(turns.select("response_id", "session_id", turn_user="user_key", day="day"), "response_id")
    identity = ibis.literal(name + "|") + rows.response_id + "|" + rows.event_ids.join(",")
    return rows.mutate(
        signal_id=ibis.literal("s-") + identity.hexdigest("sha256").substr(0, 32), detector=ibis.literal(name),
        kind=ibis.literal(kind), user_key=ibis.coalesce(rows.user_key, rows.turn_user)).select(*SIGNAL)


def by_turn(acts: Table, **measures: Any) -> Table:
    """One row for each response that ``acts`` speak of: all event ids, the last time, a user, and ``measures``."""
    return acts.group_by("response_id").aggregate(
        event_ids=acts.event_id.collect().sort(), at_us=acts.at_us.max(), user_key=acts.user_key.min(), **measures)


def last_per_user(acts: Table) -> Table:
    """The last act of each user on each response (acts without a user count as one user's)."""
    return last_of(acts, "response_id", "user_key")


def last_of(acts: Table, *keys: str, before: Sequence[Any] = ()) -> Table:
    """The last act for each value of some columns, of those that are first by the values ``before``."""
    ibis = door.ibis
    window = ibis.window(group_by=[acts[key] for key in keys],
                         order_by=[*before, acts.at_us.desc(), acts.event_id.desc()])
    ranked = acts.mutate(back=ibis.row_number().over(window))
    return ranked.filter(ranked.back == 0).drop("back")


def one(acts: Table) -> Any:
    """The evidence of rows that are one act each."""
    return door.ibis.array([acts.event_id])


def judged(evidence: Evidence, table: Table, columns: Sequence[str], judge: Callable[..., float],
           **options: Any) -> Table:
    """``table`` with ``verdict``: what a Python function says of the texts in ``columns``, row by row.

    The rows travel as Arrow batches; with Spark the function runs where the data is, so it must be one that pickles.
    Rows of verdict 0 are left out.
    """
    import pyarrow as pa

    schema = pa.schema([*table.schema().to_pyarrow(), pa.field("verdict", pa.float64())])
    return evidence.engine.apply(table, partial(_judge_batch, schema, tuple(columns), judge, options), schema)


def _judge_batch(schema: pa.Schema, columns: Sequence[str], judge: Callable[..., float], options: Mapping[str, Any],
                 batch: pa.RecordBatch) -> pa.RecordBatch:
    import pyarrow as pa
    import pyarrow.compute as pc

    texts = zip(*(batch.column(name).to_pylist() for name in columns), strict=True)
    verdicts = pa.array([float(judge(*each, **options)) for each in texts], type=pa.float64())
    cells = [batch.column(name).cast(schema.field(name).type) for name in batch.schema.names]
    whole = pa.RecordBatch.from_arrays([*cells, verdicts], schema=schema)
    return whole.filter(pc.not_equal(verdicts, 0.0)) if len(verdicts) else whole

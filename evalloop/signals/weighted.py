"""Turns and signals become weighted failures: account filter, fused score, failures, weights, in this order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from evalloop.records.account import Account
from evalloop.records.failure import Failure
from evalloop.records.fused import FusedModel
from evalloop.records.weighting import RandomArm, Weighting
from evalloop.signals import scored
from evalloop.signals.abuse import AbuseOptions, suspicious, votes_of
from evalloop.signals.derive import records, together
from evalloop.signals.failures import HISTORY, failing, slim
from evalloop.signals.noticed import noticed, weighted
from evalloop.signals.turns import InStep, in_order
from evalloop.signals.turns import turns as turns_of
from evalloop.signals.weighting import WeightOptions

if TYPE_CHECKING:
    import pyarrow as pa

    from evalloop.contracts import Evidence
    from evalloop.engine import Engine

Table = Any
BY_HAND = "set apart by the project's settings"
AT_ONCE = 1_000


@dataclass(frozen=True)
class TrustOptions:
    """How evidence is trusted: the ``threshold`` of failure, the filter, the weights.

    ``quarantine`` names accounts that are set apart whatever they do, ``trusted`` those that never are; ``history`` is
    how many earlier turns a failure carries along (0: none, which reads far less). Without ``words`` failures carry
    ids, user, time and weights alone: no text is read.
    """

    threshold: float = 0.5
    abuse: AbuseOptions = field(default_factory=AbuseOptions)
    weights: WeightOptions = field(default_factory=WeightOptions)
    quarantine: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    history: int = HISTORY
    words: bool = True


@dataclass(frozen=True)
class Weighted:
    """The failures with their weights, and how these came about. Of ``turns``, ``scored`` have a failure score;
    ``unvoted`` have evidence from what users did or what came of it, and no explicit signal."""

    failures: tuple[Failure, ...]
    weighting: Weighting
    turns: int
    scored: int
    unvoted: int


def weigh_evidence(evidence: Evidence, signals: Mapping[str, Table], model: FusedModel | None = None,
                   options: TrustOptions | None = None) -> Weighted:
    """The failures among the turns by the ``signals`` of all detectors (a table each), weighted.

    Only votes, failures and what led up to them become records; all else is counted where it lies.
    """
    options, engine = options or TrustOptions(), evidence.engine
    every = engine.view(together(signals))
    accounts = accounts_of(evidence, every, options)
    judged = engine.view(scored.judged_apart(engine, every, accounts))
    table = engine.keep(scored.scores(evidence, judged, model))
    failed = engine.keep(scored.failing(table, judged, options.threshold))
    rows, weighting = weighted(engine, noticed(evidence, failed, judged, options.threshold), table, accounts,
                               options.weights)
    found = _in_words(evidence, rows, table, every, accounts, options) if options.words else (
        slim(row) for batch in rows.to_batches(AT_ONCE) for row in batch.to_pylist())
    told = engine.first(table.aggregate(turns=table.count(), scored=table.probability.count()))
    return Weighted(tuple(found), replace(weighting, accounts=accounts, random_arm=_arm(evidence, rows)),
                    told["turns"], told["scored"], _without_vote(engine, judged))


def _in_words(evidence: Evidence, rows: pa.Table, table: Table, every: Table, accounts: Sequence[Account],
              options: TrustOptions) -> Iterator[Failure]:
    """The failures with their texts, streamed by session and time."""
    engine, failed = evidence.engine, evidence.engine.rows([rows], rows.schema)
    wanted = failed
    if options.history:
        places = table.semi_join(failed, "response_id").select("response_id", "session_id", "place")
        wanted = engine.keep(scored.with_history(table, places, options.history))
    order = in_order(evidence, wanted)
    numbers = InStep(engine.records(failed.inner_join(order, "response_id").order_by("number")),
                     lambda row: str(row["response_id"]))
    apart = scored.set_apart(engine, every.semi_join(failed, "response_id"), accounts)
    signals = InStep(records(evidence, apart, order), lambda signal: signal.response_id)
    return failing(((turn, signals.of(turn.response_id), next(iter(numbers.of(turn.response_id)), None))
                    for turn in turns_of(evidence, acted=failed, order=order)), history=options.history)


def _arm(evidence: Evidence, rows: pa.Table) -> RandomArm:
    """The random asks, and how many of the failures that count were told in answer to one."""
    import pyarrow.compute as pc

    asks = evidence.acts.filter(evidence.acts.ask_kind == "random")
    told = asks.filter(asks.event_type != "feedback.prompted")
    asked, answered = (evidence.engine.count(each.select("response_id").distinct()) for each in (asks, told))
    failed = pc.and_(pc.greater(rows.column("design"), 0), pc.greater(rows.column("weight"), 0))
    return RandomArm(asked, answered, pc.sum(failed).as_py() or 0)


def _without_vote(engine: Engine, judged: Table) -> int:
    spoken = judged.filter(judged.kind == "explicit").select("response_id")
    told = judged.filter((judged.polarity != 0) & (judged.weight * judged.factor > 0)).select("response_id").distinct()
    return engine.count(told.anti_join(spoken, "response_id"))


def accounts_of(evidence: Evidence, signals: Table, options: TrustOptions) -> tuple[Account, ...]:
    """The suspicious accounts by all ``signals``: those that the filter finds, less the trusted ones, and those set
    apart by hand."""
    votes = list(votes_of(evidence, signals))
    found = {each.user_key: each for each in suspicious(votes, options.abuse)
             if each.user_key not in options.trusted}
    for user in options.quarantine:
        own = [vote for vote in votes if vote.user == user]
        given = found.get(user) or Account(user, len(own), sum(vote.polarity < 0 for vote in own), 0.0, ())
        found[user] = replace(given, factor=0.0, reasons=(*given.reasons, BY_HAND))
    return tuple(found.values())

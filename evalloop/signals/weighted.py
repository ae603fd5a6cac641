"""Turns and signals become weighted failures: account filter, fused score, failures, weights, in this order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from evalloop.records.account import Account
from evalloop.records.failure import Failure
from evalloop.records.fused import FusedModel
from evalloop.records.weighting import RandomArm, Weighting
from evalloop.signals import scored
from evalloop.signals.abuse import AbuseOptions, suspicious, votes_of
from evalloop.signals.derive import records, together
from evalloop.signals.failures import HISTORY, failing
from evalloop.signals.fused import Score
from evalloop.signals.population import Population, population_of
from evalloop.signals.turns import InStep, in_order
from evalloop.signals.turns import turns as turns_of
from evalloop.signals.weighting import WeightOptions, weigh

if TYPE_CHECKING:
    from evalloop.contracts import Evidence
    from evalloop.engine import Engine

Table = Any
BY_HAND = "set apart by the project's settings"


@dataclass(frozen=True)
class TrustOptions:
    """How evidence is trusted: the ``threshold`` of failure, the filter, the weights.

    ``quarantine`` names accounts that are set apart whatever they do, ``trusted`` those that never are; ``history`` is
    how many earlier turns a failure carries along (0: none, which reads far less).
    """

    threshold: float = 0.5
    abuse: AbuseOptions = field(default_factory=AbuseOptions)
    weights: WeightOptions = field(default_factory=WeightOptions)
    quarantine: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()
    history: int = HISTORY


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
    found = _failures(evidence, table, failed, every, accounts, options)
    weighted, weighting = weigh(found, _people(engine, table, failed, accounts), options.weights)
    arm = _arm(evidence, sum(each.random_weight > 0 and each.weight > 0 for each in weighted))
    told = engine.first(table.aggregate(turns=table.count(), scored=table.probability.count()))
    return Weighted(tuple(weighted), replace(weighting, accounts=accounts, random_arm=arm), told["turns"],
                    told["scored"], _without_vote(engine, judged))


def _failures(evidence: Evidence, table: Table, failed: Table, every: Table, accounts: Sequence[Account],
              options: TrustOptions) -> list[Failure]:
    """The failures as records, from the turns that failed and those before them in their sessions."""
    engine, wanted = evidence.engine, failed
    if options.history:
        wanted = engine.keep(scored.with_history(table, failed, options.history))
    order = in_order(evidence, wanted)
    scores = {row["response_id"]: Score(row["probability"], row["blind"], row["unasked"])
              for row in engine.records(failed.select("response_id", "probability", "blind", "unasked"))}
    against = scored.set_apart(engine, every.semi_join(failed, "response_id"), accounts)
    signals = InStep(records(evidence, against, order), lambda signal: signal.response_id)
    told = ((turn, signals.of(turn.response_id)) for turn in turns_of(evidence, acted=failed, order=order))
    factors = {each.user_key: each.factor for each in accounts}
    return [replace(each, weight=each.weight * factors.get(each.user_key or "", 1.0))
            for each in failing(told, scores, threshold=options.threshold, history=options.history)]


def _people(engine: Engine, table: Table, failed: Table, accounts: Sequence[Account]) -> Population:
    """The turns with an answer in cells, and the cell of each failure."""
    import pyarrow as pa

    schema = pa.schema([("suspect", pa.string())])
    apart = [each.user_key for each in accounts if not each.factor]
    out = engine.rows([pa.table([apart], schema=schema)], schema) if apart else None
    cells = list(engine.records(scored.cells(table, out)))
    names = ("surface", "keys", "values", "blind")
    number = {tuple(cell[name] for name in names): place for place, cell in enumerate(cells)}
    own = scored.with_segment(failed.filter(failed.event_id.notnull())).select("response_id", *names)
    rows = {row["response_id"]: number[tuple(row[name] for name in names)] for row in engine.records(own)}
    return population_of(cells, rows)


def _arm(evidence: Evidence, failed: int) -> RandomArm:
    asks = evidence.acts.filter(evidence.acts.ask_kind == "random")
    told = asks.filter(asks.event_type != "feedback.prompted")
    asked, answered = (evidence.engine.count(each.select("response_id").distinct()) for each in (asks, told))
    return RandomArm(asked, answered, failed)


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

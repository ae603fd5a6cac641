"""Turns and signals become weighted failures: account filter, fused score, failures, weights, in this order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from evalloop.records.account import Account
from evalloop.records.failure import Failure
from evalloop.records.fused import FusedModel
from evalloop.records.signal import Signal
from evalloop.records.turn import Turn
from evalloop.records.weighting import RandomArm, Weighting
from evalloop.signals.abuse import AbuseOptions, set_apart, suspicious
from evalloop.signals.failures import answers_to_asks, failures
from evalloop.signals.fused import Score, evidence_of, score
from evalloop.signals.population import population
from evalloop.signals.weighting import WeightOptions, weigh

BY_HAND = "set apart by the project's settings"


@dataclass(frozen=True)
class TrustOptions:
    """How evidence is trusted: the ``threshold`` of failure, the filter, the weights.

    ``quarantine`` names accounts that are set apart whatever they do, ``trusted`` those that never are.
    """

    threshold: float = 0.5
    abuse: AbuseOptions = field(default_factory=AbuseOptions)
    weights: WeightOptions = field(default_factory=WeightOptions)
    quarantine: tuple[str, ...] = ()
    trusted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Weighted:
    """The failures with their weights, how these came about, and the score of every turn. ``unvoted`` turns
    have evidence from what users did or what came of it, and no explicit signal."""

    failures: tuple[Failure, ...]
    weighting: Weighting
    scores: Mapping[str, Score]
    unvoted: int


def weighted_failures(turns: Sequence[Turn], signals: Sequence[Signal], model: FusedModel | None = None,
                      options: TrustOptions | None = None) -> Weighted:
    """The failures among ``turns`` by ``signals`` of all detectors, weighted."""
    options = options or TrustOptions()
    accounts = accounts_of(turns, signals, options)
    clean = set_apart(signals, accounts)
    scores = score(turns, evidence_of(clean, answers_to_asks(turns)), model)
    factors = {each.user_key: each.factor for each in accounts}
    found = [replace(each, weight=each.weight * factors.get(each.user_key or "", 1.0))
             for each in failures(turns, clean, scores, threshold=options.threshold)]
    blind = {name: each.blind for name, each in scores.items() if each.blind is not None}
    people = population(turns, blind if model and len(blind) == len(scores) else None)
    weighted, weighting = weigh(
        found, people, options.weights, quarantined=[each.user_key for each in accounts if not each.factor],
        users=[turn.user_key for turn in turns if turn.generation is not None])
    return Weighted(tuple(weighted), replace(weighting, accounts=accounts, random_arm=_random_arm(turns, weighted)),
                    scores, _unvoted(clean))


def _unvoted(signals: Sequence[Signal]) -> int:
    explicit = {each.response_id for each in signals if each.kind == "explicit"}
    return len({each.response_id for each in signals if each.polarity and each.weight > 0} - explicit - {None})


def accounts_of(turns: Sequence[Turn], signals: Sequence[Signal], options: TrustOptions) -> tuple[Account, ...]:
    """The suspicious accounts: those that the filter finds, less the trusted ones, and those set apart by hand."""
    found = {each.user_key: each for each in suspicious(turns, signals, options.abuse)
             if each.user_key not in options.trusted}
    for user in options.quarantine:
        given = found.get(user) or _account(user, signals)
        found[user] = replace(given, factor=0.0, reasons=(*given.reasons, BY_HAND))
    return tuple(found.values())


def _account(user: str, signals: Sequence[Signal]) -> Account:
    own = [each for each in signals if each.user_key == user and each.kind == "explicit"]
    return Account(user, len(own), sum(each.polarity < 0 for each in own), 0.0, ())


def _random_arm(turns: Sequence[Turn], found: Sequence[Failure]) -> RandomArm:
    """Asked and answered responses of the random ask; an answer without its prompt counts as asked too."""
    asked, answered = set(), set()
    for turn in turns:
        for event in turn.events:
            if event.ask and event.ask.get("kind") == "random":
                asked.add(turn.response_id)
                if event.event_type != "feedback.prompted":
                    answered.add(turn.response_id)
    return RandomArm(len(asked), len(answered), sum(each.random_weight > 0 and each.weight > 0 for each in found))

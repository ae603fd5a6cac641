"""The fused score of every turn, and the turns that failures come from, as expressions: nothing of them is a record.

Values are whole millionths where they are summed, so that the sums are the same in every order and on every engine.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import log
from typing import TYPE_CHECKING, Any

from evalloop import engine as door
from evalloop.signals.asks import answers_to_asks
from evalloop.signals.fused import PRIOR
from evalloop.signals.heard import MILLION
from evalloop.signals.labels import featured
from evalloop.signals.population import NONE, SEPARATOR

if TYPE_CHECKING:
    from evalloop.contracts import Evidence
    from evalloop.engine import Engine
    from evalloop.records.account import Account
    from evalloop.records.fused import FusedModel

Table = Any
GRID = 1e9
HIGHEST = log(1e200)


def judged_apart(engine: Engine, signals: Table, accounts: Iterable[Account]) -> Table:
    """Signals with ``value`` (polarity x weight in millionths) and ``factor``: what the account of its user counts."""
    slim = _with_factor(engine, signals.filter(signals.response_id.notnull()).select(
        "signal_id", "response_id", "detector", "kind", "user_key", "at_us", "event_ids", "polarity", "weight",
        "reason"), accounts)
    return slim.mutate(value=(slim.polarity * slim.weight * slim.factor * MILLION).round().cast("int64"))


def set_apart(engine: Engine, signals: Table, accounts: Iterable[Account]) -> Table:
    """The signals with those of suspicious accounts down-weighted (to 0 in quarantine), each with the reason."""
    told = _with_factor(engine, signals, accounts)
    reason = door.ibis.ifelse(told.weight > 0, door.ibis.coalesce(told.why, told.reason), told.reason)
    return told.mutate(weight=told.weight * told.factor, reason=reason).drop("factor", "why")


def _with_factor(engine: Engine, signals: Table, accounts: Iterable[Account]) -> Table:
    import pyarrow as pa

    factors = {each.user_key: (each.factor, "; ".join(each.reasons)) for each in accounts}
    if not factors:
        return signals.mutate(factor=door.ibis.literal(1.0), why=door.ibis.null("string"))
    schema = pa.schema([("suspect", pa.string()), ("factor", pa.float64()), ("why", pa.string())])
    known = engine.rows([pa.table([list(factors), *map(list, zip(*factors.values(), strict=True))],
                                  schema=schema)], schema)
    told = signals.left_join(known, signals.user_key == known.suspect).drop("suspect")
    return told.mutate(factor=told.factor.fill_null(1.0))


def scores(evidence: Evidence, judged: Table, model: FusedModel | None = None) -> Table:
    """For each turn ``probability`` of failure by all evidence, ``unasked`` without the answers to random asks and
    ``blind`` without votes and outcomes, to nine digits, None where nothing says it; with its context.

    ``judged`` are signals as ``judged_apart`` gives them.
    """
    ibis = door.ibis
    asks = answers_to_asks(evidence)
    sums = evidence.engine.keep(_sums(judged.filter(judged.value != 0), asks.filter(asks.asked)))
    turns = evidence.turns.select("response_id", "event_id", "session_id", "place", "user_key", "day", "at_us",
                                  "surface", "segment")
    every = turns.left_join(sums, "response_id").drop("response_id_right")
    every = every.mutate(**{name: every[name].fill_null(0) for name in _SUMS})
    if fitted := model is not None and bool(model.surfaces):
        every = _shifted(evidence, every, judged, model)
    shift = every.shift / float(MILLION) / float(MILLION) if fitted else 0.0
    blind = _chance(every.intercept + shift) if fitted else ibis.null("float64")
    stated = (("probability", every.has_stated > 0, every.stated),
              ("unasked", every.volunteered > 0, every.stated - every.asked))
    found = every.mutate(blind=blind, **{name: _by_all(every, some, value, shift, blind, fitted=fitted)
                                         for name, some, value in stated})
    return found.select(*turns.columns, "probability", "unasked", "blind")


def _by_all(every: Table, some: Any, value: Any, shift: Any, blind: Any, *, fitted: bool) -> Any:
    """The probability by what was stated (``value`` where ``some`` was) and by what users did: as the surface's model
    has it, and by the prior where no model speaks for the surface."""
    ibis = door.ibis
    prior = ibis.ifelse((every.implicit_signals > 0) | some,
                        _chance((every.implicit + value) / float(MILLION) * -PRIOR), ibis.null("float64"))
    if not fitted:
        return prior
    return ibis.cases((every.intercept.isnull(), prior), (some, _chance(shift - value / float(MILLION) * PRIOR)),
                      else_=blind)


_SUMS = ("implicit", "stated", "asked", "has_stated", "volunteered", "implicit_signals")


def _sums(judged: Table, answers: Table) -> Table:
    """What each response has of each sort of evidence; ``asked`` is what the answers to asks added to it."""
    ibis = door.ibis
    said = judged.mutate(silent=judged.kind == "implicit")
    stated = said.filter(~said.silent)
    ids = stated.select("signal_id", event=stated.event_ids.unnest())
    asked = ids.inner_join(answers, ids.event == answers.ask_event)
    asked = asked.group_by(asked_signal="signal_id").aggregate(own=asked.own.max())
    said = said.left_join(asked, said.signal_id == asked.asked_signal)
    before = (said.own * said.weight * said.factor * MILLION).round().cast("int64").fill_null(0)
    said = said.mutate(is_asked=said.asked_signal.notnull(), added=said.value - before)

    def total(value: Any, where: Any) -> Any:
        return ibis.ifelse(where, value, 0).sum().cast("int64")

    return said.group_by("response_id").aggregate(
        implicit=total(said.value, said.silent), stated=total(said.value, ~said.silent),
        asked=total(said.added, ~said.silent & said.is_asked), has_stated=total(1, ~said.silent),
        volunteered=total(1, ~said.silent & (~said.is_asked | said.own.notnull())),
        implicit_signals=total(1, said.silent))


def _shifted(evidence: Evidence, every: Table, judged: Table, model: FusedModel) -> Table:
    """Turns with the ``intercept`` of their surface's model and the ``shift`` that implicit signals give (1e-12)."""
    import pyarrow as pa

    ibis, engine = door.ibis, evidence.engine
    named = [each.surface for each in model.surfaces]
    fallback = "" if "" in named else ibis.null("string")
    surface = every.surface.nullif("").fill_null(NONE)
    every = every.mutate(modelled=ibis.ifelse(surface.isin(named), surface, fallback))
    schema = pa.schema([("of_surface", pa.string()), ("feature", pa.string()), ("worth", pa.int64())])
    rows = [(each.surface, name, round(value * MILLION)) for each in model.surfaces
            for name, value in each.coefficients.items()]
    worths = engine.rows([pa.table([list(column) for column in zip(*rows, strict=True)] or [[], [], []],
                                   schema=schema)], schema)
    heads = pa.schema([("model_of", pa.string()), ("intercept", pa.float64())])
    intercepts = engine.rows([pa.table([named, [each.intercept for each in model.surfaces]], schema=heads)], heads)
    silent = featured(judged).inner_join(every.select("response_id", "modelled"), "response_id")
    pairs = silent.inner_join(worths, (silent.modelled == worths.of_surface) & (silent.feature == worths.feature))
    shifts = pairs.group_by("response_id").aggregate(shift=(pairs.value.abs() * pairs.worth).sum().cast("int64"))
    every = every.left_join(shifts, "response_id").drop("response_id_right")
    every = every.left_join(intercepts, every.modelled == intercepts.model_of)
    return every.mutate(shift=every["shift"].fill_null(0))


def _chance(log_odds: Any) -> Any:
    """The probability that log odds mean, to nine digits: the last ones of ``exp`` differ between engines."""
    bounded = log_odds.clip(-HIGHEST, HIGHEST)
    return ((1 / (1 + (-bounded).exp()) * GRID + 0.5).floor() / GRID).cast("float64")


# ---- what failures come from -----------------------------------------------------------------------------------------


def cells(scored: Table, quarantined: Table | None = None) -> Table:
    """The turns with an answer by surface, segment and vote-free score: ``turns``, and ``kept`` of users not set apart.

    ``keys`` and ``values`` are the segment's, joined by the unit separator; ``quarantined`` has a column ``suspect``.
    """
    ibis = door.ibis
    answered = with_segment(scored.filter(scored.event_id.notnull()))
    if quarantined is not None:
        answered = answered.left_join(quarantined, answered.user_key == quarantined.suspect)
        answered = answered.mutate(stays=ibis.ifelse(answered.suspect.isnull(), 1, 0))
    else:
        answered = answered.mutate(stays=ibis.literal(1))
    grouped = answered.group_by("surface", "keys", "values", "blind").aggregate(
        turns=answered.count(), kept=answered.stays.sum().cast("int64"))
    return grouped.order_by("surface", "keys", "values", "blind")


def with_segment(turns: Table) -> Table:
    """Turns with ``keys`` and ``values`` of their segment as one text each (empty without one)."""
    ibis = door.ibis
    return turns.mutate(
        surface=turns.surface.fill_null(NONE), keys=ibis.coalesce(turns.segment.keys().join(SEPARATOR), ""),
        values=ibis.coalesce(turns.segment.values().join(SEPARATOR), "")).drop("segment")


def failing(scored: Table, judged: Table, threshold: float) -> Table:
    """The turns that failed (``set_apart`` false), and those that only votes which were set apart are against."""
    failed = (scored.probability > threshold).fill_null(False)
    apart = judged.filter(set_aside(judged)).select(of_response="response_id").distinct()
    rows = scored.mutate(set_apart=~failed).left_join(apart, scored.response_id == apart.of_response)
    return rows.filter(~rows.set_apart | rows.of_response.notnull()).drop("of_response")


def set_aside(judged: Table) -> Any:
    """Whether a signal is a vote against the answer that was set apart, with a reason."""
    reasoned = (judged.reason.fill_null("") != "") | ((judged.factor == 0) & (judged.weight > 0))
    return (judged.kind == "explicit") & (judged.polarity < 0) & (judged.weight * judged.factor == 0) & reasoned


def with_history(scored: Table, failed: Table, back: int) -> Table:
    """(response_id) of the turns that failed, and of up to ``back`` answers before each in its session.

    Responses of these sessions that never came are among them: nothing is known of the talk before one.
    """
    ends = failed.filter(failed.place.notnull()).select(of_session="session_id", end="place").distinct()
    both = scored.inner_join(ends, scored.session_id == ends.of_session)
    near = both.filter(both.place.isnull() | ((both.place <= both.end) & (both.place >= both.end - back)))
    return failed.select("response_id").union(near.select("response_id"), distinct=True)

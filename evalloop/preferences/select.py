"""Which turns training data can come of, and which answers a new try beats, as expressions for any number of turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalloop import engine as door
from evalloop.preferences.judged import LEAST

if TYPE_CHECKING:
    from evalloop.contracts import Evidence

Table = Any
MILLION = 1_000_000
TELLING = ("feedback.pairwise", "feedback.correction", "signal.edited", "signal.accepted", "signal.shown",
           "signal.rejected", "judgment.result")
"""Acts of which pairs or ratings are made."""


def paired(evidence: Evidence, signals: Table) -> Table:
    """(response_id) of every turn of which ``pairs.mine`` can make a pair, or ``judged.ratings`` a rating."""
    spoken = signals.filter(_on_purpose(signals) & (signals.weight > 0)).select("response_id")
    turns, links, votes = evidence.turns, replaces(evidence), evidence.of_type("feedback.pairwise")
    tried = turns.filter(turns.experiment.notnull() & turns.variant.notnull()).semi_join(spoken, "response_id")
    found = evidence.of_type(*TELLING).select("response_id").union(
        tried.select("response_id"), *(links.select(response_id=side) for side in ("chosen", "rejected")),
        *(votes.select(response_id=side) for side in ("chosen", "rejected")))
    return found.filter(found.response_id.notnull()).distinct()


def clear(evidence: Evidence, signals: Table) -> Table:
    """(response_id) of the turns whose evidence is clear enough, either way, for ``judged.judge``."""
    nets = _nets(evidence, signals)
    return nets.filter(nets.net.abs() >= int(LEAST * MILLION) - 1).select("response_id")


def regenerated(evidence: Evidence, signals: Table) -> Table:
    """(chosen, rejected, voted): a new try that earned a positive act, over the answer that it replaced.

    ``signals`` are those of all detectors. A try that was tried again gives no pair; ``voted`` says that somebody spoke
    on purpose of the new one. Nets are whole millionths, so that they are the same in every order.
    """
    ibis = door.ibis
    links = evidence.engine.keep(replaces(evidence))
    nets = evidence.engine.keep(_nets(evidence, signals))
    again = links.select(retried="rejected").distinct()
    pairs = links.anti_join(again, links.chosen == again.retried)
    new = nets.select(chosen="response_id", net="net", against="against", voted="spoken", goes_on="goes_on")
    old = nets.select(rejected="response_id", old_net="net")
    pairs = pairs.inner_join(new, "chosen").inner_join(old, "rejected")
    earned = (pairs.net > 0) | ((pairs.against == 0) & (pairs.goes_on > 0))
    kept = pairs.filter(earned & (pairs.old_net < ibis.greatest(pairs.net, 0)))
    return kept.select("chosen", "rejected", voted=kept.voted > 0)


def replaces(evidence: Evidence) -> Table:
    """(chosen, rejected): the answer that each new try was asked for in place of, as its generation or the act says."""
    ibis = door.ibis
    turns, acts = evidence.turns, evidence.of_type("signal.regenerated")
    linked = turns.filter(turns.regenerate_of.notnull() & turns.event_id.notnull()).select(
        chosen="response_id", rejected="regenerate_of", rank=ibis.literal(0))
    named = evidence.events.filter(evidence.events.response_id.notnull()).select("event_id", chosen="response_id")
    told = acts.select("event_id", rejected="response_id").inner_join(named, "event_id").select(
        "chosen", "rejected", rank=ibis.literal(1))
    every = linked.union(told)
    first = every.mutate(place=ibis.row_number().over(
        ibis.window(group_by=every.chosen, order_by=[every["rank"], every.rejected])))
    return first.filter((first.place == 0) & (first.chosen != first.rejected)).select("chosen", "rejected")


def _nets(evidence: Evidence, signals: Table) -> Table:
    """What speaks for and against each answer."""
    ibis = door.ibis
    said = signals.filter((signals.weight > 0) & signals.response_id.notnull())
    value = (said.polarity * said.weight * MILLION).round().cast("int64")
    sums = said.group_by("response_id").aggregate(
        net=value.sum().cast("int64"), against=_number(said.polarity < 0), spoken=_number(_on_purpose(said)))
    turns = evidence.turns.select("response_id", goes_on=ibis.ifelse(
        evidence.turns.following_event.notnull(), 1, 0).cast("int64"))
    joined = turns.left_join(sums, "response_id").drop("response_id_right")
    return joined.mutate(**{name: joined[name].fill_null(0) for name in ("net", "against", "spoken")})


def _on_purpose(signals: Table) -> Any:
    return signals.kind.isin(("explicit", "outcome")) & (signals.polarity != 0)


def _number(value: Any) -> Any:
    return door.ibis.ifelse(value, 1, 0).sum().cast("int64")

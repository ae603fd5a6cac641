"""Votes that answer a random ask, and those that their users changed afterwards or gave before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalloop import engine as door
from evalloop.signals.build import last_of
from evalloop.signals.explicit import VOTES, stance

if TYPE_CHECKING:
    from evalloop.contracts import Evidence

Table = Any
_VOTER = {"of_response": "response_id", "of_user": "user_key", "of_type": "event_type"}


def answers_to_asks(evidence: Evidence) -> Table:
    """(ask_event, chance, asked, own): the events that answer a random ask, and what their users voted last, kept.

    ``chance`` is the probability of the ask. ``asked`` is false for a vote that its user gave after an answer to an
    ask; ``own`` is, of an answer, the polarity of the last vote that the same user gave unasked.
    """
    engine, acts = evidence.engine, evidence.acts
    answers = acts.filter((acts.ask_kind == "random") & (acts.ask_probability > 0) & (acts.ask_probability <= 1))
    answers = engine.keep(answers.select("event_id", **_VOTER, chance="ask_probability").distinct())
    found = _with_own(answers, acts) if engine.count(answers) else _plain(answers)
    return engine.keep(found)


def _plain(answers: Table) -> Table:
    return answers.select(ask_event="event_id", chance="chance", asked=door.ibis.literal(True),
                          own=door.ibis.null("float64"))


@door.built_once
def _with_own(answers: Table, acts: Table) -> Table:
    ibis = door.ibis
    voters = answers.group_by(*_VOTER).aggregate(chance=answers.chance.max())
    votes = acts.filter(acts.event_type.isin(VOTES))
    votes = votes.select("event_id", "at_us", *_VOTER.values(), stance=stance(votes))
    met = votes.inner_join(voters, [votes[name].identical_to(voters[of]) for of, name in _VOTER.items()])
    unasked = met.anti_join(answers, "event_id")
    own = _last(unasked)
    last = _last(met).semi_join(unasked.select("event_id"), "event_id")
    own = own.select(*_VOTER, "stance")
    both = answers.left_join(own, [answers[name].identical_to(own[name]) for name in _VOTER])
    told = both.select(ask_event="event_id", chance="chance", asked=ibis.literal(True), own="stance")
    return told.union(last.select(ask_event="event_id", chance="chance", asked=ibis.literal(False),
                                  own=ibis.null("float64")))


def _last(votes: Table) -> Table:
    """The last vote of each kind of each user on each answer."""
    return last_of(votes, *_VOTER.values())

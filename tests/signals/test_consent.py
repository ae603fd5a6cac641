"""What a user took back is not used, however it was given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from evalloop.records.event import Event
from evalloop.signals.derive import derive
from evalloop.signals.explicit import Thumbs
from evalloop.signals.weighted import weigh_evidence
from evalloop.testing import evidence_of, joined_of, make_event, make_generation
from evalloop.testing.events import moment

VOTE = make_event("feedback.thumbs", payload={"value": -1, "text": "bad"})


def purposes(*events: Event) -> list[tuple[str, ...]]:
    """The purposes of the failures among an answer, a bad vote and some events."""
    every = [make_generation(), VOTE, *events]
    evidence: Any = evidence_of(every)
    return [each.consent_purposes for each in weigh_evidence(evidence, derive(evidence, [Thumbs()])).failures]


def changed(second: float, *allowed: str, user: str = "u1") -> Event:
    """A user says anew what is allowed."""
    return make_event("consent.changed", "", second, user=user, subject={"level": "user"},
                      consent={"basis": "consent", "purposes": list(allowed)})


def test_consent_stands_until_it_is_changed() -> None:
    """Without a change the events' own purposes count."""
    assert purposes() == [("analytics", "eval", "ops")]


def test_withdrawn_purposes_are_gone_for_earlier_events() -> None:
    """A failure of last week is no material for cases once its user said no; giving it again later changes nothing."""
    assert purposes(changed(60, "ops", "analytics")) == [("analytics", "ops")]
    assert purposes(changed(60, "ops"), changed(90, "ops", "eval")) == [("ops",)]


def test_change_widens_nothing_and_is_personal() -> None:
    """Consent given later does not reach back; another user's change does not count."""
    assert purposes(changed(60, "ops", "analytics", "eval", "training")) == [("analytics", "eval", "ops")]
    assert purposes(changed(60, "ops", user="u2")) == [("analytics", "eval", "ops")]


def test_erased_users_are_left_out() -> None:
    """Nothing of an erased user is counted, whichever way the event names the user."""
    assert purposes(make_event("privacy.erased", "", 60, subject={"level": "user"})) == []
    by_staff = make_event("privacy.erased", "", 60, user=None, subject={"level": "user"}, payload={"user_key": "u1"})
    assert purposes(by_staff) == []


def test_a_clock_that_is_ahead_outlives_no_erasure() -> None:
    """A vote that was stored before the erasure is erased though it is stamped after it; so is consent narrowed."""
    early = replace(VOTE, occurred_at=moment(660), received_at=moment(500))
    late = replace(early, received_at=moment(661))
    erased = make_event("privacy.erased", "", 600, subject={"level": "user"})
    for vote, events in ((early, []), (late, [[late.event_id]])):
        turns = joined_of([make_generation(), vote, erased]).turns
        assert [[event.event_id for event in turn.events] for turn in turns] == events
    evidence = evidence_of([make_generation(), early, changed(600, "ops")])
    votes = evidence.engine.records(evidence.events.filter(evidence.events.event_type == early.event_type))
    assert [row["may_eval"] for row in votes] == [False]


def test_what_was_taken_back_stays_so() -> None:
    """A retraction that is itself retracted brings no vote back, in any order; a new vote counts."""
    gone = make_event("feedback.retracted", "r1", 5, links={"retracts": VOTE.event_id})
    back = make_event("feedback.retracted", "r1", 9, links={"retracts": gone.event_id})
    assert purposes(gone, back) == purposes(back, gone) == []
    assert len(purposes(gone, back, make_event("feedback.thumbs", "r1", 12, payload={"value": -1}))) == 1

"""What a user took back is not used, however it was given."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from evalloop.records.event import Event
from evalloop.signals import evalloop_detectors
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


def failures(*events: Event) -> list[tuple[str, tuple[str, ...]]]:
    """(response, purposes) of the failures that all detectors find among some events."""
    evidence: Any = evidence_of(events)
    found = derive(evidence, evalloop_detectors())
    return [(each.response_id, each.consent_purposes) for each in weigh_evidence(evidence, found).failures]


def failed(response: str = "r1", second: float = 60) -> Event:
    """A system tells that a task failed; it names no user."""
    return make_event("outcome.task", response, second, user=None, payload={"status": "failure"},
                      source={"kind": "system"})


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


GONE = make_event("privacy.erased", "", 1000, user=None, subject={"level": "user"}, payload={"user_key": "u1"})
NOBODYS = make_generation(user=None)


def test_answer_and_outcome_that_name_no_user_are_erased_with_their_users() -> None:
    """Whose answer it is decides, also of an outcome that comes after the erasure; another user's stays."""
    other = [make_generation("r2", session="s2", user="u2"), failed("r2")]
    assert failures(make_generation(), failed(), *other, GONE) == [("r2", ("analytics", "eval", "ops"))]
    assert failures(make_generation(), failed(second=2000), GONE) == []
    assert failures(NOBODYS, VOTE, failed(), GONE) == []
    assert len(failures(NOBODYS, VOTE, failed())) == 1


def test_answer_that_nobody_acted_on_is_the_sole_users_of_its_session() -> None:
    """A session in which another user acted is nobody's, and so is an answer that another user acted on."""
    second = make_generation("r2", 70, session="s1", user=None)
    vote, reviewed = make_event("feedback.thumbs", "r2", 80), make_event(
        "judgment.result", "r2", 81, user="rev", source={"kind": "reviewer"})
    assert failures(NOBODYS, failed(), second, vote, reviewed, GONE) == []
    visit = make_event("signal.copied", "r2", 82, user="u2")
    assert [name for name, _ in failures(NOBODYS, failed(), second, vote, visit, GONE)] == ["r1"]
    shared = make_event("signal.copied", "r1", 82, user="u2")
    assert [name for name, _ in failures(NOBODYS, failed(), VOTE, shared, GONE)] == ["r1"]


def test_answer_on_which_two_acted_is_narrowed_by_each_and_erased_with_neither() -> None:
    """It may be the other one's; what may become of it, each decides."""
    shared = [NOBODYS, VOTE, make_event("feedback.thumbs", second=3, user="u2", payload={"value": -1})]
    assert failures(*shared, changed(60, "ops")) == [("r1", ("ops",))]
    assert [name for name, _ in failures(*shared, GONE)] == ["r1"]


def test_review_of_an_erased_answer_goes_with_it() -> None:
    """What a reviewer says of it may quote it; the reviewer's other votes stay."""
    voted = [make_event("feedback.thumbs", name, user="rev", payload={"value": -1}, source={"kind": "reviewer"})
             for name in ("r1", "r2")]
    answers = [make_generation(), make_generation("r2", session="s2", user="u2")]
    assert [name for name, _ in failures(*answers, *voted)] == ["r1", "r2"]
    assert [name for name, _ in failures(*answers, *voted, GONE)] == ["r2"]


def test_consent_narrows_answers_that_name_no_user() -> None:
    """The words of the second message are of the user who voted on its answer and allows ops alone now."""
    events = [make_generation("r1", user=None), make_generation("r2", 60, user=None, prompt="that is wrong, it fails"),
              make_event("feedback.thumbs", "r2", 70, payload={"value": 1})]
    assert failures(*events) == [("r1", ("analytics", "eval", "ops"))]
    assert failures(*events, changed(1000, "ops")) == [("r1", ("ops",))]


def test_what_may_not_be_counted_is_not() -> None:
    """Without ``ops`` and ``analytics`` nothing is derived of an event, nor of what nobody says of such an answer."""
    shut = {"basis": "consent", "purposes": ["training", "notify"]}
    vote = make_event("feedback.thumbs", payload={"value": -1, "text": "bad"}, consent=shut)
    assert evidence_of([make_generation(consent=shut), vote, failed()]).counts["turns"] == 0
    assert failures(make_generation(consent=shut), vote, failed()) == []
    assert failures(make_generation(), vote) == []
    assert purposes(changed(60)) == []
    assert failures(make_generation(), VOTE, failed(), changed(60, "analytics")) == [("r1", ("analytics",))]
    none = make_event("feedback.thumbs", payload={"value": -1}, consent=None)
    assert failures(make_generation(), none) == [("r1", ("analytics", "ops"))]


def test_outcome_of_an_answer_to_staff_is_left_out_with_it() -> None:
    """A system does not know that the answer was to staff."""
    answer = make_generation(user="staff", actor={"user_key": "staff", "internal": True})
    events = [answer, failed(), make_generation("r2", user="u2"), failed("r2")]
    assert [name for name, _ in failures(*events)] == ["r2"]
    counts = evidence_of(events).counts
    assert (counts["internal"], counts["orphans"]) == (2, 0)


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

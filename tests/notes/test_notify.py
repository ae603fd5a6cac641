"""Who hears of a release: who complained, agreed, and has not heard yet; nobody before production confirmed it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from evalloop.notes.notify import plan, send, sent_event
from evalloop.records.failure import Failure
from evalloop.records.release import Check, Expectation, Release

SHIPPED, NOW = "2026-03-02T00:00:00.000000Z", "2026-04-01T00:00:00.000000Z"
CHECK = Check("cites", "c1", "confirmed", NOW, 0.05, 0.02, 0.4, 0.3, 0.6, 90.0, 0.01, 5000, 3000)
RELEASE = Release("v2", SHIPPED, "base", "cand", None, None, None, "PASS", shipped_at=SHIPPED, checks=(CHECK,),
                  expectations=(Expectation("cites", "c1", "better", 0.2, "broken citations"),))


def complaint(name, user="ann", **fields):
    """A failure in the theme c1."""
    given = {"failure_id": name, "text": "the links are dead", "user_key": user, "response_id": f"r-{name}",
             "occurred_at": "2026-02-20T00:00:00.000000Z", "prompt": "find sources",
             "consent_purposes": ("analytics", "notify")}
    return Failure(**{**given, **fields})


def planned(*failures, sent=(), release=RELEASE, **options):
    """The plan for these complaints, all of theme c1."""
    return plan(release, {each.failure_id: ["c1"] for each in failures}, failures, sent, now=NOW, **options)


def test_a_user_hears_once_in_their_own_words():
    """Two complaints of one user make one notice, on the last of them, with the measured change."""
    later = complaint("f2", occurred_at="2026-02-25T00:00:00.000000Z", text="dead links again")
    found = planned(complaint("f1"), later)
    (notice,) = found.notices
    assert notice.response_id == "r-f2"
    assert '"dead links again"' in notice.text
    assert "2.0 of a hundred, before 5.0" in notice.text
    assert "broken citations" in notice.text


@pytest.mark.parametrize(("fields", "reason"), [
    ({"consent_purposes": ("analytics", "eval")}, "no consent to notices"),
    ({"user_key": None}, "the user is not known"),
    ({"weight": 0.0}, "quarantined"), ({"occurred_at": "2026-03-10T00:00:00.000000Z"}, "complained after the release")])
def test_who_does_not_hear_is_counted_with_the_reason(fields, reason):
    """One complaint each."""
    found = planned(complaint("f1", **fields))
    assert (found.notices, found.left_out) == ((), {reason: 1})


@pytest.mark.parametrize("verdict", ["not yet", "no change", "worse"])
def test_nothing_is_told_that_production_did_not_confirm(verdict):
    """Only a confirmed theme makes notices."""
    assert not planned(complaint("f1"), release=replace(RELEASE, checks=(replace(CHECK, verdict=verdict),))).notices


def test_nobody_hears_twice_of_a_release_or_too_often():
    """What was sent is read from events; another release waits for its days to pass."""
    (notice,) = planned(complaint("f1")).notices
    event = sent_event(notice, "file", "2026-03-20T00:00:00.000000Z")
    assert planned(complaint("f1"), sent=[event]).left_out == {"told already": 1}
    other = replace(RELEASE, name="v3")
    assert planned(complaint("f1"), sent=[event], release=other).left_out == {"told of another release lately": 1}
    assert len(planned(complaint("f1"), sent=[event], release=other, every_days=7).notices) == 1


def test_words_are_masked_and_kept_short():
    """The mask of the project is laid over the quote; a long complaint is cut."""
    (notice,) = planned(complaint("f1", text="mail me at a@b.example " + "x" * 500), mask=lambda text: text.replace(
        "a@b.example", "[email]")).notices
    assert "a@b.example" not in notice.text
    assert len(notice.quote) <= 200


def test_an_act_without_words_quotes_nothing():
    """The prompt is not the user's complaint."""
    (notice,) = planned(complaint("f1", text="find sources")).notices
    assert notice.quote == ""
    assert notice.text.startswith("You let us know")


def test_a_channel_that_breaks_leaves_the_rest_to_the_next_time():
    """What went out before is kept as sent; the broken one and the rest are not."""
    notices = planned(*[complaint(f"f{number}", f"user {number}") for number in range(3)]).notices
    kept = []

    def deliver(notice):
        if notice is notices[1]:
            raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        list(send(notices, deliver, kept.append))
    assert kept == [notices[0]]


def test_a_sent_notice_is_a_valid_event():
    """It passes the schema of events, and its id is that of the notice."""
    from evalloop.store import schema

    (notice,) = planned(complaint("f1")).notices
    event = sent_event(notice, "file")
    assert not schema.validate("event", event.to_dict())
    assert event.event_id == notice.notice_id

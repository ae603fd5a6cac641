"""Accounts are set apart for what they do together or too often, never for being few or angry once."""

from __future__ import annotations

from typing import Any

from evalloop.records.account import Account
from evalloop.records.event import Event
from evalloop.signals import evalloop_detectors
from evalloop.signals.abuse import suspicious, votes_of
from evalloop.signals.alike import groups_of_like_texts
from evalloop.signals.derive import derive, records, run, together
from evalloop.signals.explicit import Thumbs
from evalloop.signals.scored import set_apart
from evalloop.testing import evidence_of, make_event, make_generation

LONG = "the sources that it names do not exist at all and every single link is broken again"


def votes(user: str, values: list[int], *, start: float = 0, gap: float = 3600, text: str = "",
          kind: str = "end_user", target: str = "") -> list[Event]:
    """Votes of one user on answers of their own (or on the same ones, ``target``), ``gap`` seconds apart."""
    made: list[Event] = []
    for number, value in enumerate(values):
        response = f"{target or user}-{number}"
        payload = {"value": value, **({"text": text} if text else {})}
        made += [make_generation(response, start + number * gap, session=f"{response}-session", user=user),
                 make_event("feedback.thumbs", response, start + number * gap + 1, user=user, payload=payload,
                            source={"kind": kind})]
    return made


def crowd(count: int = 40) -> list[Event]:
    """Honest users: two votes each, up and down, in words of their own."""
    return [event for number in range(count)
            for event in votes(f"honest{number}", [1, -1], start=number * 120, text=f"number {number} is what I mean")]


def found_in(events: list[Event]) -> dict[str, Account]:
    """The suspicious accounts among some events."""
    evidence = evidence_of(events)
    explicit = [each for each in evalloop_detectors() if each.kind == "explicit"]
    return {each.user_key: each for each in suspicious(votes_of(evidence, together(derive(evidence, explicit))))}


def test_honest_users_stay() -> None:
    """A crowd with opinions, and a user with five down votes in a row: nobody is set apart."""
    assert found_in(crowd() + votes("angry", [-1] * 5)) == {}


def test_the_same_text_again_and_again() -> None:
    """Five like texts of one account are a script, with one word changed too."""
    events = crowd() + [event for number in range(6) for event in votes(
        "script", [1], start=number * 7200, text=LONG.replace("single", f"word{number}"), target=f"script{number}")]
    account = found_in(events)["script"]
    assert account.factor == 0
    assert "same text" in account.reasons[0]


def test_the_same_long_text_of_three_accounts() -> None:
    """Three users do not write the same sixteen words by chance, however far apart."""
    found = found_in(crowd() + [event for number in range(3) for event in votes(
        f"copy{number}", [-1], start=number * 20000, text=LONG)])
    assert {user: each.factor for user, each in found.items()} == {"copy0": 0, "copy1": 0, "copy2": 0}


def test_short_complaints_may_be_the_same() -> None:
    """Everybody says "not what I asked": no sign of anything."""
    assert found_in([event for number in range(40) for event in votes(
        f"u{number}", [-1, 1], start=number * 1000, text="that is not what I asked for")]) == {}


def test_bursts() -> None:
    """Fifteen votes within ten minutes where others give one; half of them are positive, so it is not the side."""
    account = found_in(crowd() + votes("quick", [1, -1] * 8, gap=20))["quick"]
    assert account.factor == 0
    assert account.reasons[0].startswith("16 votes within 10 minutes")


def test_thumb_and_comment_on_an_answer_are_one_judgment() -> None:
    """Four answers voted and commented on in ten minutes are four, not eight."""
    angry = votes("angry", [-1] * 4, gap=60)
    angry += [make_event("feedback.comment", f"angry-{n}", n * 60 + 2, user="angry", payload={"text": f"wrong {n}"})
              for n in range(4)]
    assert "angry" not in found_in([*crowd(), *angry])


def test_one_sided_raters_count_less_but_count() -> None:
    """Twenty down votes over a day at a usual half: less weight, no quarantine."""
    account = found_in(crowd() + votes("angry", [-1] * 20))["angry"]
    assert (account.factor, account.votes, account.negative) == (0.25, 20, 20)
    assert account.reasons == ("all 20 votes negative, usual are 51%",)


def test_accounts_in_step_on_the_same_answers() -> None:
    """Four accounts that vote the same way on the same three answers are one group; two are a coincidence."""
    answers = [make_generation(f"shared-{number}", number * 60, session="shared") for number in range(3)]

    def step(user: str, start: float) -> list[Event]:
        return [make_event("feedback.thumbs", f"shared-{number}", start + number * 4000, user=user,
                           payload={"value": -1}) for number in range(3)]

    group = [event for number in range(4) for event in step(f"step{number}", number * 30)]
    found = found_in(crowd() + answers + group)
    assert {user for user, each in found.items() if each.factor == 0} == {f"step{number}" for number in range(4)}
    assert found_in(crowd() + answers + step("a", 0) + step("b", 50)) == {}


def test_reviewers_are_never_judged() -> None:
    """A reviewer rates many answers at once, all bad: that is the work."""
    assert found_in(crowd() + votes("expert", [-1] * 30, gap=5, kind="reviewer")) == {}


def test_signals_keep_their_reason() -> None:
    """Set apart means weight 0 (or less) with the reason; nothing is deleted, other users' signals stay."""
    events = votes("bad", [-1]) + votes("good", [-1])
    evidence: Any = evidence_of(events)
    found = set_apart(evidence.engine, run(Thumbs(), evidence), [Account("bad", 1, 1, 0.0, ("burst",))])
    bad, good = sorted(records(evidence, found), key=lambda each: str(each.user_key))
    assert (bad.weight, bad.reason, good.weight, good.reason) == (0.0, "burst", 1.0, None)


def test_like_texts() -> None:
    """Case, stops and one word of seventeen do not matter; another complaint does, and short texts are left out."""
    like = [LONG, LONG.upper() + "!!", LONG.replace("single", "other")]
    groups = groups_of_like_texts([*like, "it was slow and it was wrong and it was rude", "wrong"], 5)
    assert len({groups[text] for text in like}) == 1
    assert len(set(groups.values())) == 2
    assert "wrong" not in groups

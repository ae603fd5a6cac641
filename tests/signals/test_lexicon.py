"""The patterns read plain complaints, corrections and thanks."""

from __future__ import annotations

import pytest

from evalloop.signals.lexicon import APPROVAL, COMPLAINTS, REFUSALS, polarity


@pytest.mark.parametrize("text", [
    "that doesn't make sense", "that doesnt make any sense .", "No, that's not what I asked for.", "this is wrong",
    "your first answer doesn't work", "umm, what?", "what are you talking about", "I already told you my name",
    "you didn’t answer my question", "you misunderstood", "still not working", "that is not correct", "try again",
    "youre not very helpful", "I never said that", "It won't compile", "it hasn't worked", "that can't be right",
    "I'm not sure what you're talking about",
    "nothing you are saying is making sense",
    "ValueError: invalid literal", "Traceback (most recent call last): ...", "are you sure?",
    "Thanks, but that's wrong"])
def test_complaints(text: str) -> None:
    """Complaints and corrections, with or without apostrophes and politeness."""
    assert polarity(text) == -1


@pytest.mark.parametrize("text", [
    "thanks!", "Perfect, that works", "you're right", "great answer", "cool thanks for the sanity check"])
def test_approval(text: str) -> None:
    """Thanks and praise."""
    assert polarity(text) == 1


@pytest.mark.parametrize("text", [
    "", "write a function that sorts a list", "make it six people instead", "no thanks", "no problem", "not so great",
    "is it in the north part of town", "exactly 3 primes", "won't be perfect"])
def test_neither(text: str) -> None:
    """Requests, changes of a wish and polite refusals say nothing of the answer."""
    assert polarity(text) == 0


def test_no_to_a_question_is_a_reply() -> None:
    """Refusing an offer is not a complaint; refusing a statement is."""
    assert polarity("No, I don't think so.", "Shall I book it?") == 0
    assert polarity("No, I don't think so.", "Paris is in Spain.") == -1


@pytest.mark.parametrize("offer", [
    "what do you think of this option: resto_rome", "Please confirm: a table for two on Friday.",
    "Does price matter? We can narrow it down.", "I can book another one if you want"])
@pytest.mark.parametrize("text", [
    "no i don't like that", "no this does not work for me", "No, make it for the 11th", "No, I don't think so"])
def test_refused_offer_is_no_complaint(offer: str, text: str) -> None:
    """Who is offered something may refuse it; the same words after a statement are a complaint."""
    assert (polarity(text, offer), polarity(text, "The capital of Spain is Paris.")) == (0, -1)


@pytest.mark.parametrize("text", [
    "no thanks", "No, that is all", "No, that would be all", "no, that's everything", "nope, i'm good", "No, I am good",
    "no, we're good", "no not at this time", "no, not today", "No. Goodbye", "No, I do not need anything else"])
def test_polite_end_is_no_complaint(text: str) -> None:
    """A farewell says nothing against the answer, whatever that was."""
    assert polarity(text, "Your table is booked.") == 0


def test_every_pattern_is_used() -> None:
    """No group of patterns is dead: each has a text that only it needs."""
    texts = {
        "no, ...": "no write it in C", "i do not think so": "i don't think so",
        "not for me": "not suitable for me", "wrong": "incorrect",
        "not right": "it isn't right", "not what i asked": "not what we wanted", "no sense": "makes no sense",
        "does not work": "does not compile", "what?": "huh?", "i said that": "i just asked", "you did not":
        "you have not read it", "you are": "you forgot the loop", "bad": "useless",
        "pasted error": "errors: index.py", "doubt": "i'm confused",
        "again": "try again", "thanks": "thx", "praise": "brilliant", "right": "that's true",
        "works": "it worked", "good answer": "nice one"}
    assert set(texts) == {*REFUSALS, *COMPLAINTS, *APPROVAL}
    assert {name: polarity(text) for name, text in texts.items()} == {
        name: 1 if name in APPROVAL else -1 for name in texts}

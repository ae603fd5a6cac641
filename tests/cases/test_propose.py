"""The kind of a fault, from users' words."""

from __future__ import annotations

import pytest

from evalloop.cases.propose import Fault, kind_of


@pytest.mark.parametrize(("words", "kind"), [
    ("that did not even make sense .", "off-topic"),
    ("that doesn make any sense", "off-topic"),
    ("you arent making sense.", "off-topic"),
    ("that makes no sense", "off-topic"),
    ("wait, what are you saying?", "off-topic"),
    ("i am not sure what your talking about.", "off-topic"),
    ("i did not ask that!", "off-topic"),
    ("that makes sense, but it is slow", "latency"),
    ("you are wrong", "hallucination"),
    ("your doing it wrong my friend", "unsorted"),
    ("no", "unsorted"),
])
def test_what_users_say_of_an_answer(words: str, kind: str) -> None:
    """Words of real users that a person sorted by hand."""
    assert kind_of(Fault("theme", complaint=words)) == kind

"""What is laid over texts beside the forms: nothing is cut in two, nothing unread is let through."""

from __future__ import annotations

import logging
import re
from typing import Any
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalloop.masking import finder, mask_text
from evalloop.masking.finder import Find, Finder, replaced


def names(text: str) -> list[Find]:
    """Finds every Ada, surely."""
    return [Find(*match.span(), 0.9, "person") for match in re.finditer("Ada", text)]


def test_forms_are_always_found() -> None:
    """What the finder does not know (keys, addresses) is masked by the forms; both kinds are told."""
    text, kinds = Finder(names).text("Ada: ada@example.org, sk-abcdefgh12345678XY")
    assert text == "[person]: [email], [secret]"
    assert kinds == {"person", "email", "secret"}


@pytest.mark.parametrize("text", [
    "mail ada@example.org or call +49 30 901820", "token = abcdefgh12345678 at 8.8.8.8",
    "-----BEGIN PRIVATE KEY-----\nabc", "no data at all", "4111 1111 1111 1111"])
def test_a_finder_that_finds_nothing_masks_as_the_forms_do(text: str) -> None:
    """The same texts and kinds."""
    assert Finder(lambda _: []).text(text) == mask_text(text)


def test_a_form_inside_of_a_longer_find_does_not_cut_it() -> None:
    """Digits of an account number may pass for a card: the whole number is masked."""
    account = "DE89 4111 1111 1111 1111 00"
    assert Finder(lambda text: [Find(0, len(account), 1.0, "iban")]).text(f"{account} is it")[0] == "[iban] is it"


@given(st.lists(st.sampled_from(["Ada", "x", " ", "long filler ", "[email]", "é", "\U0001f600"]), max_size=60),
       st.integers(4, 40))
def test_no_find_is_lost_where_pieces_meet(parts: list[str], piece: int) -> None:
    """However long the text and however short the pieces, every find is masked and all else stays."""
    text = "".join(parts)
    with mock.patch.multiple(finder, PIECE=piece, SHARED=3):
        masked, _ = Finder(names).text(text)
    assert masked == text.replace("Ada", "[person]")


@given(st.text(alphabet="Adab [email]x", max_size=60), st.lists(st.tuples(
    st.integers(0, 60), st.integers(1, 9), st.floats(0, 1), st.sampled_from(["person", "card"])), max_size=8))
def test_what_is_found_is_gone_and_the_rest_stays(text: str, found: list[tuple[int, int, float, str]]) -> None:
    """Finds may lie over each other and over marks: no character of one is left, every other character is."""
    finds = [Find(start, min(start + size, len(text)), score, kind) for start, size, score, kind in found
             if start < len(text)]
    masked, _ = replaced(text, finds)
    marks = [match.span() for match in re.finditer(r"\[[a-z][a-z0-9_]{1,39}\]", text)]
    gone = {place for each in finds for place in range(each.start, each.end)
            if not any(start <= each.start and each.end <= end for start, end in marks)}
    gone |= {place for start, end in marks for place in range(start, end)}
    outside = re.sub(r"\[(person|card|email)\]|\[[a-z][a-z0-9_]{1,39}\]", "", masked)
    assert outside == "".join(char for place, char in enumerate(text) if place not in gone)


def test_a_mark_is_not_masked_again_nor_cut() -> None:
    """A find inside of a mark is none; one that reaches over its edge takes the whole mark along."""
    assert replaced("to [email] now", [Find(4, 9, 0.9, "person")]) == ("to [email] now", frozenset())
    assert replaced("Ada [email] now", [Find(0, 6, 0.9, "person")]) == ("[person] now", frozenset({"person"}))


def test_the_surest_kind_names_finds_that_share_characters() -> None:
    """One mark, not two."""
    masked, kinds = replaced("4111 1111", [Find(0, 9, 1.0, "card"), Find(5, 9, 0.4, "phone")])
    assert (masked, kinds) == ("[card]", {"card"})


@pytest.mark.parametrize("error", [ValueError("Ada"), MemoryError(), RecursionError()])
def test_a_text_that_cannot_be_read_is_withheld(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    """The whole text is masked, the others are not, and the log does not repeat it."""
    def fails(text: str) -> list[Find]:
        if "odd" in text:
            raise error
        return names(text)

    with caplog.at_level(logging.WARNING):
        masked, kinds = Finder(fails).value({"a": "odd: Ada", "b": ["Ada", "odd " + "x" * 100]})
    assert masked == {"a": "[withheld]", "b": ["[person]", "[withheld]"]}
    assert kinds == {"withheld", "person"}
    assert type(error).__name__ in caplog.text
    assert "Ada" not in caplog.text


def test_words_that_name_something_stay() -> None:
    """A schema or a join rests on them; a text under such a key is a text all the same, and forms go over both."""
    value: dict[str, Any] = {"role": "Ada", "session_id": "Ada", "kind": "Ada said", "text": "Ada",
                             "task_id": "a@example.org"}
    assert Finder(names).value(value)[0] == {"role": "Ada", "session_id": "Ada", "kind": "[person] said",
                                             "text": "[person]", "task_id": "[email]"}

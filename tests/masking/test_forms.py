"""Personal data that has a form never stays in a text."""

from __future__ import annotations

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalloop.masking import holds_address, mask, mask_text
from evalloop.masking.forms import _mask

WORD = st.text(string.ascii_letters + string.digits, min_size=1, max_size=10)
EMAIL = st.builds("{}.{}@{}.{}".format, WORD, WORD, WORD, st.sampled_from(["com", "de", "co.uk", "museum"]))
PROSE = st.text(st.characters(categories=("Lu", "Ll", "Nd", "Po", "Zs"), exclude_characters="@%"), max_size=30)


def card(body: str) -> str:
    """A number with a right check digit (the doubling starts beside it)."""
    total = sum(sum(divmod(int(digit) * (2 - place % 2), 10)) for place, digit in enumerate(reversed(body)))
    return body + str(-total % 10)


CARD = st.text(string.digits, min_size=12, max_size=18).map(card).filter(lambda number: len(set(number)) > 1)


@given(before=PROSE, email=EMAIL, after=PROSE)
def test_planted_address_is_gone(before: str, email: str, after: str) -> None:
    """Whatever stands around it, an e-mail address does not survive."""
    text, found = mask_text(f"{before} {email} {after}")
    assert email not in text
    assert "email" in found


@given(before=PROSE, number=CARD, after=PROSE, between=st.sampled_from(["", " ", "-"]))
def test_planted_card_is_gone(before: str, number: str, after: str, between: str) -> None:
    """A card number, whole or in groups of four, does not survive."""
    written = between.join(number[start:start + 4] for start in range(0, len(number), 4))
    text, found = mask_text(f"{before} card: {written}, {after}")
    assert written not in text
    assert found & {"card", "phone"}


@given(data=st.recursive(
    st.text() | st.integers() | st.booleans() | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORD, inner, max_size=3), max_leaves=8))
def test_masking_twice_changes_nothing_more(data: Any) -> None:
    """The marks that masking leaves are not masked again, and the shape of the data stays."""
    once, _ = mask(data)
    assert mask(once) == (once, set())


@pytest.mark.parametrize(("text", "masked"), [
    ("mail me: jo.doe+x@mail.example.org!", "mail me: [email]!"),
    ("call +49 30 901820 or (030) 9018-2000", "call [phone] or [phone]"),
    ("ring 415-781-0331 now", "ring [phone] now"),
    ("4111 1111 1111 1111", "[card]"),
    ("from 8.8.8.8 and 2001:4860:4860::8888", "from [ip] and [ip]"),
    ("export API_KEY=abcd1234efgh5678ijkl", "export API_KEY=[secret]"),
    ("use sk-proj-abcdefghijklmnop1234", "use [secret]"),
    ("token ghp_abcdefghijklmnopqrst", "token [secret]"),
    ("postgres://jo:hunter2@db/x", "postgres://[secret]@db/x"),
])
def test_known_forms_are_replaced_by_their_kind(text: str, masked: str) -> None:
    """Each kind is found in a sentence, and the sentence stays."""
    assert mask_text(text)[0] == masked


@pytest.mark.parametrize("text", [
    "x[::2] and a[1:-1]", "at 12:30:45 on 2026-11-23", "127.0.0.1 and 192.168.1.10", "version 3.11.7",
    "password = argon2.hash_password(plain)", "4111 1111 1111 1112", "pi is 3.14159265358979", "0000 0000 0000 0000",
    "self.assertEqual(add(100, 200), 300)", "@property", "user@localhost", "range(1000, 2000, 100)",
    "the tokenizer returns tokens", "1,234,567.89", "hash e3b0c44298fc1c149afbf4c8996fb924",
])
def test_code_and_figures_stay(text: str) -> None:
    """What only looks alike is left alone."""
    assert mask_text(text) == (text, set())


def test_broken_texts_are_mended() -> None:
    """Halves of surrogate pairs are joined or replaced, so that every text can be stored."""
    assert mask("a\ud83d\ude00b\ud800c")[0] == "a\U0001f600b\ufffdc"


def test_ids_with_addresses_are_seen() -> None:
    """An id cannot be masked without breaking joins, so it is only told."""
    assert holds_address("jo@example.org")
    assert not holds_address("user-1@node")


PARTS = st.sampled_from([
    "sk-", "PK_", "ghp_", "hf_", "xoxb-", "AKIA", "ASIA", "AIza", "eyJ", "://", "-----BEGIN PRIVATE KEY-----",
    "api_key=", "Token: ", "bearer ", "@", ".", ":", "+49 ", "1.1.1.1", "::", "a1", "A" * 16, "7", " ", "\n", "é",
    "\ud800", "user:pw@host", "x" * 70])


@given(st.recursive(st.lists(PARTS, max_size=8).map("".join) | st.integers() | st.none(),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORD, inner, max_size=3), max_leaves=4))
def test_quick_look_never_passes_what_a_rule_finds(data: Any) -> None:
    """What the quick look calls clean, no rule would change."""
    assert mask(data) == _mask(data)

"""Duplicates among short texts."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from evalloop.near import Near, likeness, tokens

WORDS = st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=12).map(" ".join)


@given(st.lists(WORDS, max_size=12), WORDS, st.sampled_from([0.5, 0.7, 0.85, 1.0]))
def test_the_index_finds_what_a_full_search_finds(texts: list[str], query: str, least: float) -> None:
    """Prefix filtering loses nothing and invents nothing."""
    expected = any(likeness(tokens(query), tokens(text)) >= least for text in texts)
    assert Near(texts, least=least).has(query) == expected
    grown = Near(texts[:3], least=least)
    for text in texts[3:]:
        grown.add(text)
    assert grown.has(query) == expected


def test_case_space_and_form_do_not_matter() -> None:
    """Full-width letters, capitals and white space are the same text; other words are not."""
    near = Near(["Where is\n my  card?", "\u5361\u5728\u54ea\u91cc", "?!"])
    assert near.has("where is my CARD")
    assert near.has("\uff37here is my card")
    assert near.has("?!")
    assert not near.has("where is my money")
    assert not near.has("\u5361\u4e22\u4e86")
    assert not near.has("")

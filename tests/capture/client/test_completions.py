"""Completions in an editor: VS Code's definitions on worked examples, and the events of one completion's life."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalloop.capture.client.survival import Tracked
from evalloop.survival import four_gram, no_revert


@pytest.mark.parametrize(("one", "other", "share"), [
    ("abcd", "abcd", 1.0),
    ("abcd", "abce", 0.0),
    ("abcde", "abcdf", 2 / 4),       # abcd is shared; bcde and bcdf are not
    ("aaaaaa", "aaaa", 2 / 4),       # three of aaaa against one: two are left over
    ("return a + b", "return a - b", 12 / 18),   # 9 grams each; the three with the sign differ
    ("abc", "abc", 1.0),
    ("abc", "abcd", 0.0),
    ("", "", 1.0),
    ("", "abcd", 0.0),
])
def test_four_grams_by_hand(one, other, share):
    """2 x shared / all, counted with repeats; equality for short texts."""
    assert four_gram(one, other) == pytest.approx(share)
    assert four_gram(other, one) == pytest.approx(share)


@settings(max_examples=60, deadline=None)
@given(st.text("ab ", max_size=30), st.text("ab ", max_size=30))
def test_four_gram_is_a_share(one, other):
    """Between 0 and 1, the same both ways, 1 for equal texts."""
    assert 0 <= four_gram(one, other) == four_gram(other, one) <= 1
    assert four_gram(one, one) == 1


def test_no_revert_by_hand():
    """1 for the suggestion itself and for something new, 0 for what was there before, between for half of the way."""
    before, after = "let total = 0;", "const sum = reduce(add);"
    assert no_revert(before, after, after) == 1
    assert no_revert(before, after, before) == pytest.approx(0)
    assert no_revert(before, after, "something else entirely") == 1
    half = no_revert(before, after, "let total = add")
    assert half == pytest.approx(1 - four_gram("let total = add", before) / 1.0)
    assert 0 < half < 1
    assert no_revert("", after, "") == 1
    assert no_revert(before, before, "anything") == 1, "a suggestion that changed nothing"
    # short texts: all or nothing
    assert no_revert("a", "b", "a") == 0
    assert no_revert("a", "b", "c") == 1
    # of 5 runs of the suggestion one was there before (2 of 6 runs alike: 1/3); now 2/3 alike: half of the way back
    assert four_gram("abcdXY", "abcdef") == pytest.approx(1 / 3)
    assert no_revert("abcdef", "abcdXY", "abcdeX") == pytest.approx(1 - (2 / 3 - 1 / 3) / (1 - 1 / 3))


def test_a_range_follows_edits_around_and_within_it():
    """Edits before move it, edits that touch it belong to it, edits behind leave it alone."""
    tracked = Tracked("begin()\nend()\n", 8, 8, "middle()\n")
    assert tracked.document == "begin()\nmiddle()\nend()\n"
    tracked.edit(0, 5, "start it")
    assert tracked.survival().four_gram == 1
    tracked.edit(len(tracked.document), len(tracked.document), "more\n")
    assert (tracked.survival().text, tracked.survival().retained_chars) == ("middle()\n", 9)
    at = tracked.document.index("middle")
    tracked.edit(at, at + 6, "centre")
    left = tracked.survival()
    assert (left.text, left.retained_chars, left.original_chars) == ("centre()\n", 3, 9)
    assert left.four_gram == pytest.approx(2 / 12), "of 6 grams each, e()\n is shared"
    tracked.edit(0, len(tracked.document), "")
    assert (tracked.survival().text, tracked.survival().retained_chars) == ("", 0)


def test_retained_characters_leave_out_what_was_there_already():
    """A suggestion that repeats the beginning of what it replaces inserted only the rest, as in VS Code's ARC."""
    tracked = Tracked("print(", 0, 6, "print(total)")
    assert tracked.survival().original_chars == 6
    tracked.edit(6, 11, "sum")
    assert tracked.survival().retained_chars == 1
    tracked.edit(6, 9, "total")
    assert tracked.survival().four_gram == 1
    assert tracked.survival().retained_chars == 1


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_any_edits_keep_the_place(data):
    """The range stays within the document, retained characters only fall and are those of the suggestion."""
    inserted = data.draw(st.text("XYZ", min_size=1, max_size=12))
    tracked = Tracked("abcabc", data.draw(st.integers(0, 6)), 6, inserted)
    retained = tracked.survival().retained_chars
    for _ in range(data.draw(st.integers(0, 6))):
        size = len(tracked.document)
        start = data.draw(st.integers(0, size))
        tracked.edit(start, data.draw(st.integers(start, size)), data.draw(st.text("abc", max_size=4)))
        left = tracked.survival()
        assert left.text in tracked.document
        assert left.retained_chars == sum(char in "XYZ" for char in left.text) <= retained
        retained = left.retained_chars


def test_histories_end_as_in_vs_code():
    """400 random histories of edits, each measured by VS Code's own code (microsoft/vscode-copilot-chat @31acd00).

    A line holds document, start, end, inserted, edits, then VS Code's fourGram, noRevert, retained characters and text.
    Retained characters are always the same; where edits join into one the text may differ, the rest follows from it.
    """
    alike, lines = 0, (Path(__file__).parent / "survival_histories.jsonl").read_text().splitlines()
    for line in lines:
        document, start, end, inserted, edits, grams, kept, retained, text = json.loads(line)
        tracked = Tracked(document, start, end, inserted)
        for edit in edits:
            tracked.edit(*edit)
        left = tracked.survival()
        assert left.retained_chars == retained, line
        if left.text == text:
            alike += 1
            assert (left.four_gram, left.no_revert) == (pytest.approx(grams), pytest.approx(kept)), line
    assert alike / len(lines) >= 0.97


def test_the_life_of_a_completion_arrives(client, collector, monkeypatch):
    """Shown, accepted after a while, edited, sampled at each delay with what was left then."""
    made = []
    put = client._sender.put
    monkeypatch.setattr(client._sender, "put", lambda handed: (made.append(handed), put(handed)))
    completion = client.completion("return a + b", "r-1", delays=(0.2, 0.6), session="s", content=True)
    time.sleep(0.12)
    completion.accept("def add(a, b):\n    ", 19)
    time.sleep(0.35)
    completion.edited(26, 31, "sum((a, b))")
    time.sleep(0.5)
    assert [each.event_type for each in made] == ["signal.shown", "signal.accepted", "signal.edited", "signal.edited"]
    accepted, first, second = made[1], made[2], made[3]
    assert 120 <= accepted.payload["time_to_accept_ms"] < 2000
    assert accepted.payload["fraction"] == 1
    assert (first.payload["delay_ms"], second.payload["delay_ms"]) == (200, 600)
    assert (first.payload["similarity"], first.payload["retained_chars"]) == (1, 12)
    assert second.payload["after"] == "return sum((a, b))"
    assert second.payload["similarity"] == pytest.approx(four_gram("return sum((a, b))", "return a + b"))
    assert (second.payload["retained_chars"], second.payload["original_chars"]) == (7, 12)
    assert first.links == {"accepted_event": accepted.event_id}
    assert {each.about["response"] for each in made} == {"r-1"}


def test_samples_stop_when_the_branch_changes_or_the_document_closes(make_client, monkeypatch):
    """The text changed without the user's doing: counted, not sampled."""
    client, made, branch = make_client(), [], ["main"]
    monkeypatch.setattr(client._sender, "put", made.append)
    switched = client.completion("x = 1", delays=(0.1, 0.2), branch=lambda: branch[0])
    switched.accept("", 0)
    closed = client.completion("y = 2", delays=(0.1,))
    closed.accept("", 0)
    closed.close()
    branch[0] = "other"
    time.sleep(0.5)
    assert "signal.edited" not in {each.event_type for each in made}
    assert client.stats()["branch_changed"] == 1


def test_a_part_can_be_accepted_and_all_can_be_rejected(make_client, monkeypatch):
    """The fraction tells how much; impossible places are counted, not raised."""
    client, made = make_client(strict=False), []
    monkeypatch.setattr(client._sender, "put", made.append)
    client.completion("one two").accept("", 0, text="one")
    client.completion("one two").reject()
    client.completion("one").accept("short", 77)
    assert made[1].payload["fraction"] == pytest.approx(3 / 7)
    assert made[3].event_type == "signal.rejected"
    assert client.stats()["errors"] == 1

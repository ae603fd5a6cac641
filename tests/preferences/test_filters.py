"""What may not leave does not leave, every row that stays out is counted, and no user stands in both splits."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalloop.masking import Masker
from evalloop.masking.finder import Find, Finder
from evalloop.preferences.filters import Selection, balanced, grams, length_only, select, split_of, toxic
from evalloop.records.preference import Preference

LONG = "please explain step by step how the borrow checker of rust decides that a reference outlives its owner"


def pair(number=0, **fields):
    """A pair of a user of its own, on a prompt of its own."""
    topic = " ".join(f"{word}{number}" for word in ("heron", "maple", "quartz", "tunnel", "violin"))
    given_fields = {"row_id": f"p-{number}", "source": "correction", "chosen": f"right about {topic}",
                    "prompt": ({"role": "user", "content": f"tell me of {topic}"},), "rejected": "no idea",
                    "weight": 1.0, "confidence": 0.85, "occurred_at": "2026-01-05T10:00:00Z", "user_key": f"u{number}"}
    return Preference(**{**given_fields, **fields})


def left_out(*pairs, held=(), **options):
    """Reasons and counts."""
    return dict(select(pairs, (), held, Selection(**options)).left_out)


@pytest.mark.parametrize(("fields", "reason"), [
    ({"chosen": "write to jane.doe@example.com"}, "personal data or a secret"),
    ({"chosen": "you f*cking idiot, read the manual"}, "toxic answer"),
    ({"prompt": ({"role": "user", "content": LONG},)}, "in an evalset"),
    ({"rejected": f"I was asked: {LONG}, and said no"}, "in an evalset"),
    ({"confidence": 0.4}, "confidence too low")])
def test_each_reason_keeps_a_row_in(fields, reason):
    """The row is not written, and the reason is counted once."""
    assert left_out(pair(**fields), pair(1), held=[LONG]) == {reason: 1}


def test_the_masker_of_the_project_keeps_rows_in():
    """What only it knows to be personal data counts as such, in prompts and answers."""
    finder = Finder(lambda text: [Find(*match.span(), 0.9, "person") for match in re.finditer("Ada", text)])
    masker = Masker("test@1", finder.text, finder.value)
    rows = [pair(), pair(1, chosen="ask Ada"), pair(2, prompt=({"role": "user", "content": "is Ada there?"},))]
    assert left_out(*rows, masker=masker) == {"personal data or a secret": 2}
    assert left_out(*rows) == {}


def test_a_nearly_same_prompt_of_an_evalset_counts_as_held():
    """One word changed, case and order of words do not matter."""
    prompt = ({"role": "user", "content": LONG.replace("please", "kindly").upper()},)
    assert left_out(pair(prompt=prompt), held=[LONG]) == {"in an evalset": 1}


def test_swear_words_are_found_in_what_would_be_learnt_only():
    """A rejected answer may be as rude as it was; a question on processes is not rude."""
    assert not left_out(pair(rejected="you fucking idiot"))
    assert not toxic("how to kill a process, then assess the class in Scunthorpe")


def test_near_duplicates_leave_the_surest():
    """Of two alike the one with more confidence stays."""
    twins = pair(row_id="a", confidence=0.6), pair(row_id="b", confidence=0.9)
    chosen = select(twins, (), ())
    assert [each.row_id for each in chosen.pairs] == ["b"]
    assert chosen.left_out == {"near duplicate": 1}


def test_one_user_cannot_flood_the_set():
    """At most per_user rows of one user."""
    rows = [pair(number, user_key="loud") for number in range(20)]
    assert left_out(*rows, pair(99), per_user=5) == {"too many of one user": 15}


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from("xy"), st.floats(0.05, 5)), min_size=1, max_size=30),
       st.floats(0, 1))
def test_balance_keeps_the_total_and_never_turns_the_order_of_clusters(rows, balance):
    """Weights only move towards equal totals of clusters."""
    made = [pair(number, cluster_id=cluster, weight=weight) for number, (cluster, _, weight) in enumerate(rows)]
    after = balanced(made, balance)
    assert sum(each.weight for each in after) == pytest.approx(sum(each.weight for each in made))

    def totals(pairs):
        return {name: sum(each.weight for each in pairs if each.cluster_id == name) for name in "abcd"}

    first, second = totals(made), totals(after)
    for one in "abcd":
        for other in "abcd":
            assert not (first[one] > first[other] * 1.0001 and second[one] < second[other] * 0.9999)


def test_full_balance_makes_clusters_equal():
    """Balance 1: nine rows of one cluster weigh as much as the one of the other."""
    rows = [pair(number, cluster_id="big" if number else "small") for number in range(10)]
    after = balanced(rows, 1.0)
    assert after[0].weight == pytest.approx(sum(each.weight for each in after[1:]))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from(["ann", "bob", "cyd", "dan", "eve"]), min_size=1, max_size=40))
def test_no_user_is_in_both_splits(users):
    """The split is that of the user, whatever else there is."""
    rows = [pair(number, user_key=user) for number, user in enumerate(users)]
    chosen = select(rows, (), (), Selection(heldout=0.5, per_user=0))
    sides = {(each.user_key, each.split) for each in chosen.pairs}
    assert len(sides) == len({user for user, _ in sides})


def test_about_the_asked_share_of_users_is_held_out():
    """2,000 users, a tenth."""
    held = sum(split_of(f"user {number}", 0.1) == "heldout" for number in range(2000))
    assert 150 < held < 250


def test_length_alone_is_flagged():
    """The longer answer repeats the shorter one and adds little; a fuller answer is not flagged."""
    short = "call sorted on the list"
    assert length_only(f"{short}, just call sorted on the list, yes, the list, sorted", short)
    assert not length_only("use numpy.sort with kind stable, which keeps equal rows in order and is quick", short)
    flagged = select([replace(pair(), chosen=f"{short} and sorted on the list, on the list", rejected=short)], (), ())
    assert flagged.pairs[0].flags == ("length only",)


def test_languages_are_told():
    """ISO codes, the same in every run."""
    chosen = select([pair(0, prompt=({"role": "user", "content": "wie sortiere ich eine lange Liste von Namen"},)),
                     pair(9)], (), ())
    assert next(each.language for each in chosen.pairs) == "de"


def test_runs_of_thirteen_words_are_compared():
    """Twelve words are no evidence, thirteen are; case and spaces are folded."""
    words = [f"w{number}" for number in range(13)]
    assert not grams(" ".join(words[:12]))
    assert grams(" ".join(words)) == grams("  ".join(words).upper())

"""Pairs come from what users did, only with consent, and never from an act that proves nothing."""

from __future__ import annotations

import pytest

from evalloop.preferences.pairs import mine
from evalloop.testing import make_event, make_generation

TRAINING = {"basis": "consent", "purposes": ["ops", "analytics", "eval", "training"]}


def answer(response, second=0, **fields):
    """An answer that may be used for training."""
    return make_generation(response, second, **{"consent": TRAINING, "answer": f"answer {response}", **fields})


def act(kind, response, second=1, **fields):
    """An act of a user who allows training."""
    return make_event(kind, response, second, **{"consent": TRAINING, **fields})


def sides(mined):
    """(source, chosen, rejected) of each pair."""
    return sorted((pair.source, pair.chosen, pair.rejected) for pair in mined.pairs)


def retry(*acts, third=()):
    """An answer, a new try of it, and what came after."""
    return [answer("a"), act("signal.regenerated", "a", 5, links={"regenerate_of": "a"}),
            answer("b", 10, links={"regenerate_of": "a"}), *acts, *third]


def test_a_new_try_that_was_copied_beats_the_answer_it_replaced(gather):
    """Rejected A, chosen B, half the weight of a vote."""
    mined = mine(gather(*retry(act("signal.copied", "b", 20, payload={"chars": 8, "total": 8}))))
    assert sides(mined) == [("regenerate", "answer b", "answer a")]
    assert mined.pairs[0].weight == 0.5
    assert mined.pairs[0].response_ids == ("b", "a")


def test_a_vote_on_the_new_try_makes_the_pair_surer(gather):
    """An explicit act doubles the weight."""
    mined = mine(gather(*retry(act("feedback.thumbs", "b", 20, payload={"value": 1}))))
    assert (mined.pairs[0].weight, mined.pairs[0].confidence) == (1.0, 0.75)


def test_a_new_try_that_earned_nothing_proves_nothing(gather):
    """No positive act on B: no pair."""
    assert not mine(gather(*retry())).pairs
    assert not mine(gather(*retry(act("feedback.thumbs", "b", 20, payload={"value": -1})))).pairs


def test_a_third_try_takes_the_second_out(gather):
    """B was tried again, so only C over B counts."""
    third = [answer("c", 30, links={"regenerate_of": "b"}), act("signal.shared", "c", 40)]
    mined = mine(gather(*retry(act("signal.copied", "b", 20), third=third)))
    assert [side for side in sides(mined) if side[2] == "answer a"] == []


def test_a_loved_answer_is_not_rejected_by_curiosity(gather):
    """A was voted up before the new try."""
    acts = act("feedback.thumbs", "a", 2, payload={"value": 1}), act("signal.copied", "b", 20)
    assert not mine(gather(*retry(*acts))).pairs


def test_without_consent_to_training_there_is_no_pair(gather):
    """One event of the chain that only allows evals is enough to refuse, and it is counted."""
    events = retry(make_event("signal.copied", "b", 20))
    mined = mine(gather(*events))
    assert not mined.pairs
    assert mined.refused == {"no consent to training": 1}


def test_a_correction_beats_the_answer(gather):
    """The user's own words are chosen."""
    mined = mine(gather(answer("a"), act("feedback.correction", "a", payload={"ideal": "use list.sort()"})))
    assert sides(mined) == [("correction", "use list.sort()", "answer a")]


@pytest.mark.parametrize(("after", "delay", "pairs"), [
    ("answer a that was made a bit longer"[:14], 300_000, 1), ("answer a", 300_000, 0),
    ("answer a b c", 299_999, 0), ("something else altogether, at great length", 600_000, 0)])
def test_an_edit_counts_when_it_is_final_and_neither_a_slip_nor_another_text(gather, after, delay, pairs):
    """Changed by 5 to 60 %, and seen at least five minutes later."""
    event = act("signal.edited", "a", payload={"after": after, "delay_ms": delay})
    assert len(mine(gather(answer("a"), event)).pairs) == pairs


def test_a_pairwise_vote_keeps_the_order_shown(gather):
    """chosen_first says whether the winner stood first."""
    vote = act("feedback.pairwise", "a", 5, payload={"chosen": "b", "rejected": "a", "shown_order": ["a", "b"]})
    mined = mine(gather(answer("a"), answer("b", 1), vote))
    assert sides(mined) == [("pairwise", "answer b", "answer a")]
    assert mined.pairs[0].chosen_first is False


def test_ties_and_unknown_answers_are_counted_not_used(gather):
    """Each with its reason."""
    tie = act("feedback.pairwise", "a", 5, payload={"chosen": "b", "rejected": "a", "tie": True})
    lost = act("feedback.pairwise", "a", 6, payload={"chosen": "b", "rejected": "gone"})
    assert mine(gather(answer("a"), answer("b", 1), tie, lost)).refused == {
        "a tie": 1, "an answer is not known": 1}


def test_the_accepted_suggestion_beats_those_that_were_seen_and_left(gather):
    """A sibling that was never shown proves nothing."""
    shown = [act("signal.shown", name, 1, links={"siblings": ["a", "b", "c"]}) for name in ("a", "b")]
    mined = mine(gather(answer("a"), answer("b"), answer("c"), *shown,
                        act("signal.accepted", "b", 4, payload={"time_to_accept_ms": 2000})))
    assert sides(mined) == [("accept", "answer b", "answer a")]


def test_an_experiment_pairs_the_best_with_the_worst_received_answer_to_one_prompt(gather):
    """Two users, two variants, opposite votes."""
    def under(name, variant, user, value):
        context = {"experiment": "tone", "variant": variant}
        return (answer(name, session=f"s-{user}", user=user, context=context),
                act("feedback.thumbs", name, user=user, payload={"value": value}))

    good, bad, same = under("a", "v1", "u1", 1), under("b", "v2", "u2", -1), under("c", "v1", "u3", -1)
    assert sides(mine(gather(*good, *bad))) == [("experiment", "answer a", "answer b")]
    assert not mine(gather(*good, *same)).pairs


def test_the_same_events_give_the_same_pairs_in_any_order(gather):
    """Ids included."""
    events = retry(act("signal.copied", "b", 20))
    assert mine(gather(*events)) == mine(gather(*events[::-1]))


def test_a_prompt_with_an_image_is_not_cut_to_its_text(gather):
    """The pair would lie about what the model saw."""
    messages = [{"role": "user", "content": [{"type": "text", "text": "what is this"}, {"type": "image", "url": "x"}]}]
    seen = answer("a", payload={"input": {"messages": messages},
                                "output": {"messages": [{"role": "assistant", "content": "a cat"}]}})
    mined = mine(gather(seen, act("feedback.correction", "a", payload={"ideal": "a dog"})))
    assert mined.refused == {"the prompt is not known, or holds more than text": 1}

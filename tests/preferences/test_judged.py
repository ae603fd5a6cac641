"""Single answers: judged by all evidence, and rated by criterion."""

from __future__ import annotations

from evalloop.preferences.judged import agreement, judge, ratings
from evalloop.testing import make_event, make_generation

TRAINING = {"basis": "consent", "purposes": ["analytics", "eval", "training"]}


def rated(name, *scores, consent=TRAINING):
    """An answer with the scores of raters a, b, c ..."""
    yield make_generation(name, session=name, consent=consent)
    for rater, score in zip("abc", scores, strict=False):
        yield make_event("judgment.result", name, ord(rater), payload={"name": "helpful", "score": score,
                                                                      "reviewer": rater}, consent=consent)


def test_an_answer_is_judged_by_the_net_of_its_signals(gather):
    """Voted up: label good; voted down: bad; a single weak act: not judged."""
    events = [make_generation(name, session=name, consent=TRAINING) for name in "abc"]
    votes = [make_event("feedback.thumbs", "a", payload={"value": 1}, consent=TRAINING),
             make_event("feedback.thumbs", "b", payload={"value": -1}, consent=TRAINING),
             make_event("signal.stopped", "c", consent=TRAINING)]
    found = judge([gather(*events, *votes)]).answers
    told = {each.response_ids[0]: (each.score, each.explicit) for each in found}
    assert told == {"a": (1.0, True), "b": (-1.0, True)}


def test_evidence_without_consent_takes_the_answer_out(gather):
    """Counted by reason."""
    found = judge([gather(make_generation(consent=TRAINING), make_event("feedback.thumbs", payload={"value": 1}))])
    assert (found.answers, found.refused) == ((), {"no consent to training": 1})


def test_raters_are_kept_apart_and_their_agreement_is_told(gather):
    """Three answers, two raters in full agreement: alpha 1; one answer of one rater says nothing of agreement."""
    events = [*rated("x", 1, 1), *rated("y", 0, 0), *rated("z", 0.5, 0.5)]
    found = ratings(gather(*events).turns.values())
    assert found[0].scores == {"a": 1.0, "b": 1.0}
    (criterion,) = agreement(found)
    assert (criterion.name, criterion.answers, criterion.raters, criterion.alpha) == ("helpful", 3, 2, 1.0)
    assert next(agreement(ratings(gather(*rated("x", 1)).turns.values()))).alpha is None


def test_ratings_without_consent_stay(gather):
    """No purpose, no row."""
    assert not ratings(gather(*rated("x", 1, 1, consent=None)).turns.values())

"""The expression that counts regenerate pairs beyond memory finds those that the miner finds."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from evalloop.preferences.evidence import Evidence
from evalloop.preferences.judged import judge, ratings
from evalloop.preferences.pairs import mine, regenerations
from evalloop.preferences.select import clear, paired, regenerated
from evalloop.signals import evalloop_detectors
from evalloop.signals.derive import derive, records, together
from evalloop.signals.turns import turns
from evalloop.testing import evidence_of, make_event, make_generation

ACTS = ("signal.copied", "signal.shared", "feedback.thumbs", "signal.stopped")
HEARD = ("thumbs", "copy", "share", "stop", "regenerate")


@st.composite
def retries(draw):
    """Up to three chains of tries of one question each, with acts on any of them."""
    events = []
    for chain in range(draw(st.integers(1, 3))):
        names = [f"{chain}-{number}" for number in range(draw(st.integers(1, 4)))]
        for at, name in enumerate(names):
            second = 1000 * chain + 100 * at
            told = draw(st.sampled_from(["generation", "act", "neither"])) if at else "neither"
            links = {"links": {"regenerate_of": names[at - 1]}} if told == "generation" else {}
            events.append(make_generation(name, second, session=f"s{chain}", answer=f"answer {name}", **links))
            if told == "act":
                events.append(make_event("signal.regenerated", name, second - 1,
                                         links={"regenerate_of": names[at - 1]}))
            for act in draw(st.lists(st.sampled_from(ACTS), max_size=2, unique=True)):
                payload = {"value": draw(st.sampled_from([1, -1]))} if act == "feedback.thumbs" else (
                    {"chars": 8, "total": 8} if act == "signal.copied" else {})
                events.append(make_event(act, name, second + 10, payload=payload))
    return events


@settings(max_examples=8, deadline=None)
@given(retries())
def test_the_expression_finds_the_pairs_of_the_miner(events):
    """The same chosen and rejected answers, and the same of them with a vote."""
    evidence = evidence_of(events)
    signals = together(derive(evidence, [each for each in evalloop_detectors() if each.name in HEARD]))
    table = regenerated(evidence, signals)
    found = {(row["chosen"], row["rejected"], row["voted"]) for row in evidence.engine.records(table)}
    mined = {(find.turn.response_id, find.turns[1].response_id, find.source.endswith("voted"))
             for find in regenerations(Evidence.of(turns(evidence), records(evidence, signals)))}
    assert found == mined


TRAINING = {"basis": "consent", "purposes": ["ops", "analytics", "eval", "training"]}


def answer(name, second, **fields):
    """An answer that may be used for training, in a session of its own."""
    return make_generation(name, second, session=f"s-{name}", answer=f"answer {name}", consent=TRAINING, **fields)


def act(kind, response, second, user="u1", links=None, **payload):
    """An act of a user who allows training."""
    return make_event(kind, response, second, user=user, consent=TRAINING, payload=payload, links=links or {})


def every_source():
    """Pairs of all six sources, a rating, judged answers, and answers of which nothing comes."""
    context = [{"context": {"experiment": "tone", "variant": name}} for name in ("v1", "v2")]
    return [
        *(answer(name, 100 * place) for place, name in enumerate("abcdefghijkl")),
        act("feedback.pairwise", "a", 5, chosen="b", rejected="a"),
        act("feedback.correction", "c", 205, ideal="sort it in place"),
        act("signal.edited", "d", 305, after="answer d e", delay_ms=400_000),
        answer("again", 410, links={"regenerate_of": "e"}), act("signal.copied", "again", 415, chars=8, total=8),
        *(act("signal.shown", name, 505, links={"siblings": ["f", "g"]}) for name in "fg"),
        act("signal.accepted", "g", 510, time_to_accept_ms=2000),
        answer("one", 900, user="u2", **context[0]), act("feedback.thumbs", "one", 905, "u2", value=1),
        answer("two", 950, user="u3", **context[1]), act("feedback.thumbs", "two", 955, "u3", value=-1),
        act("judgment.result", "h", 705, name="correct", score=1.0),
        act("feedback.thumbs", "i", 805, value=-1), act("feedback.thumbs", "j", 905, value=1),
        act("response.viewed", "k", 1005, visible_ms=10)]


def test_turns_that_are_not_read_change_nothing():
    """Pairs and ratings of the turns that can give some, and answers judged one by one, are those of all turns."""
    evidence = evidence_of(every_source())
    signals = together(derive(evidence, [each for each in evalloop_detectors()
                                         if each.name in (*HEARD, "correction", "edit", "accept")]))
    every = Evidence.of(turns(evidence), records(evidence, signals))
    few = Evidence.of(turns(evidence, paired(evidence, signals)), records(evidence, signals))
    assert few.turns.keys() == {*"abcdefgh", "again", "one", "two"}
    mined = mine(few)
    assert mined == mine(every)
    assert {pair.source for pair in mined.pairs} == {"pairwise", "correction", "edit", "regenerate", "accept",
                                                    "experiment"}
    assert ratings(few.turns.values()) == ratings(every.turns.values()) != []
    chosen = list(turns(evidence, clear(evidence, signals)))
    assert {"i", "j"} <= {turn.response_id for turn in chosen} <= every.turns.keys() - {"k", "l"}
    alone = [Evidence.of([turn], every.on(turn)) for turn in chosen]
    assert judge(alone) == judge([every])

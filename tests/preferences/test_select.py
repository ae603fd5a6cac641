"""The expression that counts regenerate pairs beyond memory finds those that the miner finds."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from evalloop.preferences.evidence import Evidence
from evalloop.preferences.pairs import regenerations
from evalloop.preferences.select import regenerated
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

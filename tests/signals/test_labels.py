"""Labels and features: plain sums by turn, users in one fold, and nothing of accounts that are set apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evalloop.records.account import Account
from evalloop.signals.build import arrow_schema
from evalloop.signals.labels import FOLDS, Labelled, labelled
from evalloop.signals.scored import judged_apart
from evalloop.testing import evidence_of, make_event, make_generation

Said = tuple[str, str, str, float, float]
"""Response, detector, kind, polarity, weight."""
DETECTORS = {"thumbs": "explicit", "comment": "explicit", "outcome": "outcome", "copy": "implicit", "stop": "implicit"}


def turns_of(n: int, *more: Any) -> Any:
    """``n`` answers r0, r1, ..., each to a user of its own, and what else happened."""
    return evidence_of([*(make_generation(f"r{row}", row, session=f"s{row}", user=f"u{row}") for row in range(n)),
                        *more])


def labels_of(evidence: Any, said: Sequence[Said], accounts: Sequence[Account] = ()) -> Labelled:
    """The labelled turns by these signals, each of the user of its answer."""
    rows = [{"signal_id": str(number), "detector": f"{detector}@1", "kind": kind, "response_id": response,
             "user_key": f"u{response[1:]}", "polarity": polarity, "weight": weight, "event_ids": [], "at_us": 0}
            for number, (response, detector, kind, polarity, weight) in enumerate(said)]
    schema = arrow_schema()
    table = evidence.engine.rows([pa.Table.from_pylist(rows, schema=schema)], schema)
    return labelled(evidence, judged_apart(evidence.engine, table, accounts))


def review(response: str, score: float, reviewer: str = "reviewer") -> Any:
    """What a reviewer (or somebody else) finds of an answer, from 0 to 1."""
    return make_event("judgment.result", response, 100, user=None, source={"kind": reviewer}, payload={
        "name": "correct", "score": score}, event_id=f"{reviewer} says {score} of {response}")


@given(st.lists(st.tuples(st.integers(0, 11), st.sampled_from(sorted(DETECTORS)), st.integers(-20, 20),
                          st.integers(0, 10)), min_size=30, max_size=90))
@settings(max_examples=6, deadline=None)
def test_labels_and_features_are_plain_sums(told: list[tuple[int, str, int, int]]) -> None:
    """Bad where votes and outcomes sum to less than 0, no label at 0; features are what acts say for and against."""
    found = labels_of(turns_of(12), [(f"r{row}", name, DETECTORS[name], value / 20, weight / 10)
                                     for row, name, value, weight in told])
    sums = {row: sum(value * weight for at, name, value, weight in told if at == row and name in ("thumbs", "outcome"))
            for row in range(12)}
    rows = sorted((row for row in sums if sums[row]), key=lambda row: f"r{row}")
    assert found.bad.tolist() == [float(sums[row] < 0) for row in rows]
    acts = [(row, f"{name}@1{'+' if value > 0 else '-'}", abs(value * weight)) for row, name, value, weight in told
            if DETECTORS[name] == "implicit" and value * weight and row in rows]
    assert list(found.names) == sorted({feature for _, feature, _ in acts})
    assert found.table.ravel().tolist() == pytest.approx([
        sum(much for at, told, much in acts if (at, told) == (row, feature)) / 200
        for row in rows for feature in found.names])


def test_a_reviewer_alone_labels_a_turn() -> None:
    """The mean of the reviewers' scores against 0.5; what a judge says, or a score on another scale, is no label, and
    a vote can cancel it out."""
    evidence = turns_of(7, review("r0", 0.2), review("r1", 0.9), review("r2", 0.4), review("r2", 0.9),
                        review("r3", 0.0, "grader"), review("r4", 0.5), review("r5", 1.0), review("r6", 4.0))
    assert labels_of(evidence, [("r5", "thumbs", "explicit", -1, 0.5)]).bad.tolist() == [1, 0, 0]


def test_votes_of_accounts_set_apart_are_no_labels() -> None:
    """An account in quarantine labels nothing and is no feature; one that counts a quarter still labels its turn."""
    accounts = [Account("u0", 9, 9, 0.0, ("script",)), Account("u1", 9, 9, 0.25, ("one-sided",))]
    said = [(f"r{row}", *told) for row in range(3) for told in (("thumbs", "explicit", -1, 1.0),
                                                               ("copy", "implicit", 1, 0.4))]
    evidence = turns_of(3, review("r0", 1.0))
    found = labels_of(evidence, said, accounts)
    assert found.bad.tolist() == [0, 1, 1], "the reviewer alone speaks of r0"
    assert found.table.ravel().tolist() == pytest.approx([0, 0.1, 0.4])


def test_turns_of_a_user_lie_in_one_fold() -> None:
    """The unit is the user, else the session; its fold hangs on its name alone, not on who else voted."""
    owners: list[dict[str, Any]] = [{"user": f"u{row % 8}", "session": f"s{row}"} for row in range(40)]
    owners += [{"user": None, "session": f"t{row % 4}"} for row in range(40)]
    evidence = evidence_of([make_generation(f"r{row:02}", row, **owner) for row, owner in enumerate(owners)])
    votes = [(f"r{row:02}", "thumbs", "explicit", 1, 1.0) for row in range(80)]
    found = labels_of(evidence, votes)
    units = [owner["user"] or owner["session"] for owner in owners]
    assert found.users == len(set(zip(found.units.tolist(), units, strict=True))) == len(set(units)) == 12
    assert len(set(zip(found.units.tolist(), found.folds.tolist(), strict=True))) == 12
    assert 1 < len(set(found.folds.tolist())) <= FOLDS
    assert labels_of(evidence, votes[::3]).folds.tolist() == found.folds[::3].tolist()


def test_surfaces_are_those_of_the_turns() -> None:
    """Parts by surface hold the features that speak there; an answer that never came is where its acts were."""
    events = [make_generation(f"r{row}", row, user=f"u{row}", context={"surface": "mail" if row else "chat"})
              for row in range(3)]
    lost = make_event("feedback.thumbs", "r9", 9, payload={"value": 1}, context={"surface": "mail"})
    found = labels_of(evidence_of([*events, lost]), [
        *((f"r{row}", "thumbs", "explicit", 1, 1.0) for row in (0, 1, 2, 9)), ("r0", "copy", "implicit", 1, 0.5),
        ("r2", "stop", "implicit", -1, 0.5)])
    parts = {surface: (part.names, len(part.bad)) for surface, part in found.by_surface()}
    assert parts == {"": (("copy@1+", "stop@1-"), 4), "chat": (("copy@1+",), 1), "mail": (("stop@1-",), 3)}

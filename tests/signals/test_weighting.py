"""Weights of failures: the published simulation through the product's own functions, and each rule by hand."""

from __future__ import annotations

import importlib.util
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from evalloop.errors import ConfigError
from evalloop.records.failure import Failure
from evalloop.signals import evalloop_detectors
from evalloop.signals.derive import derive, together
from evalloop.signals.implicit import Regenerate
from evalloop.signals.population import Column, Population, population_of
from evalloop.signals.scored import cells, judged_apart, scores
from evalloop.signals.weighted import BY_HAND, TrustOptions, weigh_evidence
from evalloop.signals.weighting import Heard, WeightOptions, weights_of
from evalloop.testing import evidence_of, make_event, make_generation


def load_study() -> ModuleType:
    """The simulation of ``benchmarks/click_bias.py``."""
    path = Path(__file__).parents[2] / "benchmarks" / "click_bias.py"
    spec = importlib.util.spec_from_file_location("click_bias", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["click_bias"] = module
    spec.loader.exec_module(module)
    return module


click_bias = load_study()
weigh = click_bias.weigh


def failures(users: list[str], levels: list[int], **fields: Any) -> tuple[list[Failure], Population]:
    """A failure of each user, in a population of 100 turns, half of them at each of two levels."""
    plan = np.repeat([0, 1], 50)
    places = {0: iter(range(50)), 1: iter(range(50, 100))}
    rows = [next(places[level]) for level in levels]
    found = [Failure(f"f{place}", "text", user_key=user, response_id=f"r{row}", **fields)
             for place, (user, row) in enumerate(zip(users, rows, strict=True))]
    return found, Population(100, (Column("plan", plan, ("a", "b")),))


DRAWS = 6


@pytest.fixture(scope="module")
def worlds() -> Any:
    """The simulation's estimates by (MNAR, brigade): the same six draws in each world."""
    return dict(zip(click_bias.WORLDS, click_bias.study(DRAWS, seed=7), strict=True))


def off(draws: list[Any], name: str) -> np.ndarray:
    """The error of each draw in points."""
    return np.array([each[name].share - click_bias.TRUTH for each in draws]) * 100


def test_weights_mend_clicking_by_segment(worlds: Any) -> None:
    """MAR: in every draw raking and IPW take the share down from the naive one; what is left is noise about zero."""
    draws = worlds[False, False]
    naive = off(draws, "naive")
    assert (naive - off(draws, "evalloop: cap, rake")).mean() > 3
    for name in ("rake", "ipw", "cap + ipw", *(name for name in draws[0] if name.startswith("evalloop"))):
        errors = off(draws, name)
        assert (errors < naive).all(), name
        assert abs(errors.mean()) < 2, name


def test_cap_tames_a_brigade(worlds: Any) -> None:
    """480 votes of 12 accounts: in every draw the cap leaves less than a tenth of the move, weights alone much more."""
    moved = {name: off(worlds[False, True], name) - off(worlds[False, False], name)
             for name in ("naive", "cap", "rake", "ipw", "cap + ipw")}
    assert (moved["naive"] > 40).all()
    assert (moved["cap"] < moved["naive"] / 10).all()
    assert all((moved[name] > 10).all() for name in ("rake", "ipw"))
    assert (moved["cap + ipw"] < moved["ipw"] / 2).all()


def test_accounts_go_before_rows(worlds: Any) -> None:
    """Once votes are capped, to take out 9 of 10 fake rows gains nothing; to take out 10 of 12 accounts does."""
    draws = worlds[False, True]
    rows, accounts = off(draws, "90 % of rows out, cap + ipw"), off(draws, "10 of 12 accounts out, cap + ipw")
    assert (accounts < rows).all()
    assert rows.mean() > off(draws, "cap + ipw").mean() - 1
    assert rows.mean() - accounts.mean() > 2


@pytest.mark.parametrize("name", click_bias.TABLE)
def test_published_errors_come_out(worlds: Any, name: str) -> None:
    """Each of the 32 published errors within a point, besides three standard errors of these few draws."""
    for draws, published in zip(worlds.values(), click_bias.TABLE[name], strict=True):
        errors = off(draws, name)
        assert abs(errors.mean() - published) < 1 + 3 * errors.std(ddof=1) / DRAWS**0.5


@pytest.mark.parametrize("mnar", [False, True])
def test_brigade_moves_no_share_by_three_points(worlds: Any, mnar: bool) -> None:
    """With the account filter: in no draw does the brigade move the share that is reported by 3 points."""
    name = "evalloop: filter, cap, rake"
    assert (abs(off(worlds[mnar, True], name) - off(worlds[mnar, False], name)) < 3).all()


def test_only_the_random_ask_survives_clicking_by_theme(worlds: Any) -> None:
    """MNAR: every weighting is off by more than 10 points in every draw, the random ask only by its noise."""
    for brigade in (False, True):
        draws = worlds[True, brigade]
        weighted = [name for name in draws[0] if name != "random ask"]
        assert all((off(draws, name) > 10).all() for name in weighted)
        errors = off(draws, "random ask")
        assert abs(errors.mean()) < 2.5 * 3.5 / DRAWS**0.5
        held = [each["random ask"].low < click_bias.TRUTH < each["random ask"].high for each in draws]
        assert sum(held) >= DRAWS - 1  # intervals of 95 %


@pytest.fixture(scope="module")
def from_events() -> Any:
    """One draw with brigade and theme-dependent clicking, on the whole way from events."""
    return click_bias.whole_way(3, mnar=True, brigade=True)


def test_whole_way_from_events_gives_the_same_share(from_events: Any) -> None:
    """60,480 answers as events -> turns -> signals -> filter -> score -> weights: every weight that the arrays give."""
    arrays = click_bias.by_arrays(3, mnar=True, brigade=True)
    assert len(from_events.weights) > 9_000
    for name in ("weights", "only_asked"):
        assert getattr(from_events, name) == pytest.approx(getattr(arrays, name), rel=1e-6), name
    for name in ("weighted", "asked"):
        assert getattr(from_events, name).share == pytest.approx(getattr(arrays, name).share, abs=1e-9)
    world = click_bias.draw(np.random.default_rng([3, True]), mnar=True, brigade=True)
    assert from_events.told["random_arm"]["asked"] == int(world.asked.sum())
    assert from_events.told["random_arm"]["answered"] == int(world.answered.sum())


def test_whole_way_sets_the_brigade_apart(from_events: Any) -> None:
    """All twelve accounts, nobody else, each with its reasons; their failures stay, with weight 0."""
    accounts = from_events.told["accounts"]
    assert {each["user_key"] for each in accounts} == {f"u{click_bias.USERS + number}" for number in range(12)}
    assert all(each["factor"] == 0 and each["reasons"] for each in accounts)
    assert from_events.told["quarantined"] >= 480


def test_random_arm_exposes_clicking_by_theme(from_events: Any) -> None:
    """The intervals of the weighted share and of the random ask do not touch: the theme makes people click."""
    assert from_events.weighted.low > from_events.asked.high


def test_failure_that_only_an_ask_shows_is_known_by_the_ask_alone() -> None:
    """A weak sign beside it that would not make a failure does not put the answer to a random ask among the noticed."""
    ask = {"kind": "random", "probability": 0.05}
    events = [make_generation(), make_event("signal.stopped"), make_event("signal.copied", payload={"chars": 9}),
              make_event("feedback.thumbs", payload={"value": -1}, ask=ask)]
    evidence = evidence_of(events)
    told = derive(evidence, evalloop_detectors())
    (failure,) = weigh_evidence(evidence, told).failures
    assert (failure.asked_only, failure.random_weight) == (True, 20)
    without = {name: found for name, found in told.items() if not name.startswith("copy")}
    (failure,) = weigh_evidence(evidence, without).failures
    assert (failure.asked_only, failure.random_weight) == (False, 20)


@pytest.mark.parametrize(("votes", "asked_only", "random_weight"), [
    ([("asked", -1), ("own", -1)], False, 20), ([("own", -1), ("asked", -1)], False, 20),
    ([("own", 1), ("asked", -1)], True, 20), ([("asked", 1), ("own", -1)], False, 20),
    ([("own", 1), ("own", -1), ("asked", -1)], False, 20), ([("own", -1)], False, 0)])
@pytest.mark.parametrize("kind", ["feedback.thumbs", "feedback.rating"])
def test_who_votes_again_stays_in_the_random_arm(
        kind: str, votes: list[tuple[str, int]], asked_only: bool, random_weight: float) -> None:
    """Of several votes the last counts, and the last unasked one says what would be known without the ask."""
    ask = {"kind": "random", "probability": 0.05}
    acts = [make_event(kind, second=second, ask=ask if how == "asked" else None,
                       payload={"value": value, "min": -1, "max": 1}) for second, (how, value) in enumerate(votes, 1)]
    other = make_event(kind, second=9, user="u2", payload={"value": 0, "min": -1, "max": 1})
    evidence = evidence_of([make_generation(), *acts, other])
    (failure,) = weigh_evidence(evidence, derive(evidence, evalloop_detectors())).failures
    assert (failure.asked_only, failure.random_weight) == (asked_only, random_weight)


def test_segments_are_brought_to_their_share() -> None:
    """Nine of ten complaints come from one of two equal plans: after raking each plan has half, and it is told."""
    found, people = failures([f"u{n}" for n in range(40)], [0] * 36 + [1] * 4)
    weighted, told = weigh(found, people)
    assert told.method == "rake"
    assert sum(each.weight for each in weighted[:36]) == pytest.approx(20)
    assert sum(each.weight for each in weighted) == pytest.approx(40)
    assert [(each.level, each.failures, each.sample, each.target) for each in told.margins] == [
        ("a", 36, pytest.approx(0.9), pytest.approx(0.5)), ("b", 4, pytest.approx(0.1), pytest.approx(0.5))]
    assert told.n_effective == pytest.approx(40**2 / (36 * (20 / 36)**2 + 4 * 25))
    assert "as many failures as it has turns" in told.estimand


def test_inverse_probabilities_agree_with_raking_on_one_segment() -> None:
    """With one segment and no score both ways weight alike."""
    found, people = failures([f"u{n}" for n in range(40)], [0] * 32 + [1] * 8)
    raked, inverse = (weigh(found, people, WeightOptions(method))[0] for method in ("rake", "ipw"))
    assert [each.weight for each in inverse] == pytest.approx([each.weight for each in raked], rel=0.06)


def test_cap_holds_below_the_factor_of_an_account() -> None:
    """A suspicious account that counts a quarter does so after the cap; without a cap every vote counts."""
    found, people = failures(["loud"] * 8 + [f"u{n}" for n in range(8)], [0] * 16)
    halved = [replace(each, weight=0.25) if each.user_key == "loud" else each for each in found]
    capped, told = weigh(halved, people, WeightOptions("cap"))
    assert sum(each.weight for each in capped[:8]) / sum(each.weight for each in capped) == pytest.approx(0.25 / 8.25)
    assert told.users == 9
    free, _ = weigh(found, people, WeightOptions("none"))
    assert {each.weight for each in free} == {1.0}


def test_declared_margins_are_taken_and_checked() -> None:
    """A declared share replaces the observed one; a missing level or an unknown segment is named."""
    found, people = failures([f"u{n}" for n in range(40)], [0] * 20 + [1] * 20)
    weighted, told = weigh(found, people, WeightOptions(margins={"plan": {"a": 0.8, "b": 0.2}}))
    assert sum(each.weight for each in weighted[:20]) == pytest.approx(32)
    assert "declared shares" in told.estimand
    with pytest.raises(ConfigError, match="no share for 'b'"):
        weigh(found, people, WeightOptions(margins={"plan": {"a": 1.0}}))
    with pytest.raises(ConfigError, match="those that do: plan"):
        weigh(found, people, WeightOptions(margins={"tier": {"a": 1.0}}))
    for shares in ({"a": 0.0, "b": 0.0}, {"a": float("inf"), "b": 1.0}):
        with pytest.raises(ConfigError, match="not all 0"):
            weigh(found, people, WeightOptions(margins={"plan": shares}))


def test_margin_that_nobody_can_meet_is_told() -> None:
    """All is declared to come from a level that nobody told of: the weights stay, and all of it is unmatched."""
    found, people = failures([f"u{n}" for n in range(40)], [0] * 40)
    weighted, told = weigh(found, people, WeightOptions("rake", margins={"plan": {"a": 0.0, "b": 1.0}}))
    assert {each.weight for each in weighted} == {1.0}
    assert told.unmatched == 1


def test_margins_that_exclude_each_other_are_refused() -> None:
    """No failure lies where both columns allow one: an error of the settings, not of the arithmetic."""
    columns = (Column("plan", np.array([0, 1]), ("free", "pro")), Column("surface", np.array([0, 1]), ("web", "app")))
    heard = Heard(np.ones(40), np.zeros(40, bool), np.zeros(40), np.arange(40), np.repeat([0, 1], 20))
    margins = {"plan": {"free": 0.0, "pro": 1.0}, "surface": {"web": 1.0, "app": 0.0}}
    with pytest.raises(ConfigError, match="no failure lies where all margins allow one"):
        weights_of(heard, Population(2, columns), WeightOptions("rake", margins=margins))


def test_a_segment_of_accounts_set_apart_takes_no_weight_from_honest_failures() -> None:
    """Where no answer of a level counts, its failures count as the others do on average; where none does, all alike."""
    column = (Column("plan", np.array([0, 1]), ("free", "pro")),)
    heard = Heard(np.ones(40), np.zeros(40, bool), np.zeros(40), np.arange(40), np.repeat([0, 1], 20))
    for mass in ([100.0, 0.0], [0.0, 0.0]):
        weights, told = weights_of(heard, Population(2, column, mass=np.array(mass)), WeightOptions())
        assert weights == pytest.approx(np.ones(40))
        assert (told.quarantined, told.users, told.declared_none) == (0, 40, 0)
    declared = WeightOptions(margins={"plan": {"free": 1.0, "pro": 0.0}})
    weights, told = weights_of(heard, Population(2, column), declared)
    assert (weights[20:].any(), told.quarantined, told.declared_none) == (False, 0, 20)


@pytest.mark.parametrize(("limit", "most"), [(10.0, 10), (3.0, 3), (0.0, 20.5)])
def test_no_weight_passes_its_bound(limit: float, most: float) -> None:
    """One failure stands for half of all: it counts as much as the bound allows, and the miss is told."""
    found, people = failures([f"u{n}" for n in range(41)], [0] * 40 + [1])
    weighted, told = weigh(found, people, WeightOptions("rake", limit=limit))
    assert max(each.weight for each in weighted) == pytest.approx(most)
    assert sum(each.weight for each in weighted) == pytest.approx(41)
    assert (told.off > 0.01) is bool(limit)


def test_what_cannot_be_done_is_not_told() -> None:
    """Without a segment, or with failures of unknown answers alone, only the cap is left, and the estimand says so."""
    found, people = failures([f"u{n}" for n in range(40)], [0] * 20 + [1] * 20)
    nowhere = Heard(np.ones(40), np.zeros(40, bool), np.zeros(40), np.arange(40), np.full(40, -1))
    for told in (weigh(found, replace(people, columns=()), WeightOptions("rake"))[1],
                 weights_of(nowhere, people, WeightOptions("rake"))[1]):
        assert (told.method, told.margins) == ("cap", ())
        assert "noticed" in told.estimand


@pytest.mark.parametrize("method", ["auto", "cap", "rake"])
def test_no_cap_is_not_told_as_one(method: str) -> None:
    """With user_cap 0 and no segment nothing is done, and the method says so; with segments the estimand does."""
    found, people = failures(["loud"] * 30 + [f"u{n}" for n in range(30)], [0] * 30 + [1] * 30)
    weighted, told = weigh(found, replace(people, columns=()), WeightOptions(method, cap=0))
    assert (told.method, {each.weight for each in weighted}) == ("none", {1.0})
    assert "at most" not in told.estimand
    if method != "cap":
        _, told = weigh(found, people, WeightOptions(method, cap=0))
        assert told.method == "rake"
        assert "no cap per user" in told.estimand


def test_random_arm_keeps_cap_and_factor() -> None:
    """Nine asked failures of one user count as one; an account that counts a quarter does so when asked, too."""
    found, people = failures(["much"] * 9 + ["one", "doubtful"], [0] * 11, asked_only=True, random_weight=20.0)
    found[-1] = replace(found[-1], weight=0.25)
    weighted, _ = weigh(found, people)
    much, one, doubtful = sum(each.weight for each in weighted[:9]), weighted[9].weight, weighted[10].weight
    assert (much / one, doubtful / one) == (pytest.approx(1), pytest.approx(0.25))
    both = [replace(found[0], asked_only=False, random_weight=0.0), *found[1:2], *found[9:10]]
    weighted, _ = weigh(both, people)
    assert weighted[0].weight + weighted[1].weight == pytest.approx(weighted[2].weight)


def test_few_failures_are_left_alone() -> None:
    """Under 30 failures segments are not fitted; nothing at all is no error."""
    found, people = failures(["u1", "u1", "u2"], [0, 0, 1])
    weighted, told = weigh(found, people)
    assert told.method == "cap"
    assert [each.weight for each in weighted] == pytest.approx([0.75, 0.75, 1.5])
    assert weigh([], people)[1].n == 0


def events_with_votes() -> list[Any]:
    """Three users, one of whom votes against three answers; the third was asked at random."""
    made = []
    for number, (user, ask) in enumerate([("loud", None)] * 3 + [("calm", None), ("asked", 0.05)]):
        response = f"r{number}"
        more = {"ask": {"kind": "random", "probability": ask}} if ask else {}
        made += [make_generation(response, number * 60, session=response, user=user),
                 make_event("feedback.thumbs", response, number * 60 + 1, user=user, payload={"value": -1}, **more)]
    return made


def test_quarantine_by_hand_keeps_the_failure_with_its_reason() -> None:
    """An account named in the settings: its failures have weight 0 and say why; a trusted one is left alone."""
    evidence = evidence_of(events_with_votes())
    signals = derive(evidence, [each for each in evalloop_detectors() if each.kind == "explicit"])
    result = weigh_evidence(evidence, signals, options=TrustOptions(quarantine=("loud",)))
    found = result.failures
    (loud,) = result.weighting.accounts
    assert (loud.votes, loud.negative, loud.factor) == (3, 3, 0)
    assert [(each.weight > 0, each.reason) for each in found] == [(False, BY_HAND)] * 3 + [(True, None)] * 2
    calm, asked = found[3:]
    assert (calm.random_weight, calm.asked_only) == (0.0, False)
    assert (asked.random_weight, asked.asked_only) == (pytest.approx(20), True)
    assert click_bias.share(found, [True] * 5).users == 2


def test_columns_that_tell_nothing_are_left_out() -> None:
    """One level, or a different one for each turn, is no segment; a key that only some users have is."""
    events = [replace(make_generation(f"r{n}", n, session=f"s{n}", user=f"u{n}", context={"surface": "chat"}),
                      actor={"user_key": f"u{n}", "segment": {"id": str(n), **({"plan": "pro"} if n % 2 else {})}})
              for n in range(60)]
    evidence = evidence_of(events)
    nothing = judged_apart(evidence.engine, together(derive(evidence, [Regenerate()])), [])
    people = population_of(list(evidence.engine.records(cells(scores(evidence, nothing)))))
    assert [(each.name, each.levels) for each in people.columns] == [("plan", ("(none)", "pro"))]
    assert people.expected(people.columns[0]).tolist() == [30, 30]


def test_surface_without_a_model_has_the_prior() -> None:
    """Where no model was kept for a surface, nor one for all, its failures are those of a product without a model."""
    events = [make_generation("r1", context={"surface": "api"}), make_event("signal.escalated", "r1")]
    evidence = evidence_of(events)
    judged = judged_apart(evidence.engine, together(derive(evidence, evalloop_detectors())), [])
    model = click_bias.known_score("stop@3")
    web = replace(model, surfaces=(replace(model.surfaces[0], surface="web"),))
    told = [[row["probability"] for row in evidence.engine.records(scores(evidence, judged, each))]
            for each in (None, web)]
    assert told[0] == told[1]
    assert told[0][0] > 0.5


def test_surfaces_without_a_score_are_named() -> None:
    """Where one surface has no learned score, turns stand for failures on all of them, and the estimand says why."""
    told = {"keys": "", "values": "", "turns": 50, "kept": 50}
    chat, code = {"surface": "chat", "blind": 0.2, **told}, {"surface": "code", "blind": None, **told}
    heard = Heard(np.ones(40), np.zeros(40, bool), np.zeros(40), np.arange(40), np.repeat([0, 1], [30, 10]))
    estimands = [weights_of(heard, population_of(each))[1].estimand
                 for each in ([chat, code], [chat, {**code, "blind": 0.4}], [{**chat, "blind": None}, code])]
    assert estimands[0].endswith("as many failures as it has turns, for no failure score was learned for surface code")
    assert estimands[1].endswith("as many failures as the vote-free score expects")
    assert estimands[2].endswith("for no failure score was learned yet")

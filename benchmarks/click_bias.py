"""Who complains is not a random sample: what each way of weighting makes of a known theme share.

    python benchmarks/click_bias.py [--reps 100] [--events 2]

60,000 interactions of 20,000 users who differ in three properties (yes or no each); 14.6 % of the answers fail, 15.8 %
of the failures are about one theme. Users vote on about 4 % of the failures: in one world users with more of the theme
click more (MAR), in the other one the theme itself makes people click, too (MNAR). A brigade of 12 accounts, all of one
sort, adds 40 votes each for the theme. 3 % of the answers come with a random ask, which 40 % answer. Votes say nothing
of the rest; a judge (90 % recall, 3 % false alarms) does.

The 13 numbers of the world (SHARES, THEME, CLICKS, MORE, LESS) were solved from the published table, which comes
without its program: that it agrees is so by construction, but that 13 numbers meet 31 says that it is read rightly.

The rows of the table are the textbook's estimators: raked to what the judge flags, and inverse probabilities of a vote
by the three properties, fitted on all votes. The rows that begin with "evalloop" are what the product does. Every
figure goes through the product's own functions: signals.abuse, signals.weighting and clusters.measure. ``--events``
runs take the whole way from events on and must give the weights that the arrays give.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import log

import numpy as np

from evalloop.clusters.measure import Sample
from evalloop.records.cluster import WeekShare
from evalloop.records.event import Event
from evalloop.records.failure import Failure
from evalloop.records.fused import FusedModel, SurfaceModel
from evalloop.records.weighting import Weighting
from evalloop.signals.abuse import Vote, suspicious
from evalloop.signals.population import Column, Population
from evalloop.signals.weighting import Heard, WeightOptions, weights_of

TURNS, USERS, ACCOUNTS, VOTES = 60_000, 20_000, 12, 40
SEGMENTS = {"plan": ("free", "paid"), "device": ("phone", "desk"), "region": ("east", "west")}
SHARES = (0.49, 0.34, 0.82)
"""Shares of the users with the second level of each property; the brigade has all three."""
THEME, CLICKS = (-1.08, 0.12, -0.35, -0.69), (-2.26, 0.75, -0.41, -1.94)
"""Log odds of the theme among failures, and of a vote on a failure: of users with no second level, and what each
second level adds."""
FAILS, UPVOTES, ASKED, ANSWERED = 0.146, 0.008, 0.03, 0.40
MORE, LESS = 2.93, 0.86
"""In the MNAR world the theme is clicked 2.93 times as often as other failures, all of them 0.86 times as often."""
RECALL, ALARMS = 0.90, 0.03
SORTS = np.array(list(product((0, 1), repeat=3)))
"""The eight sorts of users: which second levels they have."""


def rates(segment: np.ndarray, odds: Sequence[float]) -> np.ndarray:
    """Probabilities (n,) of users with these levels (n, 3)."""
    return 1 / (1 + np.exp(-(odds[0] + segment @ np.array(odds[1:]))))


TRUTH = float(np.where(SORTS, SHARES, 1 - np.array(SHARES)).prod(axis=1) @ rates(SORTS, THEME))
FLAGGED = FAILS * RECALL / (FAILS * RECALL + (1 - FAILS) * ALARMS)
SILENT = FAILS * (1 - RECALL) / (FAILS * (1 - RECALL) + (1 - FAILS) * (1 - ALARMS))
WEEK, BURST = 7 * 86400, 10
TEMPLATES = ("the sources that it names do not exist at all and every single link is broken again today",
             "none of the citations in this answer can be found anywhere so please fix your links right now")

TABLE: Mapping[str, tuple[float, float, float, float]] = {
    "naive": (4.8, 51.8, 27.5, 58.2), "cap": (4.9, 7.9, 27.5, 28.6), "rake": (-0.1, 24.3, 19.1, 38.8),
    "ipw": (0.0, 16.6, 19.4, 35.6), "cap + ipw": (0.1, 4.0, 19.4, 25.8),
    "90 % of rows out, cap + ipw": (0.1, 4.3, 19.4, 22.9),
    "10 of 12 accounts out, cap + ipw": (0.1, 1.8, 19.4, 21.4), "random ask": (0.1, -0.4, 0.4, 0.6)}
"""Published errors of the theme share in points: MAR, MAR + brigade, MNAR, MNAR + brigade."""
WORLDS = ((False, False), (False, True), (True, False), (True, True))
"""(MNAR, brigade): the columns of the table."""


@dataclass(frozen=True, eq=False)
class World:
    """One draw, an entry for each turn: its user (from USERS on: the brigade), levels, whether it failed and by the
    theme, the organic vote (1, 0, -1), the vote-free score, whether it was asked at random and answered, and when."""

    user: np.ndarray
    segment: np.ndarray
    failed: np.ndarray
    theme: np.ndarray
    vote: np.ndarray
    flagged: np.ndarray
    asked: np.ndarray
    answered: np.ndarray
    at: np.ndarray

    @property
    def chance(self) -> np.ndarray:
        """The vote-free probability of failure."""
        return np.where(self.flagged, FLAGGED, SILENT)


def draw(rng: np.random.Generator, *, mnar: bool, brigade: bool) -> World:
    """A world; the brigade only adds to it."""
    user = rng.integers(0, USERS, TURNS)
    segment = (rng.random((USERS, 3)) < SHARES).astype(int)[user]
    failed = rng.random(TURNS) < FAILS
    theme = failed & (rng.random(TURNS) < rates(segment, THEME))
    clicks = rates(segment, CLICKS)
    if mnar:
        clicks = LESS * np.where(theme, MORE * clicks, clicks)
    chance = rng.random(TURNS)
    vote = np.where(failed, -(chance < clicks).astype(int), (chance < UPVOTES).astype(int))
    flagged = np.where(failed, rng.random(TURNS) < RECALL, rng.random(TURNS) < ALARMS)
    asked = rng.random(TURNS) < ASKED
    answered = asked & (rng.random(TURNS) < ANSWERED)
    world = World(user, segment, failed, theme, vote, flagged, asked, answered, rng.uniform(0, WEEK, TURNS))
    return _joined(world, _brigade(rng)) if brigade else world


def _brigade(rng: np.random.Generator) -> World:
    """12 accounts, each 40 votes in four bursts of ten within ten minutes."""
    n = ACCOUNTS * VOTES
    bursts = np.repeat(rng.uniform(0, WEEK, ACCOUNTS * VOTES // BURST), BURST) + rng.uniform(0, 600, n)
    true, false = np.ones(n, bool), np.zeros(n, bool)
    return World(np.repeat(np.arange(USERS, USERS + ACCOUNTS), VOTES), np.ones((n, 3), int), false, true,
                 np.full(n, -1), rng.random(n) < ALARMS, false, false, bursts)


def _joined(one: World, other: World) -> World:
    return World(*(np.concatenate([getattr(one, name), getattr(other, name)]) for name in World.__dataclass_fields__))


# ---- the product's records -------------------------------------------------------------------------------------------

ROWS = {f"r{row}": row for row in range(TURNS + ACCOUNTS * VOTES)}


def people_of(world: World) -> Population:
    """The turns as the weights see them."""
    columns = (Column(name, world.segment[:, place], levels) for place, (name, levels) in enumerate(SEGMENTS.items()))
    return Population(world.user.size, tuple(columns), world.chance)


def weigh(failures: Sequence[Failure], people: Population, options: WeightOptions | None = None
          ) -> tuple[list[Failure], Weighting]:
    """The failures with what each counts in shares; the turn ``r7`` is row 7 of the population."""
    numbers: dict[str, int] = {}
    heard = Heard(
        np.array([each.weight for each in failures], float), np.array([each.asked_only for each in failures], bool),
        np.array([each.random_weight for each in failures], float),
        np.array([numbers.setdefault(each.user_key or each.failure_id, len(numbers)) for each in failures], int),
        np.array([ROWS[each.response_id or ""] for each in failures], int))
    weights, told = weights_of(heard, people, options)
    return [replace(each, weight=weight) for each, weight in zip(failures, weights.tolist(), strict=True)], told


def voted(world: World) -> list[Failure]:
    """The failures that users told of by themselves."""
    return [Failure(f"f{row}", said_of(world, row), user_key=f"u{world.user[row]}", response_id=f"r{row}")
            for row in np.flatnonzero(world.vote < 0).tolist()]


def told(world: World) -> list[Failure]:
    """The failures that users told of when asked at random."""
    return [Failure(f"a{row}", said_of(world, row), user_key=f"u{world.user[row]}", response_id=f"r{row}",
                    random_weight=1 / ASKED, asked_only=True)
            for row in np.flatnonzero(world.answered & world.failed).tolist()]


def said_of(world: World, row: int) -> str:
    """The words of a complaint: honest ones differ, the brigade's come from two templates."""
    if world.user[row] >= USERS:
        words = TEMPLATES[row % 2].split()
        words[row % len(words)] = "really"
        return " ".join(words)
    return f"{'broken sources' if world.theme[row] else 'something else'} number {row}"


def votes_of(world: World) -> list[Vote]:
    """All votes, for the account filter."""
    return [Vote(f"u{world.user[row]}", float(int(world.at[row])), float(world.vote[row]), f"r{row}",
                 said_of(world, row) if world.vote[row] < 0 else "") for row in np.flatnonzero(world.vote).tolist()]


def inside(failures: Iterable[Failure], world: World) -> list[bool]:
    """Which failures are about the theme."""
    return [bool(world.theme[ROWS[each.response_id or ""]]) for each in failures]


# ---- the estimators --------------------------------------------------------------------------------------------------


def share(failures: Sequence[Failure], inside: Sequence[bool]) -> WeekShare:
    """The share of the failures that are ``inside``, as themes measure it; failures of weight 0 count nowhere."""
    counted = [(each, within) for each, within in zip(failures, inside, strict=True) if each.weight > 0]
    if not counted:
        return WeekShare("", 0.0)
    sample = Sample.of([each for each, _ in counted])
    return sample.share("", np.arange(len(counted)), np.array([within for _, within in counted]), 0.05)


def estimates(world: World) -> dict[str, WeekShare]:
    """The theme's share by each way of weighting."""
    found, people = voted(world), people_of(world)
    fakes = [f"u{USERS + number}" for number in range(ACCOUNTS)]
    few = [each for each in found if each.user_key not in fakes[:10]]
    stays = np.random.default_rng(world.user.size).random(len(found)) < 0.1
    left = [each for each, stay in zip(found, stays.tolist(), strict=True) if stay or each.user_key not in fakes]
    factors = {each.user_key: each.factor for each in suspicious(votes_of(world))}
    ways = {
        "naive": weigh(found, people, WeightOptions("none"))[0],
        "cap": weigh(found, people, WeightOptions("cap"))[0],
        "rake": weigh(found, people, WeightOptions("rake", cap=0))[0],
        "ipw": inverse(found, people),
        "cap + ipw": capped(inverse(found, people)),
        "90 % of rows out, cap + ipw": capped(inverse(left, without(people, found, left))),
        "10 of 12 accounts out, cap + ipw": capped(inverse(few, without(people, found, few))),
        "evalloop: cap, ipw": weigh(found, people, WeightOptions("ipw"))[0],
        "evalloop: cap, rake": weigh(found, people, WeightOptions("rake"))[0],
        "evalloop: filter, cap, rake": filtered(found, people, factors)}
    asked = told(world)
    ways["random ask"] = weigh(asked, people)[0]
    return {name: share(weighted, inside(weighted, world)) for name, weighted in ways.items()}


def inverse(found: Sequence[Failure], people: Population) -> list[Failure]:
    """The textbook's inverse probabilities: of a vote (each counts) by the users' properties alone."""
    return weigh(found, replace(people, chances=None), WeightOptions("ipw", cap=0))[0]


def capped(weighted: Sequence[Failure]) -> list[Failure]:
    """Each weight divided by its user's number of failures."""
    numbers = Counter(each.user_key for each in weighted)
    return [replace(each, weight=each.weight / numbers[each.user_key]) for each in weighted]


def without(people: Population, found: Sequence[Failure], left: Sequence[Failure]) -> Population:
    """The population without the turns of failures that are not ``left``."""
    gone = {each.failure_id for each in found} - {each.failure_id for each in left}
    mass = people.turns().copy()
    mass[[ROWS[f"r{name[1:]}"] for name in gone]] = 0.0
    return replace(people, mass=mass)


def filtered(found: Sequence[Failure], people: Population, factors: Mapping[str, float]) -> list[Failure]:
    """As the product does it: suspicious accounts count less or not at all, their turns are left out."""
    kept = [replace(each, weight=factors.get(each.user_key or "", 1.0)) for each in found]
    return weigh(kept, without(people, kept, [each for each in kept if each.weight]))[0]


def study(reps: int, seed: int = 0, worlds: Sequence[tuple[bool, bool]] = WORLDS) -> list[list[dict[str, WeekShare]]]:
    """For each world the estimates of each draw; draw number n is the same in all, but for what the worlds change."""
    return [[estimates(draw(np.random.default_rng([seed, number]), mnar=mnar, brigade=brigade))
             for number in range(reps)] for mnar, brigade in worlds]


def cell_of(draws: Sequence[Mapping[str, WeekShare]], name: str) -> dict[str, float]:
    """Bias and root mean square error in points, and the share of intervals that hold the truth."""
    found = [each[name] for each in draws]
    errors = np.array([each.share - TRUTH for each in found]) * 100
    return {"bias": float(errors.mean()), "rmse": float(np.sqrt((errors**2).mean())),
            "covers": float(np.mean([each.low <= TRUTH <= each.high for each in found])),
            "n_effective": float(np.mean([each.n_effective for each in found]))}


# ---- the whole way from events ---------------------------------------------------------------------------------------


def events_of(world: World) -> list[Event]:
    """All that the product would have sent: answers, votes, random asks, and a stop where an answer looks bad."""
    events = []
    for row in range(world.user.size):
        moment = _moment(world.at[row])
        events.append(Event(f"g{row}", "generation.completed", moment, {"kind": "system"},
                            {"level": "response", "response_id": f"r{row}", "session_id": f"s{row}"}, payload={},
                            actor={"user_key": f"u{world.user[row]}",
                                   "segment": {name: levels[level] for (name, levels), level
                                               in zip(SEGMENTS.items(), world.segment[row], strict=True)}}))
        if world.flagged[row]:
            events.append(_about(world, row, "signal.stopped", {"chars_shown": 1}))
        if world.vote[row]:
            events.append(_vote(world, row, int(world.vote[row])))
        if world.asked[row]:
            ask = {"kind": "random", "probability": ASKED, "ask_id": f"ask{row}"}
            events.append(replace(_about(world, row, "feedback.prompted", {}), ask=ask))
            if world.answered[row]:
                answer = _about(world, row, "feedback.thumbs", {"value": -1 if world.failed[row] else 1}, "answer")
                events.append(replace(answer, ask=ask))
    return events


def known_score(stop: str) -> FusedModel:
    """The vote-free score of the simulation as a fitted model: a ``stop`` is worth what its recall and alarms say."""
    low = log(SILENT / (1 - SILENT))
    step = (log(FLAGGED / (1 - FLAGGED)) - low) / 0.2
    surface = SurfaceModel("", low, {f"{stop}-": step}, 0, 0, 0, 0.0, 0.0, 0.0, None)
    return FusedModel("simulated", "", (stop,), (surface,))


@dataclass(frozen=True)
class Way:
    """What one way gives: the theme's share of the failures that users told of by themselves and of those that they
    told of when asked, and the weight of every failure by response (of those known from the ask alone apart)."""

    weighted: WeekShare
    asked: WeekShare
    weights: Mapping[str, float]
    only_asked: Mapping[str, float]
    told: Mapping[str, object]


def whole_way(seed: int, *, mnar: bool, brigade: bool) -> Way:
    """By events -> turns -> signals -> filter -> score -> failures -> weights.

    Not only votes make failures here: an answer that was stopped is one too, as in a product. ``by_arrays`` says what
    must come out.
    """
    from evalloop.signals import evalloop_detectors
    from evalloop.signals.build import detector_id
    from evalloop.signals.derive import derive
    from evalloop.signals.weighted import weigh_evidence
    from evalloop.testing import evidence_of

    world = draw(np.random.default_rng([seed, mnar]), mnar=mnar, brigade=brigade)
    evidence = evidence_of(events_of(world))
    detectors = {each.name: each for each in evalloop_detectors() if each.name in ("thumbs", "stop")}
    result = weigh_evidence(evidence, derive(evidence, detectors.values()), known_score(detector_id(detectors["stop"])))
    return _way(world, result.failures, {**result.weighting.to_dict(), "failures": len(result.failures)})


def by_arrays(seed: int, *, mnar: bool, brigade: bool) -> Way:
    """The same from the arrays: who failed is known, and the weights are fitted to the whole population."""
    world = draw(np.random.default_rng([seed, mnar]), mnar=mnar, brigade=brigade)
    asked = world.answered & world.failed
    honest = world.user < USERS
    found = [Failure(f"f{row}", "", user_key=f"u{world.user[row]}", response_id=f"r{row}", weight=float(honest[row]),
                     random_weight=1 / ASKED if asked[row] else 0.0, asked_only=bool(asked[row] and not flagged))
             for row in np.flatnonzero(world.flagged | (world.vote < 0) | asked).tolist()
             for flagged in [world.flagged[row]] if honest[row] or world.vote[row] < 0]
    people = replace(people_of(world), mass=honest.astype(float))
    weighted, told = weigh(found, people)
    return _way(world, weighted, told.to_dict())


def _way(world: World, failures: Sequence[Failure], told: Mapping[str, object]) -> Way:
    against = (world.vote < 0) | (world.answered & world.failed)
    found = [each for each in failures if against[ROWS[each.response_id or ""]]]
    arm = [replace(each, weight=each.random_weight if each.weight else 0.0) for each in found]
    organic = [each for each in found if world.vote[ROWS[each.response_id or ""]] < 0]
    weights: tuple[dict[str, float], dict[str, float]] = ({}, {})
    for each in failures:
        weights[each.asked_only][each.response_id or ""] = each.weight
    return Way(share(organic, inside(organic, world)), share(arm, inside(arm, world)), *weights, told)


def _vote(world: World, row: int, value: int) -> Event:
    return _about(world, row, "feedback.thumbs", {"value": value, "text": said_of(world, row)} if value < 0
                  else {"value": value})


def _about(world: World, row: int, kind: str, payload: Mapping[str, object], tag: str = "") -> Event:
    return Event(f"{kind}{tag}-{row}", kind, _moment(world.at[row] + 1), {"kind": "end_user"},
                 {"level": "response", "response_id": f"r{row}", "session_id": f"s{row}"},
                 actor={"user_key": f"u{world.user[row]}"}, payload=payload)


def _moment(second: float) -> str:
    day, rest = divmod(int(second), 86400)
    return f"2026-01-{5 + day:02d}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}.000000Z"


def main() -> None:
    """Prints the table beside the published one."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--reps", type=int, default=100)
    parser.add_argument("--events", type=int, default=1, help="runs of the whole way from events")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    worlds = study(given.reps)
    results = {name: [cell_of(draws, name) for draws in worlds] for name in worlds[0][0]}
    if given.json:
        print(json.dumps(results, indent=1))
        return
    print(f"theme share {TRUTH:.1%}, {given.reps} draws; bias in points (published) / RMSE, intervals that cover\n")
    for name, cells in results.items():
        published = TABLE.get(name, (None,) * 4)
        print(f"{name:34}" + "  ".join(
            f"{cell['bias']:+6.1f} ({'' if wanted is None else format(wanted, '+.1f'):>5}) /{cell['rmse']:5.1f} "
            f"{cell['covers']:4.0%}" for cell, wanted in zip(cells, published, strict=True)))
    for number in range(given.events):
        for mnar in (False, True):
            for name, way in (("from events", whole_way), ("from arrays", by_arrays)):
                got = way(number, mnar=mnar, brigade=True)
                world = "MNAR" if mnar else "MAR"
                print(f"\n{name}, {world} with brigade: {len(got.weights):,} failures, share of those with a vote "
                      f"{got.weighted.share:.2%} [{got.weighted.low:.1%}, {got.weighted.high:.1%}], random ask "
                      f"{got.asked.share:.2%} [{got.asked.low:.1%}, {got.asked.high:.1%}]")


if __name__ == "__main__":
    main()

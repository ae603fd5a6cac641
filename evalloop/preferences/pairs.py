"""Finds preference pairs in what users did: six sources, each with what it is worth.

Weights and confidences are documented guesses where no study gives one (docs/training.md); they travel with each pair.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from evalloop.preferences.evidence import Evidence, allowed, bases, prompt_of
from evalloop.records.event import Event
from evalloop.records.preference import Preference
from evalloop.records.turn import Turn

STABLE_MS = 300_000
"""An edited text counts as final when it was seen this long after the answer was taken over."""

LEAST_EDIT, MOST_EDIT = 0.05, 0.6
"""Share of the text that was changed: less is a typing slip, more is another text (Misra et al., arXiv 2601.19055)."""


@dataclass(frozen=True)
class Worth:
    """How much a pair of a source counts, and how often such a pair points the right way."""

    weight: float
    confidence: float


WORTH: Mapping[str, Worth] = {
    "pairwise": Worth(1.0, 0.90),
    "correction": Worth(1.0, 0.85),
    "edit": Worth(0.8, 0.75),
    "regenerate, voted": Worth(1.0, 0.75),
    "regenerate": Worth(0.5, 0.60),
    "accept": Worth(0.5, 0.65),
    "experiment": Worth(0.25, 0.55),
}


@dataclass(frozen=True)
class Mined:
    """The pairs, sorted by id, and how many finds could not become one, by reason."""

    pairs: tuple[Preference, ...]
    refused: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Find:
    """Two answers of which one was preferred: the turns and events that say so. ``turn`` has the prompt."""

    source: str
    turn: Turn
    chosen: str
    rejected: str
    events: tuple[Event, ...]
    turns: tuple[Turn, ...]
    worth: Worth
    chosen_first: bool | None = None
    refusal: str = ""


def mine(evidence: Evidence, clusters: Mapping[str, str] | None = None) -> Mined:
    """All pairs of all sources; ``clusters`` maps a response to the cluster of its failure."""
    pairs: dict[str, Preference] = {}
    refused: Counter[str] = Counter()
    for find in (find for source in SOURCES for find in source(evidence)):
        reason = find.refusal or why_not(find)
        if reason:
            refused[reason] += 1
        else:
            pair = _pair(find, clusters or {})
            pairs[pair.row_id] = pair
    return Mined(tuple(pairs[name] for name in sorted(pairs)), dict(sorted(refused.items())))


def why_not(find: Find) -> str:
    """Why a find cannot become a pair; empty when it can."""
    if not allowed(_behind(find)):
        return "no consent to training"
    if prompt_of(find.turn) is None:
        return "the prompt is not known, or holds more than text"
    if not find.chosen.strip() or not find.rejected.strip():
        return "an answer is not known"
    return "the two answers are the same" if find.chosen.strip() == find.rejected.strip() else ""


def _behind(find: Find) -> list[Event]:
    return [*find.events, *(turn.generation for turn in find.turns if turn.generation)]


def _pair(find: Find, clusters: Mapping[str, str]) -> Preference:
    turn, behind = find.turn, _behind(find)
    responses = tuple(each.response_id for each in find.turns)
    ids = tuple(sorted({event.event_id for event in behind}))
    identity = "\0".join((find.source, *responses, *ids))
    user = next((event.user_key for event in find.events if event.user_key), turn.user_key)
    return Preference(
        row_id="p-" + hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()[:24],
        source=find.source.partition(",")[0], prompt=prompt_of(turn) or (), chosen=find.chosen, rejected=find.rejected,
        weight=find.worth.weight, confidence=find.worth.confidence,
        occurred_at=max(event.occurred_at for event in behind), user_key=user, session_id=turn.session_id,
        response_ids=responses, event_ids=ids, consent_basis=bases(behind),
        cluster_id=next((clusters[name] for name in responses if name in clusters), None),
        segment=segment_of(turn), chosen_first=find.chosen_first)


def segment_of(turn: Turn) -> Mapping[str, object]:
    """The segment that the product gave its user, from the first event that has one."""
    events = (turn.generation, *turn.events) if turn.generation else turn.events
    return next((event.actor["segment"] for event in events if event.actor.get("segment")), {})


# ---- the sources -----------------------------------------------------------------------------------------------------


def pairwise(evidence: Evidence) -> Iterator[Find]:
    """``feedback.pairwise``: the user saw both answers and chose one; ties give no pair."""
    for turn in evidence.turns.values():
        for event in _of(turn, "feedback.pairwise"):
            chosen, rejected = (evidence.turns.get(str(event.payload[key])) for key in ("chosen", "rejected"))
            tie = "a tie" if event.payload.get("tie") else ""
            if chosen is None or rejected is None:
                yield Find("pairwise", turn, "", "", (event,), (turn,), WORTH["pairwise"], None, tie)
                continue
            order = event.payload.get("shown_order") or ()
            first = order[0] == chosen.response_id if order else None
            yield Find("pairwise", chosen, chosen.response, rejected.response, (event,), (chosen, rejected),
                       WORTH["pairwise"], first, tie)


def corrections(evidence: Evidence) -> Iterator[Find]:
    """``feedback.correction``: the user wrote what the answer should have been."""
    for turn in evidence.turns.values():
        for event in _of(turn, "feedback.correction")[-1:]:
            ideal = event.payload.get("ideal")
            yield Find("correction", turn, ideal if isinstance(ideal, str) else "", turn.response, (event,), (turn,),
                       WORTH["correction"])


def edits(evidence: Evidence) -> Iterator[Find]:
    """``signal.edited``: the text that the user made of the answer, once it stays as it is."""
    from rapidfuzz.distance import Levenshtein

    for turn in evidence.turns.values():
        final = [event for event in _of(turn, "signal.edited") if isinstance(event.payload.get("after"), str)]
        event = max(final, key=lambda each: each.payload["delay_ms"], default=None)
        if event is None or event.payload["delay_ms"] < STABLE_MS or event.payload.get("branch_changed"):
            continue
        changed = Levenshtein.normalized_distance(turn.response, event.payload["after"])
        if LEAST_EDIT < changed < MOST_EDIT:
            yield Find("edit", turn, event.payload["after"], turn.response, (event,), (turn,), WORTH["edit"])


def regenerations(evidence: Evidence) -> Iterator[Find]:
    """A new try that earned a positive act, over the answer it replaced; a try that was tried again gives none."""
    replaces = _replaces(evidence)
    tried_again = set(replaces.values())
    for name, old_name in replaces.items():
        turn, old = evidence.turns.get(name), evidence.turns.get(old_name)
        if turn is None or old is None or name in tried_again or not evidence.earned(turn):
            continue
        if evidence.net(old) < max(evidence.net(turn), 0.0):
            source = "regenerate, voted" if evidence.explicit(turn) else "regenerate"
            acts = [event for event in turn.events if event.event_type != "generation.completed"]
            yield Find(source, turn, turn.response, old.response, (*acts, *_of(old, "signal.regenerated")), (turn, old),
                       WORTH[source], False)


def _replaces(evidence: Evidence) -> dict[str, str]:
    """The answer that each new try was asked for in place of, as its generation or the act says."""
    linked = {turn.response_id: turn.regenerate_of for turn in evidence.turns.values() if turn.regenerate_of}
    told = {event.response_id: turn.response_id for turn in evidence.turns.values()
            for event in _of(turn, "signal.regenerated") if event.response_id}
    return {new: old for new, old in sorted({**told, **linked}.items()) if new != old}


def accepted(evidence: Evidence) -> Iterator[Find]:
    """Of alternatives shown together, the accepted one over each that was seen and left."""
    for turn in evidence.turns.values():
        for event in _of(turn, "signal.accepted")[-1:]:
            shown = {name for each in _of(turn, "signal.shown", "signal.accepted")
                     for name in each.links.get("siblings") or ()}
            for name in sorted(shown - {turn.response_id}):
                other = evidence.turns.get(name)
                seen = _of(other, "signal.shown", "signal.rejected") if other else []
                if other and seen and not _of(other, "signal.accepted"):
                    yield Find("accept", turn, turn.response, other.response, (event, seen[-1]), (turn, other),
                               WORTH["accept"])


def experiments(evidence: Evidence) -> Iterator[Find]:
    """The same prompt under two variants of one experiment: the best received answer over the worst received one."""
    groups: defaultdict[tuple[str, str], list[Turn]] = defaultdict(list)
    for turn in evidence.turns.values():
        context = turn.generation.context if turn.generation else {}
        if context.get("experiment") and context.get("variant") and turn.prompt and evidence.explicit(turn):
            groups[context["experiment"], repr(prompt_of(turn))].append(turn)
    for turns in groups.values():
        ordered = sorted(turns, key=lambda each: (evidence.net(each), each.response_id))
        worst, best = ordered[0], ordered[-1]
        if evidence.net(worst) < 0 < evidence.net(best) and _variant(worst) != _variant(best):
            events = tuple(event for each in (best, worst) for event in each.events)
            yield Find("experiment", best, best.response, worst.response, events, (best, worst), WORTH["experiment"])


def _variant(turn: Turn) -> object:
    return turn.generation.context.get("variant") if turn.generation else None


def _of(turn: Turn | None, *types: str) -> list[Event]:
    return [event for event in turn.events if event.event_type in types] if turn else []


SOURCES: tuple[Callable[[Evidence], Iterable[Find]], ...] = (
    pairwise, corrections, edits, regenerations, accepted, experiments)

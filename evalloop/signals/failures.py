"""Turns that let a user down: where the fused score of the evidence says so."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from evalloop.records.event import Event
from evalloop.records.failure import Failure
from evalloop.records.signal import Signal
from evalloop.records.turn import Turn
from evalloop.signals.fused import Score

ORDER = ("explicit", "implicit", "outcome")
HISTORY = 8
"""Earlier turns of the session that a failure carries along."""
UNKNOWN = Score(None, None)


def failing(told: Iterable[tuple[Turn, Sequence[Signal]]], scores: Mapping[str, Score], *, threshold: float = 0.5,
            history: int = HISTORY) -> Iterator[Failure]:
    """One failure for each turn whose probability of failure is above ``threshold``, in the order of the turns.

    ``told`` are turns each with its signals, those of a session one after the other; turns without a score are history
    alone. A turn that fails only by signals that were set apart (weight 0 with a reason) gives a failure of weight 0
    with that reason. The purposes of a failure are those that every event behind it allows. ``history`` is how many
    earlier turns of its session a failure carries along (0: none).
    """
    earlier: deque[Turn] = deque(maxlen=history)
    session = ""
    for turn, signals in told:
        if (turn.session_id or turn.response_id) != session:
            session = turn.session_id or turn.response_id
            earlier.clear()
        found = sorted(filter(_counts, signals), key=_rank)
        counted = [each for each in found if each.weight > 0]
        given = scores.get(turn.response_id, UNKNOWN)
        chance = given.probability
        if chance is not None and chance > threshold:
            failure = _failure(turn, counted, earlier, chance)
            yield replace(failure, asked_only=failure.random_weight > 0 and (given.unasked or 0.0) <= threshold)
        elif apart := [each for each in found if each.weight == 0 and each.polarity < 0 and each.kind == "explicit"]:
            yield replace(_failure(turn, apart, earlier, chance), weight=0.0, reason=apart[0].reason)
        earlier.append(turn)


def _counts(signal: Signal) -> bool:
    return bool(signal.polarity and (signal.weight > 0 or signal.reason))


def _rank(signal: Signal) -> tuple[int, str, str]:
    return ORDER.index(signal.kind) if signal.kind in ORDER else len(ORDER), signal.occurred_at, signal.signal_id


def _failure(turn: Turn, signals: Sequence[Signal], earlier: Sequence[Turn], chance: float | None) -> Failure:
    against = [each for each in signals if each.polarity < 0]
    known: Mapping[str, Event] = {event.event_id: event for event in (turn.generation, *turn.events) if event}
    ids = {name for each in against for name in each.event_ids}
    ids |= {turn.generation.event_id} if turn.generation else set()
    purposes = _purposes([known[name] for name in ids if name in known])
    before = _before(turn, earlier, purposes)
    text, source = _words(turn, against)
    ids |= {each.generation.event_id for each in before if each.generation}
    return Failure(
        failure_id="f-" + hashlib.sha256(turn.response_id.encode("utf-8", "replace")).hexdigest()[:24],
        text=text,
        text_source=source,
        user_key=(against[0].user_key if against else None) or turn.user_key,
        response_id=turn.response_id,
        event_ids=tuple(sorted(ids)),
        occurred_at=max((each.occurred_at for each in against), default=turn.occurred_at),
        prompt=turn.prompt,
        response=turn.response,
        consent_purposes=purposes,
        correction=_correction(turn),
        reasons=_reasons(turn),
        outcome=_outcome(signals),
        against=tuple(sorted({each.detector: each.kind for each in against}.values())),
        session_id=turn.session_id,
        segment=_segment(turn),
        judged=_judged(turn),
        history=tuple(message for each in before for message in _messages(each)),
        probability=chance,
        random_weight=_random_weight(against, known))


def _random_weight(against: Sequence[Signal], known: Mapping[str, Event]) -> float:
    """The weight of the random ask whose answer is against the turn; 0 without one."""
    asks = (_random_ask(known.get(name)) for each in against for name in each.event_ids)
    chances = [chance for chance in asks if chance]
    return 1 / max(chances) if chances else 0.0


def _random_ask(event: Event | None) -> float | None:
    """The probability with which this event's user was asked at random; None for anything else."""
    ask = event.ask if event else None
    chance = ask.get("probability") if ask and ask.get("kind") == "random" else None
    return float(chance) if isinstance(chance, int | float) and 0 < chance <= 1 else None


def _before(turn: Turn, earlier: Sequence[Turn], purposes: Sequence[str]) -> list[Turn]:
    """The turns that lead up to this one: none further back than one that allows less; regenerated answers left out."""
    kept: list[Turn] = []
    following = turn
    for each in reversed(earlier):
        if each.generation is None or not set(purposes) <= each.generation.purposes:
            break
        if each.prompt != following.prompt:
            kept.append(each)
            following = each
    return kept[::-1]


def _messages(turn: Turn) -> list[Mapping[str, str]]:
    said = (("user", turn.prompt), ("assistant", turn.response))
    return [{"role": role, "content": text} for role, text in said if text]


def _correction(turn: Turn) -> str | None:
    """The latest answer that the user wrote instead; without one, what the user made of the answer by editing it."""
    for kind, key in (("feedback.correction", "ideal"), ("signal.edited", "after")):
        texts = [event.payload.get(key) for event in turn.events if event.event_type == kind]
        found = next((text for text in reversed(texts) if isinstance(text, str) and text.strip()), None)
        if found is not None:
            return found
    return None


def _judged(turn: Turn) -> tuple[float, ...]:
    """The scores that human reviewers gave the answer."""
    scores = [event.payload.get("score") for event in turn.events
              if event.event_type == "judgment.result" and event.source.get("kind") == "reviewer"]
    return tuple(float(each) for each in scores if isinstance(each, int | float))


def _segment(turn: Turn) -> str:
    context = turn.generation.context if turn.generation else {}
    return "/".join(str(context[key]) for key in ("app", "surface", "locale") if context.get(key))


def _words(turn: Turn, against: Sequence[Signal]) -> tuple[str, str]:
    """The user's own words on the failure (explicit ones first), else the prompt; and which.

    A next message in which no detector hears anything about the answer is of something else, and says nothing of it.
    """
    said = next((each.text for each in against if each.text and each.text.strip()), None)
    return (said.strip(), "user") if said else (turn.prompt.strip(), "turn")


def _reasons(turn: Turn) -> tuple[str, ...]:
    """The reasons that users ticked beside their votes, sorted."""
    lists = (event.payload.get("reasons") for event in turn.events)
    ticked = {each for given in lists if isinstance(given, list) for each in given}
    return tuple(sorted(each for each in ticked if isinstance(each, str)))


def _outcome(signals: Sequence[Signal]) -> str | None:
    """Whether the matter ended well, by the last outcome that says so."""
    told = [each.polarity for each in signals if each.kind == "outcome" and each.polarity]
    return ("bad" if told[-1] < 0 else "good") if told else None


def _purposes(events: Sequence[Event]) -> tuple[str, ...]:
    shared = frozenset.intersection(*(event.purposes for event in events)) if events else frozenset()
    return tuple(sorted(shared))

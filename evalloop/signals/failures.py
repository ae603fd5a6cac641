"""Turns that let a user down: where the fused score of the evidence says so."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from typing import Any

from evalloop.records.failure import Failure
from evalloop.records.signal import Signal
from evalloop.records.times import time_of_us
from evalloop.records.turn import Turn
from evalloop.signals.turns import REGENERATED

ORDER = ("explicit", "implicit", "outcome")
HISTORY = 8
"""Earlier turns of the session that a failure carries along."""
Row = Mapping[str, Any]


def failing(told: Iterable[tuple[Turn, Sequence[Signal], Row | None]], *, history: int = HISTORY) -> Iterator[Failure]:
    """The failures with their texts, in the order of the turns.

    ``told`` are turns each with its signals and, where it failed, its row of ``noticed`` with its ``weight``; those of
    a session come one after the other. Turns without a row are history alone. A turn that fails only by signals that
    were set apart gives a failure of weight 0 with the reason. The purposes of a failure are those that every event
    behind it allows. ``history`` is how many earlier turns of its session a failure carries along (0: none).
    """
    earlier: deque[Turn] = deque(maxlen=history)
    session = ""
    for turn, signals, row in told:
        if (turn.session_id or turn.response_id) != session:
            session = turn.session_id or turn.response_id
            earlier.clear()
        if row is not None:
            found = sorted(filter(_counts, signals), key=_rank)
            if row["set_apart"]:
                apart = [each for each in found if each.weight == 0 and each.polarity < 0 and each.kind == "explicit"]
                yield replace(_failure(turn, apart, earlier, row), reason=apart[0].reason)
            else:
                yield _failure(turn, [each for each in found if each.weight > 0], earlier, row)
        earlier.append(turn)


def slim(row: Row) -> Failure:
    """A failure by ids and numbers alone, from its row of ``noticed`` with its ``weight``."""
    return Failure(_id_of(row["response_id"]), "", **_numbers(row))


def _id_of(response_id: str) -> str:
    return "f-" + hashlib.sha256(response_id.encode("utf-8", "replace")).hexdigest()[:24]


def _numbers(row: Row) -> dict[str, Any]:
    """What is known of a failure without its texts."""
    return {"response_id": row["response_id"], "user_key": row["teller"], "occurred_at": time_of_us(row["at_us"]),
            "weight": row["weight"], "probability": row["probability"], "random_weight": row["design"],
            "asked_only": row["asked_only"]}


def _counts(signal: Signal) -> bool:
    return bool(signal.polarity and (signal.weight > 0 or signal.reason))


def _rank(signal: Signal) -> tuple[int, str, str]:
    return ORDER.index(signal.kind) if signal.kind in ORDER else len(ORDER), signal.occurred_at, signal.signal_id


def _failure(turn: Turn, signals: Sequence[Signal], earlier: Sequence[Turn], row: Row) -> Failure:
    against = [each for each in signals if each.polarity < 0]
    ids = {name for each in against for name in each.event_ids}
    ids |= {turn.generation.event_id} if turn.generation else set()
    correction, written = _correction(turn, {name for each in signals for name in each.event_ids})
    ids |= {written} if written else set()
    purposes = _purposes(turn, ids)
    before = _before(turn, earlier, purposes)
    text, source = _words(turn, against)
    ids |= {each.generation.event_id for each in before if each.generation}
    return Failure(
        _id_of(turn.response_id),
        text,
        **_numbers(row),
        text_source=source,
        event_ids=tuple(sorted(ids)),
        prompt=turn.prompt,
        response=turn.response,
        consent_purposes=purposes,
        correction=correction,
        reasons=_reasons(turn, ids),
        outcome=_outcome(signals),
        against=tuple(sorted({each.detector: each.kind for each in against}.values())),
        session_id=turn.session_id,
        segment=_segment(turn),
        judged=_judged(turn),
        history=tuple(message for each in before for message in _messages(each)))


def _before(turn: Turn, earlier: Sequence[Turn], purposes: Sequence[str]) -> list[Turn]:
    """The turns that lead up to this one: none further back than one that allows less; of several answers to the same
    message the last."""
    kept: list[Turn] = []
    following, replaced = turn, {turn.regenerate_of}
    for each in reversed(earlier):
        if each.generation is None or not set(purposes) <= each.generation.purposes:
            break
        if {each.response_id, each.regenerate_of} & replaced - {None} or _tried_again(each, following):
            replaced.add(each.regenerate_of)
        else:
            kept.append(each)
            following, replaced = each, {each.regenerate_of}
    return kept[::-1]


def _tried_again(turn: Turn, following: Turn) -> bool:
    """Whether the next answer is to the very message of this one, though it has no link to it: the same words said once
    more are a message of their own, unless another answer was asked for, none came, or the product counts one turn."""
    if turn.prompt != following.prompt:
        return False
    failed = turn.generation is not None and turn.generation.payload.get("finish_reason") == "error"
    counted_once = turn.turn_index is not None and turn.turn_index == following.turn_index
    return failed or counted_once or any(event.event_type == REGENERATED for event in turn.events)


def _messages(turn: Turn) -> list[Mapping[str, str]]:
    said = (("user", turn.prompt), ("assistant", turn.response))
    return [{"role": role, "content": text} for role, text in said if text]


def _correction(turn: Turn, counted: Set[str]) -> tuple[str | None, str | None]:
    """The latest answer that the user wrote instead, and its event; without one, what the user made of the answer by
    editing it. Only events behind signals that count say one."""
    for kind, key in (("feedback.correction", "ideal"), ("signal.edited", "after")):
        for event in reversed(turn.events):
            text = event.payload.get(key)
            if event.event_type == kind and event.event_id in counted and isinstance(text, str) and text.strip():
                return text, event.event_id
    return None, None


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


def _reasons(turn: Turn, ids: Set[str]) -> tuple[str, ...]:
    """The reasons that users ticked beside the votes among ``ids``, sorted."""
    lists = (event.payload.get("reasons") for event in turn.events if event.event_id in ids)
    ticked = {each for given in lists if isinstance(given, list) for each in given}
    return tuple(sorted(each for each in ticked if isinstance(each, str)))


def _outcome(signals: Sequence[Signal]) -> str | None:
    """Whether the matter ended well, by the last outcome that says so."""
    told = [each.polarity for each in signals if each.kind == "outcome" and each.polarity]
    return ("bad" if told[-1] < 0 else "good") if told else None


def _purposes(turn: Turn, ids: Set[str]) -> tuple[str, ...]:
    """What all of these events of the turn allow, and the user's next message where it is one of them."""
    allowed = {event.event_id: event.purposes for event in (turn.generation, *turn.events) if event}
    if turn.following_event:
        allowed.setdefault(turn.following_event, frozenset(turn.following_purposes))
    shared = [allowed[name] for name in ids if name in allowed]
    return tuple(sorted(frozenset.intersection(*shared))) if shared else ()

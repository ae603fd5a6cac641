"""Turns that let a user down: where the weighed evidence is negative."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evalloop import engine as door
from evalloop.records.failure import Failure
from evalloop.records.times import time_of_us
from evalloop.signals.consent import PURPOSES
from evalloop.signals.derive import together

if TYPE_CHECKING:
    from evalloop.contracts import Evidence

Table = Any
ORDER = ("explicit", "implicit", "outcome")
HISTORY = 8
"""Earlier turns of the session that a failure carries along."""


@dataclass(frozen=True)
class Against:
    """One negative signal on a turn."""

    kind: str
    at_us: int
    signal_id: str
    user_key: str | None
    text: str | None
    event_ids: tuple[str, ...]


@dataclass(frozen=True)
class Told:
    """What else was said of a response: the user's own answer, the reasons ticked beside votes (sorted), and whether
    the matter ended ``good`` or ``bad`` by the last outcome."""

    correction: str | None = None
    reasons: tuple[str, ...] = ()
    outcome: str | None = None


@dataclass(frozen=True)
class Said:
    """A turn as a failure quotes it, with the purposes of its generation (None: there is no generation)."""

    response_id: str
    prompt: str
    response: str
    event_id: str | None
    purposes: frozenset[str] | None


def failures(evidence: Evidence, signals: Mapping[str, Table]) -> Iterator[Failure]:
    """One failure for each turn whose sum of polarity x weight is below 0, by session and time.

    Its purposes are those that every event behind it allows.
    """
    if not signals:
        return
    engine = evidence.engine
    every = together(signals)
    counted = every.filter((every.weight > 0) & every.response_id.notnull())
    sums = counted.group_by("response_id").aggregate(total=(counted.polarity * counted.weight).sum())
    failed = engine.keep(sums.filter(sums.total < -1e-12).select("response_id"))
    against = _against(evidence, counted.filter(counted.polarity < 0).semi_join(failed, "response_id"))
    allowed = _allowed(evidence, counted.filter(counted.polarity < 0).semi_join(failed, "response_id"))
    told = _told(evidence, failed, counted)
    for turn, earlier in _with_history(engine.records(_talk(evidence, failed))):
        found = against.get(turn["response_id"])
        if found:
            name = turn["response_id"]
            yield _failure(turn, found, earlier, allowed.get(name), told.get(name, Told()))


# ---- what the engine gives -------------------------------------------------------------------------------------------


def _against(evidence: Evidence, signals: Table) -> dict[str, list[Against]]:
    found: dict[str, list[Against]] = {}
    for row in evidence.engine.records(signals):
        found.setdefault(row["response_id"], []).append(Against(
            row["kind"], row["at_us"], row["signal_id"], row["user_key"], row["text"], tuple(row["event_ids"])))
    for each in found.values():
        each.sort(key=_rank)
    return found


def _rank(signal: Against) -> tuple[int, int, str]:
    return ORDER.index(signal.kind) if signal.kind in ORDER else len(ORDER), signal.at_us, signal.signal_id


def _allowed(evidence: Evidence, signals: Table) -> dict[str, frozenset[str]]:
    """The purposes that all events of the negative signals of each response allow."""
    events = evidence.events.select("event_id", *(f"may_{purpose}" for purpose in PURPOSES))
    ids = signals.select("response_id", event_id=signals.event_ids.unnest()).distinct()
    both = ids.inner_join(events, "event_id")
    rows = both.group_by("response_id").aggregate(
        **{purpose: both[f"may_{purpose}"].all() for purpose in PURPOSES})
    return {row["response_id"]: frozenset(each for each in PURPOSES if row[each])
            for row in evidence.engine.records(rows)}


def _told(evidence: Evidence, failed: Table, signals: Table) -> dict[str, Told]:
    """What else users said of each failed response."""
    acts = evidence.acts.semi_join(failed, "response_id").select("response_id", "event_id", "event_type", "at_us")
    bodies = evidence.events.select("event_id", "body")
    rows = acts.filter(acts.event_type.startswith("feedback.")).inner_join(bodies, "event_id")
    found: dict[str, Told] = {}
    for row in evidence.engine.records(rows.order_by("at_us", "event_id")):
        payload = json.loads(row["body"]).get("payload") or {}
        known = found.get(row["response_id"], Told())
        found[row["response_id"]] = replace(known, **_said_in(payload, known))
    ended = signals.filter((signals.kind == "outcome") & (signals.polarity != 0)).semi_join(failed, "response_id")
    for row in evidence.engine.records(ended.order_by("at_us", "signal_id")):
        known = found.get(row["response_id"], Told())
        found[row["response_id"]] = replace(known, outcome="bad" if row["polarity"] < 0 else "good")
    return found


def _said_in(payload: Mapping[str, Any], known: Told) -> dict[str, Any]:
    ideal, ticked = payload.get("ideal"), payload.get("reasons")
    reasons = {each for each in ticked if isinstance(each, str)} if isinstance(ticked, list) else set()
    return {"correction": ideal if isinstance(ideal, str) and ideal.strip() else known.correction,
            "reasons": tuple(sorted({*known.reasons, *reasons}))}


def _talk(evidence: Evidence, failed: Table) -> Table:
    """All turns of the sessions in which something failed, with their texts, in order."""
    turns = evidence.turns
    sessions = turns.semi_join(failed, "response_id").select("session_id").distinct()
    first, second = evidence.words(), evidence.words()
    first = first.select(of_turn="event_id", prompt="said", response="answered")
    second = second.select(of_next="event_id", following="said")
    rows = turns.semi_join(sessions, "session_id")
    rows = rows.left_join(first, rows.event_id == first.of_turn)
    rows = rows.left_join(second, rows.following_event == second.of_next)
    ordered = rows.order_by("session_id", "at_us", door.ibis.coalesce(rows.turn_index, -1), "response_id")
    return ordered.select("response_id", "session_id", "user_key", "event_id", "prompt", "response", "following",
                          *(f"may_{purpose}" for purpose in PURPOSES))


# ---- one failure -----------------------------------------------------------------------------------------------------


def _with_history(turns: Iterable[Mapping[str, Any]]) -> Iterator[tuple[Mapping[str, Any], Sequence[Said]]]:
    """Each turn with the turns of its session before it, at most ``HISTORY``."""
    session, earlier = None, deque[Said](maxlen=HISTORY)
    for turn in turns:
        if turn["session_id"] != session:
            session, earlier = turn["session_id"], deque(maxlen=HISTORY)
        yield turn, tuple(earlier)
        earlier.append(said(turn))


def said(turn: Mapping[str, Any]) -> Said:
    """A row of the talk as it is quoted."""
    purposes = frozenset(each for each in PURPOSES if turn[f"may_{each}"]) if turn["event_id"] else None
    return Said(turn["response_id"], turn["prompt"] or "", turn["response"] or "", turn["event_id"], purposes)


def _failure(turn: Mapping[str, Any], against: Sequence[Against], earlier: Sequence[Said],
             allowed: frozenset[str] | None, told: Told) -> Failure:
    own = said(turn)
    shared = [each for each in (allowed, own.purposes) if each is not None]
    purposes = tuple(sorted(frozenset.intersection(*shared))) if shared else ()
    before = history(own, earlier, purposes)
    ids = {name for each in against for name in each.event_ids}
    ids |= {each.event_id for each in (own, *before) if each.event_id}
    text, source = _words(turn, against)
    return Failure(
        failure_id="f-" + hashlib.sha256(own.response_id.encode("utf-8", "replace")).hexdigest()[:24],
        text=text, text_source=source, user_key=against[0].user_key or turn["user_key"], response_id=own.response_id,
        event_ids=tuple(sorted(ids)), occurred_at=time_of_us(max(each.at_us for each in against)),
        prompt=own.prompt, response=own.response, consent_purposes=purposes, correction=told.correction,
        reasons=told.reasons, outcome=told.outcome,
        history=tuple(message for each in before for message in _messages(each)))


def history(turn: Said, earlier: Sequence[Said], purposes: Sequence[str]) -> list[Said]:
    """The turns that lead up to this one: none further back than one that allows less; regenerated answers left out."""
    kept: list[Said] = []
    following = turn
    for each in reversed(earlier):
        if each.purposes is None or not set(purposes) <= each.purposes:
            break
        if each.prompt != following.prompt:
            kept.append(each)
            following = each
    return kept[::-1]


def _messages(turn: Said) -> list[Mapping[str, str]]:
    spoken = (("user", turn.prompt), ("assistant", turn.response))
    return [{"role": role, "content": text} for role, text in spoken if text]


def _words(turn: Mapping[str, Any], against: Sequence[Against]) -> tuple[str, str]:
    """The user's own words on the failure (explicit ones first), else the next message, else the prompt; and which."""
    own = next((each.text for each in against if each.text and each.text.strip()), None)
    if own:
        return own.strip(), "user"
    following = (turn["following"] or "").strip()
    return (following, "next") if following else ((turn["prompt"] or "").strip(), "turn")

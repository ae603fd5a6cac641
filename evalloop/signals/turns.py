"""Events become turns: each response with everything that speaks of it, however late or early it came."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from evalloop.records.event import Event
from evalloop.records.turn import Turn
from evalloop.signals.consent import CHANGED, ERASED, as_allowed
from evalloop.signals.owners import OUTCOME, last_before, responses_of_owners

GENERATION = "generation.completed"
NOT_ABOUT_RESPONSES = frozenset({
    "feedback.retracted", CHANGED, ERASED, "release.deployed", "notice.sent"})
LINKS = ("regenerate_of", "edit_of", "rephrase_of")
"""Links that name the response an event speaks of; they come before its subject, which may be the new response."""

Key = tuple[str, ...]


@dataclass(frozen=True)
class Joined:
    """All turns, sorted by session and time, and what happened on the way.

    ``about`` counts the events that speak of a response, ``orphans`` those whose response is not there (yet),
    ``session_level`` those that name only a session, ``internal`` the staff and test events left out, ``doubled`` the
    generations left out because their response id was taken.
    """

    turns: tuple[Turn, ...]
    about: int = 0
    orphans: int = 0
    session_level: int = 0
    internal: int = 0
    doubled: int = 0

    @property
    def orphan_share(self) -> float | None:
        """Share of orphans among the events that speak of a response; None when there is none."""
        return self.orphans / self.about if self.about else None


def join(events: Iterable[Event]) -> Joined:
    """The turns of ``events`` (superseded and retracted ones already folded away); any order gives the same turns."""
    generations: dict[str, Event] = {}
    others: list[Event] = []
    internal = doubled = 0
    for event in sorted(as_allowed(events), key=lambda each: (each.occurred_at, each.event_id)):
        if event.actor.get("internal"):
            internal += 1
        elif event.event_type != GENERATION:
            others.append(event)
        elif generations.setdefault(_name_of(event), event) is not event:
            doubled += 1
    evidence, about, orphans, session_level = _attach(others, generations)
    for name, event in generations.items():
        earlier = event.links.get("regenerate_of")
        if earlier in generations and earlier != name:
            evidence[earlier].append(event)
    turns = [_turn(name, generations.get(name), evidence.get(name, ())) for name in {**generations, **evidence}]
    ordered = sorted(turns, key=lambda turn: (turn.session_id or "", turn.occurred_at, _index(turn), turn.response_id))
    return Joined(tuple(_with_following(ordered)), about, orphans, session_level, internal, doubled)


def _name_of(event: Event) -> str:
    subject = event.subject
    name: str = subject.get("response_id") or subject.get("provider_response_id") or event.event_id
    return name


# ---- which response does an event speak of ---------------------------------------------------------------------------


def _attach(events: Sequence[Event],
            generations: Mapping[str, Event]) -> tuple[defaultdict[str, list[Event]], int, int, int]:
    aliases, last_of = _aliases(generations), _last_of_session(generations)
    evidence: defaultdict[str, list[Event]] = defaultdict(list)
    about = orphans = session_level = 0
    known_of: list[tuple[Event, str]] = []
    apart: list[Event] = []
    for event in events:
        if event.event_type in NOT_ABOUT_RESPONSES:
            continue
        keys = list(_keys(event))
        if keys:
            about += 1
            known = next((aliases[key] for key in keys if key in aliases), None)
            orphans += known is None
            evidence[known or keys[0][-1]].append(event)
            known_of += [(event, known)] if known else []
        elif event.session_id:
            session_level += 1
            evidence[_last_before(last_of.get(event.session_id, ()), event)].append(event)
        elif event.event_type.startswith(OUTCOME):
            apart.append(event)
    responses = responses_of_owners(generations, known_of) if apart else {}
    for event in apart:
        if name := last_before(responses, event):
            session_level += 1
            evidence[name].append(event)
    return evidence, about, orphans, session_level


def _keys(event: Event) -> Iterator[Key]:
    """The names by which an event may call its response, best first."""
    subject = event.subject
    for link in LINKS if event.event_type != GENERATION else ():
        if link in event.links:
            yield "response", event.links[link]
    for kind in ("response_id", "provider_response_id"):
        if subject.get(kind):
            yield "response", subject[kind]
    if subject.get("message_id"):
        yield "message", subject["message_id"]
    if subject.get("trace_id") and subject.get("span_id"):
        yield "span", subject["trace_id"], subject["span_id"]
    if subject.get("trace_id"):
        yield "trace", subject["trace_id"]
    if subject.get("session_id") and "turn_index" in subject:
        yield "turn", subject["session_id"], str(subject["turn_index"])


def _aliases(generations: Mapping[str, Event]) -> dict[Key, str]:
    """Every name of each response; a name that two responses share means neither."""
    found: dict[Key, str] = {}
    shared: set[Key] = set()
    for name, event in generations.items():
        for key in {("response", name), *_keys(event)}:
            if found.setdefault(key, name) != name:
                shared.add(key)
    own = {("response", name) for name in generations}
    return {key: name for key, name in found.items() if key not in shared or key in own}


def _last_of_session(generations: Mapping[str, Event]) -> dict[str, list[tuple[str, str]]]:
    """(time, response) of the generations of each session, in order."""
    found: defaultdict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, event in generations.items():
        if event.session_id:
            found[event.session_id].append((event.occurred_at, name))
    return found


def _last_before(responses: Sequence[tuple[str, str]], event: Event) -> str:
    """The response of the session that an event on the whole session is kept with: the last one before it."""
    earlier = [name for at, name in responses if at <= event.occurred_at]
    return earlier[-1] if earlier else responses[0][1] if responses else f"session {event.session_id}"


# ---- one turn --------------------------------------------------------------------------------------------------------


def _turn(name: str, generation: Event | None, evidence: Sequence[Event]) -> Turn:
    events = tuple(sorted(evidence, key=lambda each: (each.occurred_at, each.event_id)))
    every = (generation, *events) if generation else events
    return Turn(
        response_id=name,
        session_id=next((each.session_id for each in every if each.session_id), None),
        user_key=next((each.user_key for each in every if each.user_key), None),
        occurred_at=every[0].occurred_at,
        prompt=_last_text(generation, "input", "user") if generation else "",
        response=_last_text(generation, "output", "assistant") if generation else "",
        turn_index=generation.subject.get("turn_index") if generation else None,
        generation=generation,
        events=events)


def _last_text(generation: Event, side: str, role: str) -> str:
    """The last message of that role; contents in parts (``[{text: ...}]``) are joined."""
    block = generation.payload.get(side)
    messages = block.get("messages", ()) if isinstance(block, Mapping) else ()
    texts = [_text_of(each) for each in messages if isinstance(each, Mapping) and each.get("role") == role]
    return texts[-1] if texts else ""


def _text_of(message: Mapping[str, Any]) -> str:
    content = message.get("content", message.get("parts", ""))
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list | tuple) else ()
    texts = (part if isinstance(part, str) else part.get("text", part.get("content", "")) for part in parts
             if isinstance(part, str | Mapping))
    return "\n".join(text for text in texts if isinstance(text, str) and text)


def _index(turn: Turn) -> int:
    return -1 if turn.turn_index is None else turn.turn_index


def _with_following(turns: Sequence[Turn]) -> Iterator[Turn]:
    """The turns with the user's next message: from the next generation that is not a new try of the same answer."""
    for place, turn in enumerate(turns):
        after = _next_turn(turns, place)
        if after and after.prompt:
            yield replace(turn, following=after.prompt, following_at=after.occurred_at)
            continue
        said = next((event for event in turn.events if event.event_type == "signal.followup"
                     and isinstance(event.payload.get("text"), str)), None)
        yield replace(turn, following=said.payload["text"], following_at=said.occurred_at) if said else turn


def _next_turn(turns: Sequence[Turn], place: int) -> Turn | None:
    turn = turns[place]
    if turn.session_id is None or turn.generation is None:
        return None
    tries = {turn.response_id}
    for after in turns[place + 1:]:
        if after.session_id != turn.session_id:
            return None
        if after.generation is None:
            continue
        if after.generation.links.get("regenerate_of") not in tries:
            return after
        tries.add(after.response_id)
    return None

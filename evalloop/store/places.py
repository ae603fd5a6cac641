"""What belongs to one user where the user was: the rule of ``evalloop.signals.owners``, for few events in memory."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from evalloop.store.called import (
    CHANGED,
    GENERATION,
    Known,
    Lines,
    Row,
    Seen,
    answer_id,
    called,
    known_as,
    orphan,
    seen,
)


@dataclass(frozen=True)
class Belongings:
    """Ids of events that belong to the user alone, and of answers and sessions; ``shared`` answers name nobody, and may
    be another's."""

    events: set[str] = field(default_factory=set)
    responses: set[str] = field(default_factory=set)
    sessions: set[str] = field(default_factory=set)
    shared: set[str] = field(default_factory=set)


class Place:
    """Where a user was: the answers ``met`` and those of these ``sessions``, and what happened there.

    It is given the answers of the log (``beside``), then all of its events (``look``). ``named`` are the ids of events
    that name the user, ``near`` what may be about these answers.
    """

    def __init__(self, keys: frozenset[str], met: set[str], sessions: set[str]) -> None:
        self._keys, self._met, self._sessions = keys, met, sessions
        self._ids, self._names, self._tasks = set[str](), set[str](), set[str]()
        self._made, self._replaced, self._lines = set[str](), set[str](), Lines()
        self._linked, self.named = set[str](), set[str]()
        self.near: list[Seen] = []

    def beside(self, row: Row) -> None:
        """Takes an answer that is met, or in a session where the user was."""
        name = answer_id(row)
        if name in self._met or row["session_id"] in self._sessions:
            self._ids.add(name)
            self._made.add(row["event_id"])
            self._names.update(known_as(row))
            self._tasks |= {row["task_id"]} - {None}

    def look(self, row: Row) -> None:
        """Takes what names the user, and what may be about these answers."""
        if row["user_key"] in self._keys or (row["user_key"] is None and row["about_user"] in self._keys):
            self.named.add(row["event_id"])
        self._replaced |= {row["replaces"]} & self._made
        made = row["event_type"] == GENERATION
        if made and row["task_id"] in self._tasks:
            self._lines.add("task", row["task_id"], row["at_us"], answer_id(row))
        if row["event_type"] != CHANGED and (answer_id(row) in self._ids if made else self._is_near(row)):
            self.near.append(seen(row))

    def _is_near(self, row: Row) -> bool:
        return (row["session_id"] in self._sessions or row["task_id"] in self._tasks or orphan(row) in self._met
                or not self._names.isdisjoint(called(row)))

    def after(self, row: Row) -> None:
        """Takes what links to an act of these, where it was not taken yet."""
        if row["event_id"] not in self._linked:
            self._linked.add(row["event_id"])
            self.near.append(seen(row))

    def acts(self) -> set[str]:
        """Ids of the acts that may be about these answers."""
        self._linked = {each.event for each in self.near}
        return {each.event for each in self.near if each.made is None}

    def settle(self, known: Known) -> Belongings:
        """What belongs to the user, once all is there; ``known`` says which answers the names of ``near`` mean."""
        answers = self._answers()
        self._order(known, answers)
        about = [each.made or known.meant(each.names) or each.orphan or self._lines.before(each) for each in self.near]
        there = _There(answers, self._sessions)
        places = self._met | answers.keys()
        for each, name in zip(self.near, about, strict=True):
            if each.event not in there.made and (name in places or each.session in self._sessions):
                there.take(each, name)
        return self._settled(there, about)

    def _answers(self) -> dict[str, Seen]:
        """The event that made each answer: of several the first that nothing replaces."""
        first: dict[str, Seen] = {}
        for each in sorted(self.near, key=lambda each: (each.event in self._replaced, each.at, each.event)):
            if each.made:
                first.setdefault(each.made, each)
        return {name: each for name, each in first.items() if name in self._met or each.session in self._sessions}

    def _order(self, known: Known, answers: dict[str, Seen]) -> None:
        """Answers by time in their sessions; where an answer names none, that of the acts on it."""
        told: defaultdict[str | None, list[tuple[bool, str]]] = defaultdict(list)
        for each in self.near:
            if each.names and each.session is not None:
                told[known.meant(each.names)].append((not each.owner, each.session))
        for name, each in answers.items():
            session = each.session or (min(told[name])[1] if name in told else None)
            self._lines.add("session", session, each.at, name)
        self._lines.sort()

    def _settled(self, there: _There, about: list[str | None]) -> Belongings:
        found = Belongings()
        for each, name in zip(self.near, about, strict=True):
            if name is None or (each.user is not None and each.owner):
                continue
            who = there.owners(name, each.session)
            if who and who <= self._keys:
                found.events.add(each.event)
            elif each.made:
                found.shared.add(name)
        every = self._met | there.answers.keys()
        found.responses.update(name for name in every if (who := there.owners(name)) and who <= self._keys)
        found.responses.difference_update(found.shared)
        found.sessions.update(name for name, who in there.visits.items() if who <= self._keys)
        return found


class _There:
    """Who acted on which answer and in which session."""

    def __init__(self, answers: dict[str, Seen], sessions: set[str]) -> None:
        self.answers, self._sessions = answers, sessions
        self.made = {each.event for each in answers.values()}
        self.visits: defaultdict[str, set[str]] = defaultdict(set)
        self._acted: defaultdict[str, set[str]] = defaultdict(set)
        for each in answers.values():
            self._visit(each.session, each.user)

    def take(self, act: Seen, name: str | None) -> None:
        """Takes an act on an answer, also another event that makes it."""
        if act.user is not None and act.owner:
            if name is not None:
                self._acted[name].add(act.user)
            self._visit(act.session or self._session(name), act.user)

    def owners(self, name: str, session: str | None = None) -> Any:
        """Whose an answer is: its user, else who acted on it, else who was in its session, or that of the event."""
        made = self.answers.get(name)
        if made is not None and made.user is not None:
            return {made.user}
        return self._acted.get(name) or self.visits.get(session or self._session(name) or "", set())

    def _session(self, name: str | None) -> str | None:
        made = self.answers.get(name or "")
        return None if made is None else made.session

    def _visit(self, session: str | None, user: str | None) -> None:
        if user is not None and session in self._sessions and session is not None:
            self.visits[session].add(user)

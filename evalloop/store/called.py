"""Which answer an event speaks of, as ``evalloop.signals.resolve`` finds it, among few events: rows of slim columns."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from evalloop.records.event import OTHERS

GENERATION, CHANGED = "generation.completed", "consent.changed"
LINKS = ("regenerate_of", "edit_of", "rephrase_of")
OF_OLD = ("regenerate_of", "rephrase_of")
TO_ACTS = ("edit_of", "rephrase_of")
DIRECT = (*LINKS, "response_id", "provider_response_id")
SLIM = ("event_id", "event_type", "source_kind", "at_us", "user_key", "about_user", "replaces", "session_id", "task_id",
        "turn_index", "message_id", "trace_id", "span_id", *DIRECT)
"""The columns by which an event is placed."""
Row = Mapping[str, Any]


class Seen(NamedTuple):
    """An event near a user: the answer that it made or the names it gives one, best first, and where it belongs."""

    event: str
    at: int
    user: str | None
    owner: bool
    made: str | None
    names: tuple[str, ...]
    orphan: str | None
    session: str | None
    task: str | None


def seen(row: Row) -> Seen:
    """What is held of an event; one by a reviewer, a judge or code owns nothing."""
    made = answer_id(row) if row["event_type"] == GENERATION else None
    return Seen(row["event_id"], row["at_us"], row["user_key"], made is not None or row["source_kind"] not in OTHERS,
                made, () if made else called(row), None if made else orphan(row), row["session_id"], row["task_id"])


def answer_id(answer: Row) -> str:
    """The id of an answer."""
    return str(answer["response_id"] or answer["provider_response_id"] or answer["event_id"])


def called(row: Row) -> tuple[str, ...]:
    """The names that an event gives the answer it speaks of, best first, each with its kind."""
    links = [f"{kind} {row[name]}" for name in LINKS if row[name] is not None
             for kind in ("rame" if name in TO_ACTS else "rme")]
    if any(row[name] is not None for name in OF_OLD):
        return tuple(links)
    message = row["message_id"]
    direct = [f"r {row[name]}" for name in DIRECT[len(LINKS):] if row[name] is not None]
    return (*links, *direct, *_aliases(row), *([] if message is None else [f"r {message}"]))


def known_as(answer: Row) -> list[str]:
    """The names by which an answer may be meant."""
    also = [] if answer["provider_response_id"] is None else [f"r {answer['provider_response_id']}"]
    return [f"r {answer_id(answer)}", f"e {answer['event_id']}", *also, *_aliases(answer)]


def _aliases(row: Row) -> list[str]:
    parts = {"m": ("message_id",), "s": ("trace_id", "span_id"), "t": ("trace_id",), "n": ("session_id", "turn_index")}
    return [" ".join((kind, *(str(row[name]) for name in names))) for kind, names in parts.items()
            if all(row[name] is not None for name in names)]


def orphan(row: Row) -> str | None:
    """What an event calls an answer that nobody knows; None when it names none."""
    for name in DIRECT:
        if row[name] is not None:
            return str(row[name])
    for name in ("message", "span", "trace"):
        if row[f"{name}_id"] is not None:
            return f"{name} {row[f'{name}_id']}"
    turn = (row["session_id"], row["turn_index"])
    return None if None in turn else f"turn {turn[0]} {turn[1]}"


class Known:
    """The answers that some names mean: one's own id means itself, any other name that two share means neither."""

    def __init__(self, wanted: set[str]) -> None:
        self._wanted = wanted
        self._own: set[str] = set()
        self._means: defaultdict[str, set[str]] = defaultdict(set)
        self._heard: dict[str, str] = {}

    def add(self, answer: Row) -> bool:
        """Takes an answer; whether one of the names may mean it. Of each name no more than two answers are held."""
        name, hit = answer_id(answer), False
        for each in self._wanted.intersection(known_as(answer)):
            if each == f"r {name}":
                self._own.add(name)
                hit = True
            elif len(self._means[each]) < 2:
                self._means[each].add(name)
                hit = True
        return hit

    def hear(self, acts: Iterable[Seen]) -> None:
        """Takes acts, once all answers are there: a link to one of them is one to the answer that it means."""
        self._heard = {act.event: name for act in acts if (name := self.meant(act.names)) is not None}

    def meant(self, names: Iterable[str]) -> str | None:
        """The answer that the best of these names means, if any does."""
        for name in names:
            if name[0] == "r" and name[2:] in self._own:
                return name[2:]
            if name[0] == "a" and name[2:] in self._heard:
                return self._heard[name[2:]]
            if len(found := self._means.get(name, ())) == 1:
                return next(iter(found))
        return None


class Lines:
    """Answers by time, for each session and task: who names no answer speaks of the last one before."""

    def __init__(self) -> None:
        self._lines: defaultdict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)

    def add(self, kind: str, key: str | None, at: int, answer: str) -> None:
        """Takes an answer of a session or task."""
        if key is not None:
            self._lines[kind, key].append((at, answer))

    def sort(self) -> None:
        """Brings them in order, once all are there."""
        for line in self._lines.values():
            line.sort()

    def before(self, event: Seen) -> str | None:
        """The last answer of the event's session (if that has none before, the first), else of its task."""
        if event.session is None:
            return None if event.task is None else self._last(self._lines.get(("task", event.task), []), event.at)
        line = self._lines.get(("session", event.session), [])
        return self._last(line, event.at) or (line[0][1] if line else f"session {event.session}")

    @staticmethod
    def _last(line: list[tuple[int, str]], at: int) -> str | None:
        place = bisect_right(line, at, key=lambda each: each[0])
        return line[place - 1][1] if place else None

"""The events of a simulated day, hour by hour, with a fixed seed: who asked what, what they did, and what they said.

A user has sessions, a session has turns, a turn has one answer, what the user did with it, and sometimes a vote. One
answer in twenty lets its user down, for a fault of a theme (``day_texts.THEMES``) or for none. Who was let down asks
again, stops, leaves, writes the complaint as the next message, or votes and says why. One person in three hundred just
asks for another answer.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any, TextIO

import numpy as np
from day_texts import (
    ANSWERED,
    ASKED,
    OPENINGS,
    PRAISE,
    STRAY_SAID,
    STRAY_THINGS,
    SUBJECTS,
    TAILS,
    THEMES,
)

USERS, TURNS, ACTS, EXPLICIT = 200_000, 2_000_000, 10_000_000, 0.018
SESSIONS = 500_000
HOURS = 24
LET_DOWN = 0.05
NEGATIVE = 0.6
"""Share of votes that are against an answer."""
CURIOUS = 0.003
STRAY = "stray"
SHAPE = (2, 1, 1, 1, 1, 2, 3, 5, 7, 9, 10, 10, 9, 9, 9, 9, 9, 9, 8, 8, 8, 7, 5, 3)
SURFACES, PLANS, LOCALES = ("web", "mobile", "ide"), ("free", "team", "pro"), ("en-GB", "en-US", "de-DE", "fr-FR")
BY_NAME = {theme.name: theme for theme in THEMES}
NAMES = (*(theme.name for theme in THEMES), STRAY)
CUMULATED = list(accumulate((*(theme.share for theme in THEMES), 1 - sum(theme.share for theme in THEMES))))


@dataclass(frozen=True)
class Day:
    """The size of the day: ``scale`` 1 is 200,000 users, 2 M turns, 10 M acts and 36,000 votes and comments."""

    scale: float = 1.0
    seed: int = 7

    @property
    def users(self) -> int:
        """How many users are active."""
        return max(int(USERS * self.scale), 50)

    def hour(self, number: int) -> Hour:
        """The traffic of one hour."""
        return Hour(self, number)


class Hour:
    """The sessions that begin in one hour."""

    def __init__(self, day: Day, number: int) -> None:
        self.day, self.number = day, number
        self._draw = Random(day.seed * 1000 + number)
        self._salt = f"{day.seed}-{number:02d}"
        self.counts = {"turns": 0, "acts": 0, "votes": 0, "let_down": 0, "events": 0}

    def write(self, place: Path) -> dict[str, int]:
        """Writes the events as JSON lines, and beside them (``.truth``) which answers let their user down, and why."""
        reasons = place.with_suffix(".truth")
        with place.open("w", encoding="utf-8") as lines, reasons.open("w", encoding="utf-8") as truth:
            for user, begin in self._sessions():
                for event in self._session(user, begin, truth):
                    lines.write(event)
                    self.counts["events"] += 1
        return self.counts

    def _sessions(self) -> Iterator[tuple[int, float]]:
        """(user, seconds into the day); each user has a session somewhere in the day, busy ones have many."""
        rng = np.random.default_rng(self.day.seed)  # one plan of the day for all hours
        users, count = self.day.users, int(SESSIONS * self.day.scale)
        hours = np.array(SHAPE, float) / sum(SHAPE)
        more = max(count - users, 0)
        busy = rng.lognormal(0, 1.0, users)
        who = np.concatenate([np.arange(users), rng.choice(users, more, p=busy / busy.sum())])
        when = rng.choice(HOURS, len(who), p=hours)
        mine = who[when == self.number]
        seconds = np.random.default_rng([self.day.seed, self.number]).uniform(0, 3000, len(mine))
        return ((int(user), self.number * 3600 + float(at)) for user, at in zip(mine, seconds, strict=True))

    # ---- a session ---------------------------------------------------------------------------------------------------

    def _session(self, user: int, begin: float, truth: TextIO) -> Iterator[str]:
        draw, session = self._draw, f"s{self._salt}-{self.counts['turns']:06d}"
        about, at, said = _about(user, draw), begin, ""
        for place in range(min(1 + int(draw.expovariate(1 / 3.5)), 30)):
            self.counts["turns"] += 1
            answer = _Answer(f"r{self._salt}-{self.counts['turns']:06d}", session, place, at, about)
            why = draw.choices(NAMES, cum_weights=CUMULATED)[0] if draw.random() < LET_DOWN else ""
            asked, answered = _talk(why, draw)
            yield answer.generation(said or asked, answered)
            for number, (kind, after, payload) in enumerate(self._acts(why, len(answered))):
                self.counts["acts"] += 1
                yield answer.act(f"a{number}", kind, after, payload)
            for kind, payload in self._votes(why):
                self.counts["votes"] += 1
                yield answer.act("v", kind, 41, payload)
            if why:
                self.counts["let_down"] += 1
                truth.write(f"{answer.response}\t{why}\n")
            said = complaint(why, draw) if why and draw.random() < 0.35 else ""
            at += 45 + draw.expovariate(1 / 60)

    def _acts(self, why: str, chars: int) -> Iterator[tuple[str, float, dict[str, Any]]]:
        """What the user did: five acts a turn in the mean."""
        draw = self._draw
        views = 2 + int(draw.expovariate(1 / 3.11))
        for number in range(views):
            focused = int(draw.expovariate(1 / (900 if why else 5000)))
            yield "response.viewed", 2 + 6 * number, {"visible_ms": focused + 400, "focused_ms": focused,
                                                      "scroll_max": round(draw.random(), 2)}
        if not why and draw.random() < 0.35:
            yield "signal.copied", 20, {"chars": int(chars * draw.random()), "total": chars}
        if not why and draw.random() < 0.05:
            yield "signal.shared", 25, {"kind": "link"}
        if draw.random() < (0.3 if why else CURIOUS):
            yield "signal.regenerated", 30, {}
        if draw.random() < (0.15 if why else 0.002):
            yield "signal.stopped", 1, {"chars_shown": int(chars * draw.random() * (0.7 if why else 1.0))}

    def _votes(self, why: str) -> Iterator[tuple[str, dict[str, Any]]]:
        draw = self._draw
        chance = EXPLICIT * NEGATIVE / LET_DOWN if why else EXPLICIT * (1 - NEGATIVE) / (1 - LET_DOWN)
        if draw.random() >= chance:
            return
        if why and draw.random() < 0.7:
            words = complaint(why, draw)
            yield ("feedback.thumbs", {"value": -1, "text": words}) if draw.random() < 0.6 else (
                "feedback.comment", {"text": words})
        elif why:
            yield "feedback.thumbs", {"value": -1}
        else:
            yield "feedback.thumbs", {"value": 1, **({"text": draw.choice(PRAISE)} if draw.random() < 0.2 else {})}


# ---- one answer ------------------------------------------------------------------------------------------------------


class _Answer:
    """Writes the JSON of the events of one answer; what they share is written once."""

    def __init__(self, response: str, session: str, place: int, at: float, about: str) -> None:
        self.response, self._place, self._at = response, place, at
        self._rest = (f',"subject":{{"level":"response","response_id":"{response}","session_id":"{session}"',
                      f'}},{about},"payload":')

    def _event(self, name: str, kind: str, source: str, after: float, payload: dict[str, Any], more: str = "") -> str:
        head, tail = self._rest
        return (f'{{"schema":"evalloop.event/1","event_id":"{name}","event_type":"{kind}","occurred_at":'
                f'"{_clock(self._at + after)}","source":{{"kind":"{source}"}}{head}{more}{tail}{json.dumps(payload)}')

    def generation(self, asked: str, answered: str) -> str:
        """The event of the answer."""
        payload = {"input": {"messages": [{"role": "user", "content": asked}]},
                   "output": {"messages": [{"role": "assistant", "content": answered}]}, "finish_reason": "stop"}
        place = f',"turn_index":{self._place}'
        return self._event("g" + self.response, "generation.completed", "system", 0, payload, place) + "}\n"

    def act(self, name: str, kind: str, after: float, payload: dict[str, Any]) -> str:
        """The event of an act or a vote."""
        links = f',"links":{{"regenerate_of":"{self.response}"}}' if kind == "signal.regenerated" else ""
        return self._event(f"{name}-{self.response}", kind, "end_user", after, payload) + links + "}\n"


def _clock(second: float) -> str:
    day, rest = divmod(int(second), 86_400)
    return (f"2026-01-{14 + day:02d}T{rest // 3600:02d}:{rest // 60 % 60:02d}:{rest % 60:02d}."
            f"{int(second % 1 * 1000):03d}Z")


def _about(user: int, draw: Random) -> str:
    """The user, their consent and the product, as JSON."""
    purposes = ["ops", "analytics", *(["eval", "notify"] if user % 5 else []), *(["training"] if user % 2 else [])]
    context = {"app": "assistant", "release": "2026.1", "model_requested": "model-a", "model_answered": "model-a",
               "surface": draw.choices(SURFACES, (6, 3, 1))[0], "locale": LOCALES[user % 4]}
    return json.dumps({"actor": {"user_key": f"u{user:06d}", "segment": {"plan": PLANS[user % 7 % 3]}},
                       "consent": {"basis": "consent", "purposes": purposes}, "context": context})[1:-1]


# ---- texts -----------------------------------------------------------------------------------------------------------


def _talk(why: str, draw: Random) -> tuple[str, str]:
    """The question and the answer: of the theme where the answer is at fault."""
    theme = BY_NAME.get(why)
    if theme is None:
        x, y = draw.sample(SUBJECTS, 2)
        return draw.choice(ASKED).format(x=x, y=y), draw.choice(ANSWERED).format(x=x.capitalize(), y=y)
    x, y = draw.choice(theme.things), draw.choice(theme.others)
    return draw.choice(theme.asked).format(x=x, y=y), draw.choice(theme.answered).format(x=x, y=y)


def complaint(why: str, draw: Random) -> str:
    """What a user says of a fault, in many wordings."""
    theme = BY_NAME.get(why)
    if theme is None:
        core = draw.choice(STRAY_SAID).format(x=draw.choice(STRAY_THINGS))
    else:
        core = draw.choice(theme.said).format(x=draw.choice(theme.things), y=draw.choice(theme.others))
    return draw.choice(OPENINGS) + core + draw.choice(TAILS)

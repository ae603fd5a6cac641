"""Events as products really send them, for a lake: a hundredth of it, five thousand stories at most.

    python benchmarks/odd_events.py --stories 100 --out /tmp/lake

Answers that are named by the provider's id, the message or an event; acts that name a session, a task or a user alone;
answers of nobody, of two users, of staff and without consent; users who take their consent back or are erased; what was
sent twice, late, by a clock that is ahead, or taken back. Each story has users and answers of its own, drawn from one
seed, and becomes rows as the product's own store makes them.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pyarrow.compute as pc
import pyarrow.parquet as pq

from evalloop.records.event import Event
from evalloop.store import columns
from evalloop.store.body import row_of
from evalloop.testing import make_event, make_generation

MOST, DAYS = 5_000, 24
WORDS = ("no, that is wrong", "thanks, that works", "why is \\nabla f not 0?", "how do I sort a list by name?",
         "how do I sort the list by its name?", "")
SHUT = {"basis": "consent", "purposes": ["training"]}


class Story:
    """Users, answers and moments that no other story has."""

    def __init__(self, number: int) -> None:
        self.dice = Random(number)
        self.name = f"odd{number}"
        self.session = f"{self.name}-s"
        self.start = self.dice.randrange(DAYS * 86_400)

    def user(self, number: int = 0) -> str:
        return f"{self.name}-u{number}"

    def answer(self, number: int, second: float, *, user: str | None = "", **fields: Any) -> Event:
        """An answer of the session; ``user`` None for one that names nobody."""
        given = {"prompt": self.dice.choice(WORDS), "session": self.session, "answer": "sort it by its key " * 9}
        return make_generation(self.id(number), self.start + second, user=self.user() if user == "" else user,
                               **{**given, **fields})

    def act(self, kind: str, number: int | None, second: float, payload: Any = None, *, user: str | None = "",
            **fields: Any) -> Event:
        """An act on an answer; on none where ``number`` is None (say the subject)."""
        return make_event(kind, "" if number is None else self.id(number), self.start + second,
                          user=self.user() if user == "" else user, payload=payload,
                          **{"event_id": f"{self.name}-{kind}-{number}-{second}", **fields})

    def id(self, number: int) -> str:
        return f"{self.name}-r{number}"

    def named(self, number: int, **names: str) -> dict[str, Any]:
        return {"level": "response", "session_id": self.session, "response_id": self.id(number),
                **{name: f"{self.name}-{value}" for name, value in names.items()}}

    def only(self, **names: str) -> dict[str, Any]:
        return {"level": "response", **names}


def other_ids(story: Story) -> Iterator[Event]:
    """Names that are no response id: the provider's, the message, the trace, an act, an event."""
    names = story.named(0, provider_response_id="p", message_id="m", trace_id="t")
    yield story.answer(0, 0, subject=names)
    for name, value in (("provider_response_id", "p"), ("message_id", "m"), ("trace_id", "t")):
        yield story.act("feedback.thumbs", None, len(name), {"value": -1}, event_id=f"{story.name}-{name}",
                        subject=story.only(**{name: f"{story.name}-{value}"}))
    yield story.answer(1, 60, links={"regenerate_of": f"{story.name}-p"})
    accepted = story.act("signal.accepted", 1, 61, {"time_to_accept_ms": 900})
    yield accepted
    for second, link in ((70, accepted.event_id), (71, f"generation-{story.id(1)}"), (72, "nobody-knows")):
        yield story.act("signal.edited", 1, second, {"after": "sort it", "delay_ms": 1000 * second},
                        links={"edit_of": link})


def no_ids(story: Story) -> Iterator[Event]:
    """Outcomes and acts that name a session, a task or a user alone, before, between and long after the answers."""
    for number in range(4):
        yield story.answer(number, 100 * number, subject=story.named(number, task_id="task"))
    for second in (-50, 150, 1_000_000):
        status = story.dice.choice(("success", "failure"))
        window = {"status": status, "window_s": 10.0 ** story.dice.randrange(14)}
        yield story.act("outcome.ticket", None, second, window, subject={"level": "user"})
        yield story.act("outcome.task", None, second, {"status": status}, user=None,
                        subject=story.only(task_id=f"{story.name}-task"))
        yield story.act("signal.copied", None, second, {"chars": 9}, subject=story.only(session_id=story.session))


def nobodys(story: Story) -> Iterator[Event]:
    """Answers that name no user, of one or two who act on them, of whom one is erased or takes consent back."""
    for number in range(3):
        yield story.answer(number, 60 * number, user=None)
        yield story.act("outcome.task", number, 60 * number + 9, {"status": "failure"}, user=None)
    yield story.act("feedback.thumbs", 0, 5, {"value": -1, "text": "wrong"})
    yield story.act("feedback.thumbs", 1, 65, {"value": -1}, user=story.user(story.dice.randrange(2)))
    yield story.act("judgment.result", 1, 70, {"score": 0.1}, user="odd-reviewer", source={"kind": "reviewer"})
    if story.dice.random() < 0.5:
        yield story.act("consent.changed", None, 300, subject={"level": "user"},
                        consent={"basis": "consent", "purposes": ["ops"]})
    else:
        yield story.act("privacy.erased", None, 300, {"user_key": story.user()}, user=None, subject={"level": "user"})


def left_out(story: Story) -> Iterator[Event]:
    """Staff, and what may not be counted, with what a system says of it."""
    staff = {"user_key": story.user(), "internal": True}
    yield story.answer(0, 0, actor=staff)
    yield story.answer(1, 60, consent=SHUT)
    yield story.answer(2, 120)
    for number in range(3):
        yield story.act("outcome.task", number, 60 * number + 9, {"status": "failure"}, user=None)
    yield story.act("feedback.thumbs", 2, 130, {"value": -1}, consent=SHUT)


def again(story: Story) -> Iterator[Event]:
    """Sent twice, taken back, corrected; tries in a row of which the session ends with the last."""
    yield story.answer(0, 0)
    yield story.answer(0, 1, event_id=f"{story.name}-copy")
    vote = story.act("feedback.thumbs", 0, 5, {"value": -1})
    gone = story.act("feedback.retracted", 0, 6, links={"retracts": vote.event_id})
    yield from (vote, gone, story.act("feedback.retracted", 0, 7, links={"retracts": gone.event_id}))
    for number in (1, 2, 3):
        yield story.answer(number, 20 * number, links={"regenerate_of": story.id(number - 1)})
    yield story.act("signal.followup", 2, 90, {"text": story.dice.choice(WORDS)})
    yield story.act("feedback.thumbs", 9, 95, {"value": 1}, subject=story.named(9))


def clocks(story: Story) -> Iterator[Event]:
    """Views that come back, asks answered before and after an own vote, and clocks that run ahead of the store's."""
    yield story.answer(0, 0)
    for second, focused in ((10, 700), (4000, 1200), (9000, 31_000)):
        yield story.act("response.viewed", 0, second, {"focused_ms": focused})
    ask = {"kind": "random", "probability": 0.05, "ask_id": story.name}
    yield story.act("feedback.prompted", 0, 20, ask=ask)
    for second, asked in story.dice.sample(((30, True), (40, False)), 2):
        yield story.act("feedback.thumbs", 0, second, {"value": -1}, **({"ask": ask} if asked else {}))
    ahead = story.act("feedback.thumbs", 0, 200_000, {"value": -1}, user=story.user(1))
    yield replace(ahead, received_at=story.answer(0, 60).occurred_at)
    yield story.act("privacy.erased", None, 100, {"user_key": story.user(1)}, user=None, subject={"level": "user"})


KINDS: tuple[Callable[[Story], Iterator[Event]], ...] = (other_ids, no_ids, nobodys, left_out, again, clocks)


def make(folder: Path, stories: int) -> None:
    """Writes the events of so many stories below ``folder``, by day."""
    events = (each for number in range(stories) for each in KINDS[number % len(KINDS)](Story(number)))
    table = columns.arrow((row_of(each.to_dict(), each.occurred_at).body, each.received_at or each.occurred_at)
                          for each in events)
    for day in pc.unique(table["day"]).to_pylist():
        place = folder / "part-odd" / f"day={day}"
        place.mkdir(parents=True, exist_ok=True)
        pq.write_table(table.filter(pc.equal(table["day"], day)), place / "odd.parquet")


def main() -> None:
    """Writes a lake of odd events alone."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--stories", type=int, default=600)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    make(given.out, given.stories)


if __name__ == "__main__":
    main()

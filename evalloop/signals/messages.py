"""Detectors of the user's next message: the same again, approval, complaint."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalloop import engine as door
from evalloop.signals import lexicon
from evalloop.signals.build import by_turn, judged
from evalloop.signals.sessions import SECOND
from evalloop.signals.threshold import threshold

if TYPE_CHECKING:
    from evalloop.contracts import Evidence

Table = Any
PAIRS = "130 pairs of programmers' messages (RealHumanEval), read by one person"


@dataclass
class Rephrase:
    """The user's next message asks the same again within ``gap_s``: it keeps the wish and at most adds to it.

    Compared are the telling words (fillers such as "how do I" left out): ``kept`` of the shorter message's words must
    be in the other one, the shared ones must be ``alike`` of all words of both, and at least ``words``, unless the
    telling ones are the same; a message of fewer words in all says too little. Of 130 pairs of programmers' messages,
    read by one person, that share most words (token set ratio >= 65, the former rule) 63 asked the same again; this
    rule finds 24 of these and 5 others. A question on the next step shares words with the last one, which is why recall
    is given up for precision.
    Events ``signal.rephrased`` count as well; suggestions that were shown (code completions) are no messages. A
    refinement is not always a failure, hence the low weight.
    """

    kept: float = threshold(0.9, PAIRS, high=1)
    alike: float = threshold(0.4, PAIRS, high=1)
    words: int = threshold(3, PAIRS)
    gap_s: float = threshold(120.0, "gap and context are needed: Amazon ContReph 2021; the figure is a guess",
                             high=10**9)
    name: str = "rephrase"
    version: str = "7"
    kind: str = "implicit"

    def detect(self, evidence: Evidence) -> Table:
        ibis = door.ibis
        told = by_turn(evidence.of_type("signal.rephrased"))
        talk = last_tries(evidence)
        near = talk.filter(talk.prompt.notnull() & (talk.following_us - talk.at_us <= int(self.gap_s * SECOND)))
        again = judged(evidence, near, ("prompt", "following"), asks_again,
                       kept=self.kept, alike=self.alike, words=self.words)
        again = again.anti_join(told, "response_id").select(
            "response_id", at_us="following_us", text="following", event_ids=_both(again))
        said = talk.select("response_id", "following", "following_event", said_us="following_us")
        told = told.left_join(said, "response_id")
        told = told.select("response_id", at_us=ibis.coalesce(told.said_us, told.at_us), text="following",
                           event_ids=_with_next(told.event_ids, told.following_event))
        every = told.select("response_id", "at_us", "text", "event_ids").union(
            again.select("response_id", "at_us", "text", "event_ids"))
        return every.mutate(polarity=ibis.literal(-1.0), weight=ibis.literal(0.3))


def last_tries(evidence: Evidence) -> Table:
    """The turns that the user's words follow: of several answers to one message the last, for it is what was read.
    A follow-up says itself which one it speaks of."""
    again = evidence.of_type("signal.regenerated", "generation.completed")
    talk = evidence.turns.filter(evidence.turns.next_event.notnull())
    return evidence.dialogue().anti_join(again.semi_join(talk, "response_id"), "response_id")


def _both(found: Table) -> Any:
    """The evidence of what a next message says: the answer's event, where there is one, and the message's."""
    ibis = door.ibis
    return ibis.ifelse(found.event_id.notnull(), ibis.array([found.event_id, found.following_event]),
                       ibis.array([found.following_event]))


def _with_next(event_ids: Any, following: Any) -> Any:
    return door.ibis.ifelse(following.notnull(), event_ids.concat(door.ibis.array([following])), event_ids)


def asks_again(prompt: str, following: str, *, kept: float, alike: float, words: int) -> bool:
    """True when the second message asks what the first one did."""
    if not prompt or not following or min(len(prompt.split()), len(following.split())) < words:
        return False
    asked, again = lexicon.telling(prompt), lexicon.telling(following)
    shared = len(asked & again)
    if not shared or (shared < words and asked != again):
        return False
    return shared >= kept * min(len(asked), len(again)) and shared >= alike * len(asked | again)


@dataclass
class Reply:
    """The user's next message approves or complains, by the same patterns as for comments; silent otherwise.

    A complaint weighs more than a full copy: people copy code, run it, and come back with the error.
    """

    name: str = "reply"
    version: str = f"7.{lexicon.VERSION}"
    kind: str = "implicit"

    def detect(self, evidence: Evidence) -> Table:
        ibis = door.ibis
        found = judged(evidence, last_tries(evidence), ("following", "response"), approves)
        return found.select("response_id", at_us="following_us", text="following", event_ids=_both(found),
                            polarity=found.verdict, weight=ibis.ifelse(found.verdict < 0, 0.6, 0.4))


def approves(following: str, response: str | None) -> int:
    """-1 for a complaint, 1 for approval, 0 for neither."""
    return lexicon.polarity(following, response or "")

"""Detectors of what users say on purpose: votes, ratings, comments, corrections."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evalloop import engine as door
from evalloop.signals import lexicon
from evalloop.signals.build import judged, last_per_user, one

if TYPE_CHECKING:
    from evalloop.contracts import Evidence

Table = Any
THUMBS, RATING = "feedback.thumbs", "feedback.rating"
VOTES = (THUMBS, RATING)


class Thumbs:
    """Thumbs up or down; of several votes of one user the last counts."""

    name, version, kind = "thumbs", "2", "explicit"

    def detect(self, evidence: Evidence) -> Table:
        votes = last_per_user(evidence.of_type(THUMBS))
        votes = votes.filter(votes.value.notnull())
        return votes.select("response_id", "at_us", "user_key", event_ids=one(votes), polarity=votes.value,
                            weight=door.ibis.literal(1.0), text=votes.text.nullif(""))


class Rating:
    """A rating on any scale, brought to [-1, 1]; of several ratings of one user the last counts."""

    name, version, kind = "rating", "2", "explicit"

    def detect(self, evidence: Evidence) -> Table:
        votes = last_per_user(evidence.of_type(RATING))
        votes = votes.filter((votes.value_max > votes.value_min) & votes.value.notnull())
        return votes.select("response_id", "at_us", "user_key", event_ids=one(votes), polarity=_on_scale(votes),
                            weight=door.ibis.literal(1.0))


def _on_scale(votes: Table) -> Any:
    """Ratings in [-1, 1]; null where the scale is none."""
    place = (votes.value - votes.value_min) / (votes.value_max - votes.value_min).nullif(0)
    return 2 * place.clip(0.0, 1.0) - 1


def stance(votes: Table) -> Any:
    """The polarity of thumbs and ratings."""
    return door.ibis.ifelse(votes.event_type == RATING, _on_scale(votes), votes.value)


class Comment:
    """A comment; its polarity is read from a list of patterns and is 0 when none fits. The words are kept."""

    name, version, kind = "comment", f"2.{lexicon.VERSION}", "explicit"

    def detect(self, evidence: Evidence) -> Table:
        said = evidence.of_type("feedback.comment")
        turns = evidence.turns.select("response_id", of_turn="event_id")
        words = evidence.words().select(of_turn="event_id", answered="answered")
        said = said.filter(said.text.notnull()).left_join(turns, "response_id").drop("response_id_right")
        said = said.left_join(words, "of_turn").select(
            "response_id", "event_id", "at_us", "user_key", "text", answered=door.ibis._.answered)
        found = judged(evidence, said, ("text", "answered"), tone)
        return found.select("response_id", "at_us", "user_key", "text", event_ids=one(found),
                            polarity=found.verdict - 2, weight=door.ibis.literal(0.5))


def tone(text: str, answer: str | None) -> float:
    """The polarity of a comment plus 2: a comment that says nothing clear is kept as well."""
    return lexicon.polarity(text, answer or "") + 2


class Correction:
    """The user wrote what the answer should have been."""

    name, version, kind = "correction", "2", "explicit"

    def detect(self, evidence: Evidence) -> Table:
        ibis = door.ibis
        acts = evidence.of_type("feedback.correction")
        return acts.select("response_id", "at_us", "user_key", event_ids=one(acts), polarity=ibis.literal(-1.0),
                           weight=ibis.literal(0.8))

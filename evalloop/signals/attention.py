"""Detectors of attention: reading time, and sessions that just end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalloop import engine as door
from evalloop.signals.build import by_turn
from evalloop.signals.consent import happened
from evalloop.signals.sessions import SECOND
from evalloop.signals.threshold import threshold

if TYPE_CHECKING:
    from evalloop.contracts import Evidence

Table = Any
TAKEN = ("signal.copied", "signal.accepted", "signal.shared")
"""Acts by which a user takes an answer over."""
CHARS_PER_WORD = 5.7
"""Where the words are not known: characters of an English word with its space."""


@dataclass
class Dwell:
    """Reading time: focused and visible milliseconds, by the time that reading the answer takes.

    Good: at least ``ratio`` of the time that ``wpm`` words a minute take, and ``long_s`` seconds or an act that takes
    the answer over. Bad: less than ``short_s`` seconds, then another try, or away: no answer follows in the session,
    and by the newest event the last view is more than ``away_s`` seconds old. Silent otherwise: long reading may be
    confusion, one cut does not fit all lengths, and who is away for a moment may come back. The time of all views of a
    turn is summed, however late they came.
    """

    ratio: float = threshold(0.5, "a guess", high=1)
    wpm: float = threshold(238.0, "silent reading of English: Brysbaert 2019", low=1)
    long_s: float = threshold(30.0, "the usual satisfied-click cut; why one cut is wrong: Kim et al., WSDM 2014",
                              high=10**9)
    short_s: float = threshold(3.0, "a guess", high=10**9, under="long_s")
    away_s: float = threshold(1800.0, "the usual gap between sessions", high=10**9)
    name: str = "dwell"
    version: str = "2"
    kind: str = "implicit"

    def detect(self, evidence: Evidence) -> Table:
        ibis = door.ibis
        views = evidence.of_type("response.viewed")
        found = by_turn(views, focused=ibis.coalesce(views.focused_ms, views.visible_ms).sum().cast("int64"))
        turns = evidence.turns.select(
            "response_id", "next_us", turn_us="at_us", answered=evidence.turns.event_id.notnull(),
            words=ibis.coalesce(ibis._.response_words.cast("float64"), ibis._.response_chars / CHARS_PER_WORD))
        found = found.inner_join(turns, "response_id")
        found = found.filter(found.focused.notnull())
        taken = evidence.of_type(*TAKEN).select(took="response_id").distinct()
        again = evidence.of_type("signal.regenerated", "generation.completed").select(retried="response_id").distinct()
        found = found.left_join(taken, found.response_id == taken.took)
        found = found.left_join(again, found.response_id == again.retried).cross_join(_newest(evidence))
        read = found.focused / (found.words * (60_000 / self.wpm)).nullif(0.0) >= self.ratio
        good = read.fill_null(False) & ((found.focused >= self.long_s * 1000) | found.took.notnull())
        quiet_us = found.now_us - ibis.greatest(found.turn_us, found.at_us)
        away = found.answered & found.next_us.isnull() & (quiet_us > int(self.away_s * SECOND))
        left = away | found.retried.notnull()
        bad = (found.focused < self.short_s * 1000) & found.took.isnull() & left
        marked = found.mutate(polarity=ibis.cases((good, 1.0), (bad, -1.0), else_=ibis.null("float64")))
        marked = marked.filter(marked.polarity.notnull())
        return marked.select("response_id", "event_ids", "at_us", "user_key", "polarity", weight=ibis.literal(0.2))


def _newest(evidence: Evidence) -> Table:
    """(now_us): when the newest event happened, which is as far as anything is known; no clock is asked."""
    return evidence.events.aggregate(now_us=happened(evidence.events).max())


@dataclass
class Abandon:
    """The session ended with this answer: nothing for ``idle_s`` seconds after the last act.

    Bad after a stop, an error, ``tries`` answers to the same message, or an answer scrolled to less than ``scroll``.
    Good when the answer was taken over (copied, accepted, shared). Else silent: that a user ends a talk is no failure
    by itself. ``signal.abandoned`` counts as the end of a session too. An answer of the session that is known from acts
    alone goes on with it.
    """

    idle_s: float = threshold(1800.0, "the usual gap between sessions", high=10**9)
    tries: int = threshold(2, "a guess; good and bad abandonment: Li, Huffman, Tokuda, SIGIR 2009")
    scroll: float = threshold(0.5, "a guess", high=1)
    name: str = "abandon"
    version: str = "4"
    kind: str = "implicit"

    def detect(self, evidence: Evidence) -> Table:
        ibis = door.ibis
        acts, turns = evidence.acts, evidence.turns
        ends = turns.filter(turns.event_id.notnull() & turns.next_us.isnull())
        window = ibis.window(group_by=ends.session_id, order_by=[ends.place.desc()])
        # nothing follows any of the answers to the last message
        ends = ends.mutate(back=ibis.row_number().over(window),
                           tries=ends.count().over(ibis.window(group_by=ends.session_id)))
        ends = _not_followed(ends.filter(ends.back == 0), turns).select(
            "response_id", "finish_reason", "tries", of_turn="event_id", turn_us="at_us", turn_user="user_key")
        told = acts.filter(acts.event_type.isin(("signal.stopped", "signal.abandoned", "response.viewed", *TAKEN)))
        at = told.event_type
        seen = told.group_by("response_id").aggregate(
            event_ids=told.event_id.collect().sort(), at_us=told.at_us.max(), user_key=told.user_key.min(),
            took=at.isin(TAKEN).any(), stopped=(at == "signal.stopped").any(),
            said=(at == "signal.abandoned").any(), scrolled=told.scroll_max.max())
        found = ends.left_join(seen, "response_id").drop("response_id_right")
        found = found.mutate(failed=(found.finish_reason == "error").fill_null(False))
        found = found.filter(found.event_ids.notnull() | found.failed | (found.tries >= self.tries))
        found = found.cross_join(_newest(evidence))
        took, stopped, said = (found[name].fill_null(False) for name in ("took", "stopped", "said"))
        last_us = ibis.greatest(found.turn_us, found.at_us.fill_null(found.turn_us))
        over = said | (found.now_us - last_us > int(self.idle_s * SECOND))
        partly = (found.scrolled < self.scroll).fill_null(False)
        bad = ~took & (stopped | found.failed | (found.tries >= self.tries) | partly)
        marked = found.mutate(over=over, last_us=last_us, polarity=ibis.cases((took, 1.0), (bad, -1.0),
                                                                              else_=ibis.null("float64")))
        marked = marked.filter(marked.over & marked.polarity.notnull())
        return marked.select(
            "response_id", user_key=ibis.coalesce(marked.user_key, marked.turn_user), at_us="last_us",
            event_ids=ibis.coalesce(marked.event_ids, ibis.array([marked.of_turn])),
            polarity=marked.polarity, weight=ibis.ifelse(marked.polarity > 0, 0.1, 0.2))


def _not_followed(ends: Table, turns: Table) -> Table:
    """The last answers of sessions in which no act tells of a later answer whose generation is missing."""
    lost = turns.filter(turns.event_id.isnull()).group_by(of_session="session_id").aggregate(lost_us=turns.at_us.max())
    both = ends.left_join(lost, ends.session_id == lost.of_session)
    return both.filter(~(both.lost_us > both.at_us).fill_null(False))

"""Detectors of single acts: copy, regenerate, stop, accept, share, escalate. Defaults are evidence, not truth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalloop import engine as door
from evalloop.signals.build import by_turn, last_of, one
from evalloop.signals.threshold import threshold

if TYPE_CHECKING:
    from evalloop.contracts import Evidence

Table = Any
COPILOT = "Copilot Chat telemetry (microsoft/vscode-copilot-chat, docs/monitoring)"
GUESS = "a guess, until agreement says better"


@dataclass
class Copy:
    """The user copied from the answer: in full (share >= ``full``), a part (>= ``partial``), or a trace of it.

    The largest copy decides. Its share is of ``total``, else of the answer; 1 when neither is known, for a copy button
    copies all.
    """

    full: float = threshold(0.8, COPILOT, high=1)
    partial: float = threshold(0.1, COPILOT, high=1, under="full")
    name: str = "copy"
    version: str = "2"
    kind: str = "implicit"

    def detect(self, evidence: Evidence) -> Table:
        ibis = door.ibis
        acts = evidence.of_type("signal.copied")
        lengths = evidence.turns.select("response_id", answer_chars="response_chars")
        acts = acts.left_join(lengths, "response_id").drop("response_id_right")
        whole = ibis.coalesce(acts.total.nullif(0), acts.answer_chars.nullif(0))
        share = (acts.chars / whole).clip(upper=1.0).fill_null(1.0)
        found = by_turn(acts, share=share.max())
        weight = ibis.cases((found.share >= self.full, 0.5), (found.share >= self.partial, 0.25), else_=0.1)
        return found.mutate(polarity=ibis.literal(1.0), weight=weight)


class Regenerate:
    """The user asked for another answer to the same message: a weak negative (curiosity and errors do it too)."""

    name, version, kind = "regenerate", "3", "implicit"

    def detect(self, evidence: Evidence) -> Table:
        ibis = door.ibis
        found = by_turn(evidence.of_type("signal.regenerated", "generation.completed"))
        return found.mutate(polarity=ibis.literal(-1.0), weight=ibis.literal(0.3))


@dataclass
class Stop:
    """The user stopped the answer while it was written.

    Who had seen ``part`` of the usual length already may have had what he needed: weight 0, with the reason. The usual
    length is the median of the answers on the same surface that nobody stopped; without lengths every stop counts.
    """

    part: float = threshold(0.8, GUESS, high=1)
    name: str = "stop"
    version: str = "3"
    kind: str = "implicit"

    def detect(self, evidence: Evidence) -> Table:
        ibis = door.ibis
        stopped = evidence.of_type("signal.stopped")
        found = by_turn(stopped, shown=stopped.chars_shown.max())
        turns = evidence.turns
        whole = turns.anti_join(found, "response_id")
        usual = whole.group_by(where=whole.surface.fill_null("")).aggregate(
            usual=whole.response_chars.quantile(0.5).cast("float64"))
        about = turns.select("response_id", "response_chars", where=turns.surface.fill_null(""))
        found = found.left_join(about, "response_id").drop("response_id_right")
        found = found.left_join(usual, "where").drop("where_right")
        shown = ibis.coalesce(found.shown, found.response_chars)
        late = (shown >= self.part * found.usual).fill_null(False)
        return found.mutate(
            polarity=ibis.literal(-1.0), weight=ibis.ifelse(late, 0.0, 0.2),
            reason=ibis.ifelse(late, f"stopped after {self.part:.0%} of the usual length", ibis.null("string")))


@dataclass
class Accept:
    """The user accepted a suggestion (a reflex, quicker than ``reflex_ms``, has weight 0) or rejected it.

    The last act counts. ``evalloop profile`` gives the median time to accept.
    """

    reflex_ms: int = threshold(300, GUESS, high=10**9)
    name: str = "accept"
    version: str = "2"
    kind: str = "implicit"

    def detect(self, evidence: Evidence) -> Table:
        ibis = door.ibis
        acts = last_of(evidence.of_type("signal.accepted", "signal.rejected"), "response_id")
        rejected = acts.event_type == "signal.rejected"
        reflex = ~rejected & (acts.time_to_accept_ms < self.reflex_ms).fill_null(False)
        return acts.select(
            "response_id", "at_us", "user_key", event_ids=one(acts), polarity=ibis.ifelse(rejected, -1.0, 1.0),
            weight=ibis.cases((rejected, 0.3), (reflex, 0.0), else_=0.5),
            reason=ibis.ifelse(reflex, f"accepted within {self.reflex_ms} ms", ibis.null("string")))


@dataclass
class Act:
    """Any act that is evidence by happening: shared, escalated to a person."""

    name: str
    event_type: str
    polarity: float
    weight: float
    version: str = "2"
    kind: str = "implicit"

    def detect(self, evidence: Evidence) -> Table:
        ibis = door.ibis
        found = by_turn(evidence.of_type(self.event_type))
        return found.mutate(polarity=ibis.literal(self.polarity), weight=ibis.literal(self.weight))


ACTS = (
    Act("share", "signal.shared", 1.0, 0.4),
    Act("escalate", "signal.escalated", -1.0, 0.6),
)

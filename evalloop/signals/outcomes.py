"""The detector of what became of it: tasks, tickets, deals, any measured result."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalloop import engine as door
from evalloop.signals.build import last_of, one
from evalloop.signals.sessions import SECOND
from evalloop.signals.threshold import threshold

if TYPE_CHECKING:
    from evalloop.contracts import Evidence

Table = Any
HOUR = 3600 * SECOND
USUAL = "a window that is usual for such records; confounded by user and season whatever it is"


@dataclass
class Outcome:
    """``payload.status`` success, partial, failure or abandoned (unknown is silent), else ``payload.success`` true or
    false. The last outcome of each type counts, of those within their window after the answer if there are any. One
    that came later has weight 0, with the reason; ``payload.window_s`` of the event goes before the window of its
    type."""

    task_h: float = threshold(72.0, USUAL, high=10**6)
    ticket_h: float = threshold(72.0, "a ticket reopened within 72 hours was not solved; " + USUAL, high=10**6)
    deal_h: float = threshold(720.0, USUAL, high=10**6)
    custom_h: float = threshold(720.0, USUAL, high=10**6)
    name: str = "outcome"
    version: str = "4"
    kind: str = "outcome"

    def detect(self, evidence: Evidence) -> Table:
        ibis = door.ibis
        windows = {"outcome.task": self.task_h, "outcome.ticket": self.ticket_h, "outcome.deal": self.deal_h,
                   "outcome.custom": self.custom_h}
        acts = evidence.of_type(*windows)
        answered = evidence.turns.select("response_id", answered_us="at_us")
        acts = acts.left_join(answered, "response_id").drop("response_id_right")
        window = ibis.cases(*((acts.event_type == kind, int(hours * HOUR)) for kind, hours in windows.items()), else_=0)
        window = ibis.coalesce(acts.window_s * SECOND, window.cast("float64"))
        acts = acts.mutate(late=(acts.at_us - acts.answered_us > window).fill_null(False))
        acts = last_of(acts, "response_id", "event_type", before=[acts.late])
        by_status = ibis.cases((acts.status == "success", 1.0), (acts.status == "partial", 0.0),
                               (acts.status.isin(("failure", "abandoned")), -1.0), else_=ibis.null("float64"))
        by_success = ibis.cases((acts.success, 1.0), (~acts.success, -1.0), else_=ibis.null("float64"))
        polarity = ibis.ifelse(acts.status == "unknown", ibis.null("float64"), ibis.coalesce(by_status, by_success))
        found = acts.select("response_id", "at_us", "user_key", event_ids=one(acts), polarity=polarity,
                            weight=ibis.ifelse(acts.late, 0.0, 0.8),
                            reason=ibis.ifelse(acts.late, "came after its window", ibis.null("string")))
        return found.filter(found.polarity.notnull())

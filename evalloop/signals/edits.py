"""What became of a text after it was taken over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evalloop import engine as door
from evalloop.signals.build import judged
from evalloop.signals.threshold import threshold
from evalloop.survival import four_gram

if TYPE_CHECKING:
    from evalloop.contracts import Evidence

Table = Any
ZIEGLER = "bands of studies of edits after acceptance (Ziegler et al.: mostly unchanged is an edit distance <= 33 %)"


@dataclass
class Edit:
    """The user changed the answer after taking it over: what is left is >= ``kept``, >= ``light``, or less (heavy).

    The sample with the longest delay counts; those from after a change of branch or document do not. What is left is
    the event's ``similarity`` (four-gram), else retained by original characters, else the four-gram likeness of the
    text ``after`` and the answer; where that is not kept, nothing is known. ``no_revert`` below ``undone`` means that
    the user took the text out again.
    """

    kept: float = threshold(0.90, ZIEGLER, high=1)
    light: float = threshold(0.67, ZIEGLER, high=1, under="kept")
    undone: float = threshold(0.5, "a guess on VS Code's noRevert", high=1)
    name: str = "edit"
    version: str = "4"
    kind: str = "implicit"

    def detect(self, evidence: Evidence) -> Table:
        ibis = door.ibis
        samples = measured(evidence)
        samples = samples.filter(samples.left.notnull() | (samples.no_revert < self.undone).fill_null(False))
        window = ibis.window(group_by=samples.response_id, order_by=[
            samples.delay_ms.desc(), samples.at_us.desc(), samples.event_id.desc()])
        last = samples.mutate(back=ibis.row_number().over(window))
        last = last.filter(last.back == 0)
        every = samples.group_by("response_id").aggregate(event_ids=samples.event_id.collect().sort())
        found = last.inner_join(every, "response_id")
        undone = (found.no_revert < self.undone).fill_null(False)
        bands = ((undone, -1.0, 0.5), (found.left >= self.kept, 1.0, 0.5), (found.left >= self.light, 0.3, 0.3))
        return found.select(
            "response_id", "event_ids", "at_us", "user_key",
            polarity=ibis.cases(*((when, polarity) for when, polarity, _ in bands), else_=-1.0),
            weight=ibis.cases(*((when, weight) for when, _, weight in bands), else_=0.4))


def measured(evidence: Evidence) -> Table:
    """Samples of edits with ``left``, the share that is left in [0, 1]; null where only ``no_revert`` is told."""
    ibis = door.ibis
    acts = evidence.of_type("signal.edited")
    acts = acts.filter(~acts.branch_changed.fill_null(False)).select(
        "response_id", "event_id", "at_us", "user_key", "delay_ms", "similarity", "no_revert", "retained_chars",
        "original_chars", "text")
    ratio = (acts.retained_chars / acts.original_chars.nullif(0)).clip(upper=1.0)
    given = acts.mutate(left=ibis.coalesce(acts.similarity, ratio))
    texts = given.filter(given.left.isnull() & given.text.notnull())
    answers = evidence.turns.select("response_id", of_turn="event_id")
    words = evidence.words().select(of_turn="event_id", answered="answered")
    texts = texts.inner_join(answers, "response_id").inner_join(words, "of_turn")
    texts = texts.filter(texts.answered.notnull()).select(*acts.columns, "answered")
    compared = judged(evidence, texts, ("text", "answered"), likeness)
    compared = compared.mutate(left=compared.verdict - 1).select(*given.columns)
    known = given.filter(given.left.notnull()).union(compared)
    return known.union(given.filter(given.no_revert.notnull()).anti_join(known, "event_id"))


def likeness(after: str, answer: str) -> float:
    """Four-gram likeness plus 1, so that nothing left is told from nothing known."""
    return four_gram(after, answer) + 1

"""Which failures can become cases, and why the others cannot."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from evalloop.near import normal
from evalloop.records.cluster import Cluster
from evalloop.records.failure import Failure

PURPOSE = "eval"
MAX_PROMPT = 20_000
FEWEST_REVIEWS = 2
"""One reviewer alone does not outweigh a user."""

_QUESTION = re.compile(
    r"\?\W*$|(?:^|[.!]\s)(?:would|do|does|did|can|could|shall|should|are|is|will|have) "
    r"(?:you|i|we|there|it|that)\b[^.!?]*\W*$|\b(?:please confirm|confirm (?:me|that|the))\b", re.IGNORECASE)
"""An answer that asks something of the user."""
_REPLY = re.compile(
    r"(?:no|nope|nah|yes|yeah|yep|not really|never|maybe|"
    r"i (?:do not|don.?t|am not) (?:think so|know|like|want|have))\b", re.IGNORECASE)
_EMPTY = re.compile(
    r"(?:\W*(?:try again|(?:do )?you think so|i (?:do not|don.?t) think so|really|are you sure|wait|hm+|huh|"
    r"ok(?:ay)?|oh|i see|no|nope|well)\b\W*)+", re.IGNORECASE)
"""Doubt or surprise without a word on what is wrong."""
_FAULT = re.compile(
    r"\b(?:wrong|incorrect|mistake|error|(?:not|isn.?t|n.t) (?:true|right|correct|what)|sense|asked|said|mean|topic|"
    r"why|what|how|relevant|irrelevant|answer|question)\b", re.IGNORECASE)


@dataclass(frozen=True)
class Skipped:
    """How many failures of a cluster could not become cases, by reason."""

    cluster_id: str
    reasons: Mapping[str, int]


class Usable:
    """Tells the failures that can become cases from the others, knowing all ``failures``.

    ``implicit`` takes those too against which only one sign of behaviour speaks (see DESIGN section 3: it is weak
    evidence). ``attacks`` finds words that command a model; such words never reach a case.
    """

    def __init__(self, failures: Iterable[Failure], *, implicit: bool = False,
                 attacks: Callable[[str], bool] = lambda text: False) -> None:
        self._implicit = implicit
        self._attacks = attacks
        self._complaints = {(normal(each.text), normal(each.response)) for each in failures
                            if each.text_source == "user" and each.text.strip()}

    def refusal(self, failure: Failure) -> str:
        """Why a failure cannot become a case; empty when it can."""
        return _refusal(failure) or self._weak(failure)

    def _weak(self, failure: Failure) -> str:
        if self._attacks(failure.text):
            return "the user's words command a model"
        if not self._implicit and len(failure.against) == 1 and failure.against != ("explicit",):
            return "only one sign of behaviour speaks against the answer"
        if len(failure.judged) >= FEWEST_REVIEWS and sum(failure.judged) / len(failure.judged) >= 0.5:
            return "most reviewers found nothing wrong with the answer"
        if failure.text_source == "user" and failure.correction is None and _EMPTY.fullmatch(failure.text.strip()):
            return "the user's words name nothing"
        before = failure.history[-1] if failure.history else {}
        if (normal(failure.prompt), normal(str(before.get("content", "")))) in self._complaints:
            return "the request is itself the complaint about the answer before"
        return "the user's words answer a question of the assistant" if answers(failure) else ""


def answers(failure: Failure) -> bool:
    """True where the words only answer what the assistant asked ("no, I don't think so"); English only."""
    text = failure.text.strip()
    return bool(_REPLY.match(text) and _QUESTION.search(failure.response.strip()) and not _FAULT.search(text))


def skipped(clusters: Sequence[Cluster], failures: Iterable[Failure], usable: Usable) -> list[Skipped]:
    """For each cluster, how many of its failures cannot become cases, and why."""
    reasons = {failure.failure_id: usable.refusal(failure) for failure in failures}
    counted = [(each.cluster_id, Counter(filter(None, (reasons.get(member, "") for member in each.member_ids))))
               for each in clusters]
    return [Skipped(cluster_id, dict(counter)) for cluster_id, counter in counted if counter]


def _refusal(failure: Failure) -> str:
    if PURPOSE not in failure.consent_purposes:
        return "no consent to be used in evals"
    if failure.weight <= 0:
        return "quarantined"
    if not failure.prompt.strip():
        return "the user's request is not known"
    return "the request is too long" if len(failure.prompt) > MAX_PROMPT else ""

"""Single answers as training data: what the signals say of each, and what raters said by criterion."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from evalloop import stats
from evalloop.preferences.evidence import Evidence, allowed, bases, prompt_of
from evalloop.preferences.pairs import segment_of
from evalloop.records.event import Event
from evalloop.records.preference import Judged, RubricRating
from evalloop.records.turn import Turn

LEAST = 0.3
"""Net evidence (polarity x weight) under which an answer counts as not judged: a single weak act says too little."""


@dataclass(frozen=True)
class JudgedAnswers:
    """Judged answers sorted by id, and how many could not be used, by reason."""

    answers: tuple[Judged, ...]
    refused: Mapping[str, int] = field(default_factory=dict)


def judge(pieces: Iterable[Evidence], clusters: Mapping[str, str] | None = None) -> JudgedAnswers:
    """One row for each answer whose evidence is clear enough, either way. Of the pieces one is in memory at a time."""
    found: dict[str, Judged] = {}
    refused: Counter[str] = Counter()
    for evidence, turn in ((piece, turn) for piece in pieces for turn in piece.turns.values()):
        net = evidence.net(turn)
        if abs(net) < LEAST:
            continue
        reason = _why_not(turn, _behind(evidence, turn))
        if reason:
            refused[reason] += 1
        else:
            found[turn.response_id] = _judged(evidence, turn, net, clusters or {})
    return JudgedAnswers(tuple(sorted(found.values(), key=lambda each: each.row_id)), dict(sorted(refused.items())))


def _behind(evidence: Evidence, turn: Turn) -> list[Event]:
    """The generation and the events that the turn's signals rest on."""
    ids = {name for signal in evidence.on(turn) for name in signal.event_ids}
    events = [event for event in turn.events if event.event_id in ids]
    return [*events, turn.generation] if turn.generation else events


def _why_not(turn: Turn, behind: Sequence[Event]) -> str:
    if not allowed(behind):
        return "no consent to training"
    if prompt_of(turn) is None:
        return "the prompt is not known, or holds more than text"
    return "" if turn.response.strip() else "an answer is not known"


def _judged(evidence: Evidence, turn: Turn, net: float, clusters: Mapping[str, str]) -> Judged:
    behind = _behind(evidence, turn)
    return Judged(
        row_id="j-" + hashlib.sha256(turn.response_id.encode("utf-8", "replace")).hexdigest()[:24],
        prompt=prompt_of(turn) or (), completion=turn.response,
        score=max(-1.0, min(1.0, net)), weight=min(abs(net), 1.0),
        occurred_at=max(event.occurred_at for event in behind), explicit=evidence.explicit(turn),
        user_key=turn.user_key, session_id=turn.session_id, response_ids=(turn.response_id,),
        event_ids=tuple(sorted(event.event_id for event in behind)), consent_basis=bases(behind),
        cluster_id=clusters.get(turn.response_id), segment=segment_of(turn))


# ---- rubric ratings --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Criterion:
    """How far raters agree on one criterion: ``alpha`` is Krippendorff's, None when it cannot be told."""

    name: str
    answers: int
    raters: int
    alpha: float | None


def ratings(turns: Iterable[Turn]) -> list[RubricRating]:
    """What raters said of each answer, one record for each criterion; the last word of each rater counts."""
    found: defaultdict[tuple[str, str], list[Event]] = defaultdict(list)
    for turn in turns:
        for event in turn.events:
            if event.event_type == "judgment.result" and allowed([event]):
                found[turn.response_id, str(event.payload["name"])].append(event)
    return [_rating(name, criterion, events) for (name, criterion), events in sorted(found.items())]


def _rating(name: str, criterion: str, events: Sequence[Event]) -> RubricRating:
    last = {_rater(event): event for event in events}
    scores = {rater: float(event.payload["score"]) for rater, event in last.items() if "score" in event.payload}
    labels = {rater: str(event.payload["label"]) for rater, event in last.items() if event.payload.get("label")}
    return RubricRating(name, criterion, scores, labels, tuple(sorted(event.event_id for event in last.values())))


def _rater(event: Event) -> str:
    return str(event.payload.get("reviewer") or event.user_key or event.source.get("detector") or event.source["kind"])


def agreement(found: Iterable[RubricRating]) -> Iterator[Criterion]:
    """The agreement of raters on each criterion, on scores where there are some, else on labels."""
    groups: defaultdict[str, list[RubricRating]] = defaultdict(list)
    for each in found:
        groups[each.criterion].append(each)
    for name, rows in sorted(groups.items()):
        scored = any(row.scores for row in rows)
        table = [row.scores if scored else row.labels for row in rows]
        raters = sorted({rater for row in table for rater in row})
        values = [[row.get(rater) for rater in raters] for row in table]
        yield Criterion(name, len(rows), len(raters), _alpha(values, "interval" if scored else "nominal"))


def _alpha(values: Sequence[Sequence[Hashable | None]], level: str) -> float | None:
    shared = any(sum(value is not None for value in row) > 1 for row in values)
    return stats.krippendorff_alpha(values, level=level).value if shared else None

"""Trials become score rows: one for the whole case, one for each cluster that its grades count for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from evalloop.records.call import Reply
from evalloop.records.report import Score
from evalloop.records.run import Trial, score_of


def score_rows(trials: Mapping[str, Iterable[Trial]], *, expected: Mapping[str, Sequence[str]] | None = None,
               units: Mapping[str, str] | None = None) -> list[Score]:
    """Rows of all trials by variant (or run) name; each trial is read once and not kept.

    ``expected`` names the cases that each variant should have: one without any trial becomes a row in state missing.
    ``units`` maps a case to what it shares with others (a user, a document). A trial without grades (its call failed)
    is missing from every cluster that the same case has in another trial, or from its own when there is none.
    """
    rows: list[Score] = []
    ungraded: list[tuple[Score, str]] = []
    clusters_of: dict[str, set[str]] = {}
    for variant, items in trials.items():
        seen = set()
        for trial in items:
            seen.add(trial.case_id)
            whole = _whole(trial, variant, (units or {}).get(trial.case_id))
            rows.append(whole)
            parts = list(_parts(trial, whole))
            rows += parts
            clusters_of.setdefault(trial.case_id, set()).update(str(part.cluster) for part in parts)
            if not parts:
                ungraded.append((whole, trial.cluster))
        rows += [Score(case, variant, None, state="missing") for case in (expected or {}).get(variant, ())
                 if case not in seen]
    for whole, own in ungraded:
        rows += [_part(whole, cluster, None) for cluster in sorted(clusters_of[whole.case] or {own})]
    return rows


def _whole(trial: Trial, variant: str, unit: str | None) -> Score:
    ok, reply = trial.state == "ok", trial.reply
    return Score(trial.case_id, variant, trial.score if ok else None, repeat=trial.repeat, unit=unit,
                 state="ok" if ok else "error", passed=trial.passed if ok else None,
                 length=_length(reply) if reply else None, cost=reply.cost if reply else None,
                 latency=reply.latency_s if reply else None)


def _length(reply: Reply) -> int:
    """Characters of an answer, also of one that was not kept (a baseline says how many there were)."""
    return reply.usage.get("characters", len(reply.text))


def _parts(trial: Trial, whole: Score) -> Iterator[Score]:
    """Grades with a cluster of their own count there, the others for the case's cluster."""
    if whole.state != "ok":
        return
    if not any(grade.cluster for grade in trial.grades):
        yield _part(whole, trial.cluster, trial.score)
        return
    for cluster in dict.fromkeys(grade.cluster or trial.cluster for grade in trial.grades):
        grades = tuple(grade for grade in trial.grades if (grade.cluster or trial.cluster) == cluster)
        yield _part(whole, cluster, score_of(grades))


def _part(whole: Score, cluster: str, value: float | None) -> Score:
    return replace(whole, value=value, cluster=cluster, passed=None)

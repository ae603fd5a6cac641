"""A baseline: a run as a small file for git, with the scores of each case and what answers took, but no texts.

It has the form of a run log, so that whatever reads runs reads it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

from evalloop.records.call import Reply
from evalloop.records.run import Grade, Run, Trial, score_of

TAG = "baseline"
DEFAULTS = (("cached", False), ("weight", 1.0))


def rows(run: Run, trials: Iterable[Trial], *, answers: bool = False) -> Iterator[dict[str, Any]]:
    """The lines of the file: the header, then the trials by case and repeat, so that a new one differs little.

    With ``answers`` replies and grades stay whole, and a report can show both sides.
    """
    yield {"type": "run", **replace(run, tags={**run.tags, TAG: run.name}).to_dict()}
    for trial in sorted(trials, key=lambda each: (each.case_id, each.repeat)):
        yield {"type": "trial", **_without_defaults((trial if answers else slim(trial)).to_dict())}


def slim(trial: Trial) -> Trial:
    """A trial without any text: its score, one grade for each cluster that it counts for, and what the answer took."""
    return Trial(trial.case_id, trial.cluster, trial.repeat, trial.state, reply=_reply(trial.reply),
                 grades=tuple(_grades(trial)), score=trial.score, passed=trial.passed,
                 error=None if trial.error is None else "not kept")


def _grades(trial: Trial) -> Iterator[Grade]:
    """None where all grades count for the case's own cluster: its score says it all."""
    clusters = dict.fromkeys(grade.cluster or trial.cluster for grade in trial.grades)
    if clusters.keys() <= {trial.cluster}:
        return
    for cluster in clusters:
        score = score_of(tuple(each for each in trial.grades if (each.cluster or trial.cluster) == cluster))
        yield Grade(TAG, "1", score, cluster=cluster)


def _reply(reply: Reply | None) -> Reply | None:
    if reply is None:
        return None
    return Reply("", usage={**reply.usage, "characters": len(reply.text)}, cost=reply.cost, latency_s=reply.latency_s)


def _without_defaults(value: Any) -> Any:
    """Without what a reader puts there anyway: empty lists and mappings, false ``cached``, ``weight`` 1."""
    if isinstance(value, list):
        return [_without_defaults(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {key: _without_defaults(each) for key, each in value.items()
            if each not in ([], {}) and (key, each) not in DEFAULTS}

"""What the page's list of cases holds: scores, questions and both answers of every case, worst change first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from evalloop.contracts import ReportData
from evalloop.records.call import Reply
from evalloop.records.case import Case
from evalloop.records.run import Grade, Trial
from evalloop.report.wording import Words, rank

MOST_TEXT = 20_000
MOST_GRADES = 30


def payload(data: ReportData) -> dict[str, Any]:
    """Plain JSON types; without trials it holds the changed cases alone. Clusters stand in the order of the table."""
    comparison = data.comparison
    words = {"points": Words.of(comparison).points, "baseline": comparison.baseline, "candidate": comparison.candidate}
    if not data.trials:
        items = [_item(flip.case, flip.base, flip.cand, [flip.cluster] if flip.cluster else [])
                 for flip in comparison.flips]
    else:
        old = _by_case(data.trials.get(comparison.baseline, ()))
        new = _by_case(data.trials.get(comparison.candidate, ()))
        items = [_with_trials(case, old.get(case, []), new.get(case, []), data.cases) for case in sorted({*old, *new})]
    return {"words": words, "clusters": [delta.cluster for delta in rank(comparison)],
            "cases": sorted(items, key=_order)}


def _order(item: Mapping[str, Any]) -> tuple[int, float, str]:
    return (1, 0.0, item["id"]) if item["change"] is None else (0, item["change"], item["id"])


def _by_case(trials: Sequence[Trial]) -> dict[str, list[Trial]]:
    result: dict[str, list[Trial]] = {}
    for trial in sorted(trials, key=lambda each: each.repeat):
        result.setdefault(trial.case_id, []).append(trial)
    return result


def _item(case: str, base: float | None, cand: float | None, clusters: list[str], *, question: str = "",
          old: Sequence[Any] = (), new: Sequence[Any] = ()) -> dict[str, Any]:
    change = None if base is None or cand is None else round(cand - base, 9)
    return {"id": case, "clusters": clusters, "base": base, "cand": cand, "change": change, "question": question,
            "old": list(old), "new": list(new)}


def _with_trials(case: str, old: Sequence[Trial], new: Sequence[Trial], cases: Mapping[str, Case]) -> dict[str, Any]:
    clusters = sorted({name for trial in (*old, *new) for name in _clusters(trial)})
    return _item(case, _mean(old), _mean(new), clusters, question=_question(cases.get(case)),
                 old=[_trial(trial) for trial in old], new=[_trial(trial) for trial in new])


def _clusters(trial: Trial) -> set[str]:
    return {grade.cluster or trial.cluster for grade in trial.grades} or {trial.cluster}


def _mean(trials: Sequence[Trial]) -> float | None:
    scores = [trial.score for trial in trials if trial.state == "ok" and trial.score is not None]
    return sum(scores) / len(scores) if scores else None


def _question(case: Case | None) -> str:
    """What was asked, as the case holds it."""
    if case is None:
        return ""
    messages = case.input.get("messages")
    if isinstance(messages, list | tuple):
        return _cut("\n\n".join(f"{each.get('role', '')}: {_content(each.get('content'))}" for each in messages))
    variables = case.input.get("vars")
    if not isinstance(variables, Mapping):
        return ""
    if len(variables) == 1:
        return _cut(str(next(iter(variables.values()))))
    return _cut("\n\n".join(f"{name}: {value}" for name, value in variables.items()))


def _content(content: Any) -> str:
    if isinstance(content, list | tuple):
        return "\n".join(str(part.get("text", part.get("type", ""))) if isinstance(part, Mapping) else str(part)
                         for part in content)
    return "" if content is None else str(content)


def _trial(trial: Trial) -> dict[str, Any]:
    text = trial.reply.text if trial.reply else ""
    return {"text": text[:MOST_TEXT], "more": max(0, len(text) - MOST_TEXT), "error": trial.error,
            "score": trial.score if trial.state == "ok" else None, "told": list(_told(trial.reply)),
            "grades": [_grade(grade) for grade in trial.grades[:MOST_GRADES]]}


def _told(reply: Reply | None) -> Iterator[str]:
    """Length, cost and time of an answer, as far as they are known."""
    if reply is None:
        return
    tokens = reply.usage.get("output_tokens")
    if "characters" in reply.usage:
        yield f"an answer of {reply.usage['characters']:,} characters that was not kept"
    else:
        yield f"{tokens:,} tokens" if tokens else f"{len(reply.text.split()):,} words"
    if reply.cost:
        yield f"${reply.cost:.4f}"
    if reply.latency_s:
        yield f"{reply.latency_s:.2f} s"


def _grade(grade: Grade) -> list[Any]:
    told = grade.explanation or grade.error or ""
    passed = grade.passed if grade.passed is not None or grade.value is None else bool(grade.value)
    name = grade.metric or grade.grader
    return [_cut(f"{name} [{grade.cluster}]" if grade.cluster else name, 200), passed, _cut(told, 1000),
            grade.cluster or ""]


def _cut(text: str, limit: int = MOST_TEXT) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"

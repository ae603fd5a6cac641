"""What the page's list of cases holds: an index to list and filter, and the answers, which are read when needed.

The index knows each case's scores under every variant (the baseline first), its clusters and the start of its question;
the answers stand in the same order, the worst change first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from evalloop.contracts import ReportData
from evalloop.records.call import Reply
from evalloop.records.case import Case
from evalloop.records.report import Comparison
from evalloop.records.run import Grade, Trial
from evalloop.report.wording import Words, rank

MOST_TEXT = 20_000
MOST_GRADES = 30
MOST_ASKED = 200
Scores = list[float | None]


class Item(NamedTuple):
    """One case: its line of the index and what it holds when opened, both plain JSON types."""

    line: dict[str, Any]
    answers: dict[str, Any]

    @property
    def changes(self) -> list[float]:
        """How much each candidate differs from the baseline, as far as both have a score."""
        base, *cands = self.line["scores"]
        return [round(cand - base, 9) for cand in cands if cand is not None and base is not None]


@dataclass(frozen=True)
class Payload:
    """``answers[i]`` belongs to ``index["cases"][i]``; ``changed[i]`` says whether any candidate scored otherwise."""

    index: dict[str, Any]
    answers: list[dict[str, Any]]
    changed: list[bool]


def payload(data: ReportData) -> Payload:
    """Plain JSON types; without trials it holds the changed cases alone. Clusters stand in the order of the table."""
    comparisons = (data.comparison, *data.others)
    variants = [data.comparison.baseline, *(each.candidate for each in comparisons)]
    sides = [_by_case(data.trials.get(name, ())) for name in variants]
    items = sorted(_from_trials(sides, data.cases) if data.trials else _from_flips(comparisons), key=_order)
    index = {"points": Words.of(data.comparison).points, "variants": variants, "whole": bool(data.trials),
             "clusters": clusters_of(comparisons), "graders": _graders(sides), "cases": [each.line for each in items]}
    return Payload(index, [each.answers for each in items], [any(each.changes) for each in items])


def clusters_of(comparisons: Sequence[Comparison]) -> list[str]:
    """Names of all clusters: in the order of the table, or by name when there are several candidates."""
    if len(comparisons) == 1:
        return [str(delta.cluster) for delta in rank(comparisons[0])]
    return sorted({str(delta.cluster) for each in comparisons for delta in each.clusters})


def _order(item: Item) -> tuple[int, float, str]:
    changes = item.changes
    return (0, min(changes), item.line["id"]) if changes else (1, 0.0, item.line["id"])


def _by_case(trials: Sequence[Trial]) -> dict[str, list[Trial]]:
    result: dict[str, list[Trial]] = {}
    for trial in sorted(trials, key=lambda each: each.repeat):
        result.setdefault(trial.case_id, []).append(trial)
    return result


def _item(case: str, scores: Scores, clusters: list[str], question: str = "", sides: Sequence[Any] = ()) -> Item:
    line = {"id": case, "clusters": clusters, "scores": scores, "asked": question[:MOST_ASKED]}
    return Item(line, {"question": _text(question), "sides": list(sides)})


def _from_flips(comparisons: Sequence[Comparison]) -> list[Item]:
    """The changed cases; a candidate under which a case did not change is not told apart from one that lacks it."""
    found: dict[str, tuple[Scores, list[str]]] = {}
    for number, comparison in enumerate(comparisons, 1):
        for flip in comparison.flips:
            scores, _ = found.setdefault(flip.case, ([None] * (len(comparisons) + 1),
                                                     [flip.cluster] if flip.cluster else []))
            scores[0], scores[number] = flip.base, flip.cand
    return [_item(case, scores, clusters) for case, (scores, clusters) in found.items()]


def _from_trials(sides: Sequence[Mapping[str, list[Trial]]], cases: Mapping[str, Case]) -> list[Item]:
    names = {name for side in sides for name in side}
    return [_with_trials(case, [side.get(case, []) for side in sides], cases.get(case)) for case in names]


def _with_trials(case: str, sides: Sequence[Sequence[Trial]], asked: Case | None) -> Item:
    clusters = sorted({name for side in sides for trial in side for name in _clusters(trial)})
    return _item(case, [_mean(side) for side in sides], clusters, _question(asked),
                 [[_trial(trial) for trial in side] for side in sides])


def _graders(sides: Sequence[Mapping[str, Sequence[Trial]]]) -> dict[str, list[list[Any]]]:
    """By cluster, [grader, [passed, counted] under each variant]: the grader that lost most first."""
    counts: dict[str, dict[str, list[list[int]]]] = {}
    for number, side in enumerate(sides):
        for trial in (trial for trials in side.values() for trial in trials):
            for grade in trial.grades:
                passed = _passed(grade)
                if passed is not None:
                    rows = counts.setdefault(grade.cluster or trial.cluster, {})
                    count = rows.setdefault(_named(grade), [[0, 0] for _ in sides])[number]
                    count[0] += passed
                    count[1] += 1
    return {cluster: sorted(([name, *row] for name, row in rows.items()), key=_fall)
            for cluster, rows in counts.items()}


def _fall(row: list[Any]) -> float:
    base, *shares = (passed / counted if counted else 0.0 for passed, counted in row[1:])
    return min(share - base for share in shares)


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
        return "\n\n".join(f"{each.get('role', '')}: {_content(each.get('content'))}" for each in messages)
    variables = case.input.get("vars")
    if not isinstance(variables, Mapping):
        return ""
    if len(variables) == 1:
        return str(next(iter(variables.values())))
    return "\n\n".join(f"{name}: {value}" for name, value in variables.items())


def _content(content: Any) -> str:
    if isinstance(content, list | tuple):
        return "\n".join(str(part.get("text", part.get("type", ""))) if isinstance(part, Mapping) else str(part)
                         for part in content)
    return "" if content is None else str(content)


def _trial(trial: Trial) -> dict[str, Any]:
    return {**_text(trial.reply.text if trial.reply else ""), "error": _cut(trial.error or "", 1000),
            "score": trial.score if trial.state == "ok" else None, "told": list(_told(trial.reply)),
            "grades": [_grade(grade) for grade in trial.grades[:MOST_GRADES]]}


def _text(text: str) -> dict[str, Any]:
    """A text as far as it is shown, and how many characters it has more."""
    return {"text": text[:MOST_TEXT], "more": max(0, len(text) - MOST_TEXT)}


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
    return [_named(grade), _passed(grade), _cut(grade.explanation or grade.error or "", 1000)]


def _named(grade: Grade) -> str:
    name = grade.metric or grade.grader
    return _cut(f"{name} [{grade.cluster}]" if grade.cluster else name, 200)


def _passed(grade: Grade) -> bool | None:
    return grade.passed if grade.passed is not None or grade.value is None else bool(grade.value)


def _cut(text: str, limit: int) -> str:
    return text if len(text) <= limit else f"{text[: limit - 1]}…"

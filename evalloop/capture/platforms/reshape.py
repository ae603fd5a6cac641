"""What a mapping cannot say about the rows of a platform: each function takes the rows of an export and gives those
that the platform's mapping reads. What is broken passes through; nothing raises."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from evalloop.contracts import RawRow
from evalloop.errors import RecordError
from evalloop.records.times import time_text

Row = Mapping[str, Any]


def unchanged(rows: Iterator[RawRow]) -> Iterator[RawRow]:
    """The rows as they are."""
    return rows


def _each(change: Callable[[Row], Row]) -> Callable[[Iterator[RawRow]], Iterator[RawRow]]:
    """Changes one row at a time."""
    def rows(given: Iterator[RawRow]) -> Iterator[RawRow]:
        for line, row in given:
            yield line, row if isinstance(row, RecordError) else change(row)
    return rows


def _map(value: Any) -> Row:
    return value if isinstance(value, Mapping) else {}


def _langfuse(row: Row) -> Row:
    """Version 3 names its subject by kind and id, version 2 by three columns."""
    subject = _map(row.get("subject"))
    column = {"observation": "observationId", "session": "sessionId", "trace": "traceId"}.get(str(subject.get("kind")))
    return {**row, column: subject.get("id")} if column else row


langfuse = _each(_langfuse)


# ---- preference files ------------------------------------------------------------------------------------------------


def _preference(row: Row) -> Row:
    """An answer is a list of messages or one message, under one of two names."""
    preferred = row.get("preferred_output") or row.get("preferred_completion")
    other = row.get("non_preferred_output") or row.get("non_preferred_completion")
    messages, chosen, rejected = _list(_map(row.get("input")).get("messages")), _list(preferred), _list(other)
    made = {"messages": messages, "chosen": chosen, "rejected": rejected}
    return {**({"input": row["input"]} if "input" in row else {}), "content": [messages, chosen, rejected],
            **{name: value for name, value in made.items() if value}}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value] if isinstance(value, Mapping) else []


preferences = _each(_preference)


# ---- Open WebUI ------------------------------------------------------------------------------------------------------


def _open_webui(row: Row) -> Row:
    """The answer with its prompt out of the snapshot, and, where one other answer stood beside it, which was better."""
    data, meta = _map(row.get("data")), _map(row.get("meta"))
    chat = _map(_map(_map(row.get("snapshot")).get("chat")).get("chat")) or _map(_map(row.get("snapshot")).get("chat"))
    messages = _map(_map(chat.get("history")).get("messages"))
    name = meta.get("message_id")
    answer = _map(messages.get(name)) if isinstance(name, str) else {}
    made = {key: value for key, value in row.items() if key != "snapshot"}
    if isinstance(answer.get("content"), str) and answer["content"]:
        made |= {"answer": answer["content"], "prompt": _path_to(messages, answer.get("parentId")),
                 "asked_at": answer.get("timestamp")}
    others = [key for key, other in messages.items() if key != name and _map(other).get("role") == "assistant"
              and answer and _map(other).get("parentId") == answer.get("parentId")]
    if len(others) == 1 and data.get("sibling_model_ids") and str(data.get("rating")) in ("1", "-1"):
        pair = (name, others[0]) if str(data["rating"]) == "1" else (others[0], name)
        made |= {"chosen": pair[0], "rejected": pair[1]}
    return made


def _path_to(messages: Row, name: Any) -> list[dict[str, Any]]:
    """The messages from the first one to ``name``."""
    path: list[dict[str, Any]] = []
    seen: set[str] = set()
    while isinstance(name, str) and name in messages and name not in seen:
        seen.add(name)
        message = _map(messages[name])
        path.append({"role": message.get("role"), "content": message.get("content")})
        name = message.get("parentId")
    return path[::-1]


open_webui = _each(_open_webui)


# ---- MLflow, Opik, TensorZero, Copilot -------------------------------------------------------------------------------


def _mlflow(row: Row) -> Row:
    """Says what sort of value it is: truth values and numbers of Python are told apart."""
    if not isinstance(row.get("feedback"), Mapping):
        return row
    value = _map(row["feedback"]).get("value")
    kind = ("boolean" if isinstance(value, bool) else "number" if isinstance(value, int | float)
            else "none" if value is None else "other")
    score = {"score": float(value)} if isinstance(value, bool | int | float) else {}
    return {**row, "value_kind": kind, **score}


mlflow = _each(_mlflow)


def opik(given: Iterator[RawRow]) -> Iterator[RawRow]:
    """One row for each score of each author: the value at the top is a mean over them."""
    for line, row in given:
        if isinstance(row, RecordError):
            yield line, row
            continue
        for score in _list(row.get("feedback_scores")):
            one = _map(score)
            authors = _map(one.get("value_by_author")) or {str(one.get("created_by") or ""): one}
            for name, value in authors.items():
                own = _map(value)
                author = own.get("author") or name or None
                yield line, {"entity": row.get("id"), "native": f"{row.get('id')}/{one.get('name')}/{name}",
                             "trace_id": row.get("trace_id"), "author": author,
                             "thread_id": row.get("id") if "thread_model_id" in row else row.get("thread_id"),
                             "start_time": row.get("start_time"), "name": one.get("name"), "score": own,
                             "who": own.get("source") or one.get("source")}


def tensorzero(given: Iterator[RawRow]) -> Iterator[RawRow]:
    """Which of the four tables a row is of, and the row of the same target and metric before it, which it replaces.

    Before it means in the order of the dump, which is that of the ids."""
    latest: dict[str, Any] = {}
    for line, row in given:
        if isinstance(row, RecordError):
            yield line, row
            continue
        kind = _table_of(row)
        about = f"{kind}/{row.get('inference_id', row.get('target_id'))}/{row.get('metric_name')}"
        before = latest.get(about)
        latest[about] = row.get("id")
        yield line, {**row, "kind": kind, **({"previous": before} if before and before != row.get("id") else {})}


def _table_of(row: Row) -> str:
    if "inference_id" in row:
        return "demonstration"
    if "metric_name" not in row:
        return "comment"
    return "boolean" if str(row.get("value")).lower() in ("true", "false") else "float"


def _copilot(row: Row) -> Row:
    """The attributes of a log record as columns, with its time."""
    attributes, time = _map(row.get("attributes")), row.get("hrTime")
    if isinstance(time, list) and len(time) == 2 and all(type(part) is int for part in time):
        return {**attributes, "at": _moment(time[0], time[1])}
    return dict(attributes)


def _moment(seconds: int, nanoseconds: int) -> str:
    try:
        return time_text(datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=nanoseconds // 1000))
    except (ValueError, OverflowError, OSError):
        return "not a time"


copilot = _each(_copilot)


def copilot_metrics(given: Iterator[RawRow]) -> Iterator[RawRow]:
    """One row for each day of a user, or of an enterprise or organization (``day_totals``), with the shares of what was
    suggested that was taken: of all, and of each feature."""
    for line, row in given:
        if isinstance(row, RecordError):
            yield line, row
            continue
        entity = {name: row[name] for name in ("enterprise_id", "organization_id") if row.get(name) is not None}
        for day in _list(row.get("day_totals")) if "day_totals" in row else [row]:
            about = {**entity, **_map(day)}
            counted = [{"feature": "all", **about}, *map(_map, _list(about.get("totals_by_feature")))]
            shares = [made for each in counted if "accept_rate" in (made := _shares(each))]
            yield line, {**_without(about, *SUMS), "of": "user" if "user_id" in about else "organization",
                         "shares": shares}


SUMS = ("code_acceptance_activity_count", "code_generation_activity_count", "loc_added_sum", "loc_suggested_to_add_sum",
        "totals_by_feature")
"""What the shares are made of."""


def _shares(row: Row) -> dict[str, Any]:
    """Of suggestions: how many there were, and the shares of them, and of their lines, that were taken."""
    made = {"feature": row.get("feature")}
    for name, taken, given in (("accept_rate", "code_acceptance_activity_count", "code_generation_activity_count"),
                               ("kept_lines", "loc_added_sum", "loc_suggested_to_add_sum")):
        part, whole = row.get(taken), row.get(given)
        if isinstance(part, int | float) and isinstance(whole, int | float) and whole > 0:
            made[name] = part / whole
    suggested = row.get("code_generation_activity_count")
    return {**made, "suggested": suggested} if isinstance(suggested, int) else made


def phoenix(given: Iterator[RawRow]) -> Iterator[RawRow]:
    """Marks a vote that was seen before on the same trace, by the same annotator under the same name and label."""
    seen: set[tuple[str, ...]] = set()
    for line, row in given:
        if isinstance(row, RecordError) or not (row.get("trace_id") and row.get("identifier")):
            yield line, row
            continue
        vote = (*(str(row.get(name)) for name in ("trace_id", "identifier", "name")), str(row.get("result")))
        yield line, {**row, "doubled": True} if vote in seen else row
        seen.add(vote)


# ---- Helicone, Braintrust, PostHog -----------------------------------------------------------------------------------

VOTE = "helicone-score-feedback"
"""Under this name Helicone keeps votes among the scores of a request."""


def _helicone(row: Row) -> Row:
    """The vote, which stands in a column or among the scores, and the texts of the bodies where they are exported."""
    scores, vote = _map(row.get("scores")), row.get("feedback_rating")
    vote = scores.get(VOTE) if vote is None else vote
    made: dict[str, Any] = {"graded": _graded({key: value for key, value in scores.items() if key != VOTE})}
    if vote is not None:
        made["vote"] = int(vote) if isinstance(vote, bool | int | float) and vote in (0, 1) else str(vote)
    choice = _map((_list(_map(row.get("response_body")).get("choices")) or [None])[0])
    rest = _without(row, "scores", "feedback_rating", "request_body", "response_body")
    return {**rest, **made, **_spoken(_map(row.get("request_body")).get("messages"), _map(choice.get("message")))}


helicone = _each(_helicone)


def _braintrust(row: Row) -> Row:
    """Scores and comments as lists; ``voted`` tells apart what was merged into a row between two exports."""
    scores = _map(row.get("scores"))
    comments = [_map(each) for each in _list(row.get("comments"))]
    remarks = [text for each in comments if isinstance(text := _map(each.get("comment")).get("text"), str) and text]
    told = {"scores": scores, "expected": row.get("expected"), "remarks": remarks}
    asked, output = row.get("input"), row.get("output")
    asked = [{"role": "user", "content": asked}] if isinstance(asked, str) else asked
    message = {"content": output} if isinstance(output, str) else _map((_list(output) or [None])[-1])
    return {**_without(row, "scores", "comments", "input", "output"), "graded": _graded(scores), "remarks": remarks,
            "voted": repr(told), **_spoken(asked, message)}


braintrust = _each(_braintrust)


def _posthog(row: Row) -> Row:
    """What a survey or an SDK says of a trace; properties may be JSON in a text, as batch exports write them."""
    given = row.get("properties")
    properties = _map(_parsed(given) if isinstance(given, str) else given)
    answers = [value for name, value in sorted(properties.items()) if name.startswith("$survey_response")]
    numbers = [int(value) for value in answers if str(value).isdecimal() and len(str(value)) < 4]
    texts = [value for value in answers if isinstance(value, str) and value and not value.isdecimal()]
    remark = properties.get("$ai_feedback_text")
    made = {"about": properties.get("$ai_trace_id"), "measured": _told(properties.get("$ai_metric_value")),
            "number": numbers[0] if numbers else None,
            "remarks": [*dict.fromkeys(texts), *([remark] if isinstance(remark, str) and remark else [])]}
    return {**row, "properties": properties, **{name: value for name, value in made.items() if value is not None}}


posthog = _each(_posthog)


def _without(row: Row, *names: str) -> Row:
    """The row without the columns that were read already: the summary names what is left of a row."""
    return {name: value for name, value in row.items() if name not in names}


def _told(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _graded(scores: Row) -> list[dict[str, Any]]:
    """The scores that are numbers, by name."""
    return [{"name": name, "score": value} for name, value in scores.items()
            if isinstance(value, int | float) and not isinstance(value, bool)]


def _spoken(asked: Any, answer: Row) -> dict[str, Any]:
    """The conversation and its answer, where both are there as texts."""
    messages = [{"role": each["role"], "content": each["content"]} for each in map(_map, _list(asked))
                if isinstance(each.get("role"), str) and isinstance(each.get("content"), str)]
    content = answer.get("content")
    return {"asked": messages, "answer": content} if messages and isinstance(content, str) and content else {}

"""Bytes from the network become rows of the event store: parsed, attributed, masked, checked, hashed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, partial
from typing import Any, NamedTuple

import orjson

from evalloop.capture.importing import prepare, row_or_problems
from evalloop.capture.values import ValueProblem, user_key
from evalloop.errors import EvalloopError
from evalloop.masking import REGEX, Masker, mask_text, mend
from evalloop.records.times import moment_of, time_text
from evalloop.store.body import OUR_SOURCE, Row, canonical
from evalloop.store.deadletters import Letter
from evalloop.store.schema import Problem

PUBLIC_TYPES = ("feedback.", "signal.", "response.viewed")
PUBLIC_KINDS = ("end_user", "derived")
SKEW_S = 300
"""Seconds that a client's clock may be off before its events carry ``source.skew_s``."""
_OURS = frozenset(OUR_SOURCE)
_SHOWN = 20


class BodyError(EvalloopError):
    """A request body that holds no events at all."""


@dataclass(frozen=True)
class Broken:
    """A line that is not JSON."""

    text: str
    message: str


@dataclass(frozen=True)
class Sender:
    """On whose behalf events come: a key, and what binds it.

    ``public``: the key lies open in a browser. ``response_id``, ``user_key``, ``types``: what a signed token vouches
    for. ``erases``: may ask for a user to be forgotten. ``skew_s``: seconds by which the client's clock is ahead, when
    it said its time.
    """

    key_id: str
    public: bool = False
    response_id: str | None = None
    user_key: str | None = None
    types: tuple[str, ...] = ()
    erases: bool = False
    skew_s: float = 0.0


class Verdict(NamedTuple):
    """What is known of one item before it is stored: a row, or why there is none (``invalid`` or ``refused``)."""

    event_id: str | None
    row: Row | None = None
    status: str = ""
    problems: tuple[Problem, ...] = ()
    letter: Letter | None = None


def parse(body: bytes, *, lines: bool = False) -> list[Any]:
    """The items of a body: one object, a list of them, or JSON Lines. BodyError when it is nothing of this.

    ``lines``: the sender says that it is JSON Lines; a line that is not JSON is a ``Broken`` among the others.
    """
    text = body.strip()
    if not text:
        raise BodyError("the body is empty", fix="send one event, a list of events, or one event on each line")
    if not lines:
        try:
            data = orjson.loads(text)
            return data if isinstance(data, list) else [data]
        except orjson.JSONDecodeError as error:
            if not _more_lines(text):
                raise BodyError(f"not valid JSON: {error}", fix="send one event, a list of events, or one on each "
                                                                "line (application/x-ndjson)") from None
    return list(_each_line(text))


def _more_lines(text: bytes) -> bool:
    """True when the first line is a JSON object on its own."""
    head, _, rest = text.partition(b"\n")
    try:
        return bool(rest) and isinstance(orjson.loads(head), dict)
    except orjson.JSONDecodeError:
        return False


def _each_line(text: bytes) -> Iterator[Any]:
    for line in text.split(b"\n"):
        if not line.strip():
            continue
        try:
            yield orjson.loads(line)
        except orjson.JSONDecodeError as error:
            yield Broken(line.decode("utf-8", "replace"), f"not valid JSON: {error}")


class Intake:
    """Makes rows of what a sender sends; ``salt`` is the project's secret for user keys."""

    def __init__(self, salt: bytes, masker: Masker = REGEX) -> None:
        self._masker = masker
        self.user_key = lru_cache(maxsize=100_000)(partial(user_key, salt))
        """A user's id as a hash; 64 hex digits are taken for one."""

    def __call__(self, items: Sequence[Any], sender: Sender, now: datetime) -> list[Verdict]:
        """One verdict for each item, in their order."""
        said = _Said(sender, now)
        return [self._one(item, said) for item in items]

    def used_up(self, items: list[Any], sender: Sender, now: datetime) -> list[Verdict]:
        """The same, and the list is empty afterwards: what was read is given back while it is warm in the cache."""
        said = _Said(sender, now)
        items.reverse()
        return [self._one(items.pop(), said) for _ in range(len(items))]

    def _one(self, item: Any, said: _Said) -> Verdict:
        if isinstance(item, Broken):
            return self._invalid(item, None, [Problem((), item.message, "mend the line")], said)
        if not isinstance(item, dict):
            return self._invalid(item, None, [Problem((), "not a JSON object", 'send {"event_id": ...}')], said)
        name = item.get("event_id")
        event_id = name if isinstance(name, str) else None
        if (said.sender.public or item.get("event_type") == "privacy.erased") and (
                refused := tuple(_not_allowed(item, said.sender))):
            return Verdict(event_id, status="refused", problems=refused)
        try:
            event = prepare(item, self._masker)
            self._attribute(event, said)
            row, wrong = row_or_problems(event, said.received_at, said.marks_of(event))
            if row is not None:
                return Verdict(event_id, row)
        except ValueProblem as problem:
            wrong = [Problem((problem.field,), str(problem), problem.fix)]
        except (ValueError, RecursionError) as error:
            wrong = [Problem((), f"cannot be stored: {error}", "send plain JSON, not nested deeper than 200 levels")]
        return self._invalid(item, event_id, wrong, said)

    def _attribute(self, event: dict[str, Any], said: _Said) -> None:
        """Writes the user as a hash: the one of the token, else the one that the event names. What only a collector
        knows is not taken from a sender."""
        actor = event.get("actor")
        user = said.sender.user_key or (actor.get("user_key") if isinstance(actor, dict) else None)
        if isinstance(user, str):
            event["actor"] = {**(actor if isinstance(actor, dict) else {}), "user_key": self.user_key(user)}
        source = event.get("source")
        if isinstance(source, dict) and not _OURS.isdisjoint(source):
            event["source"] = {name: value for name, value in source.items() if name not in _OURS}

    def again(self, letter: Letter, sender: Sender) -> Row | None:
        """The row of a dead letter that is an event after all; None while it is not."""
        try:
            return self(parse(letter.body.encode()), sender, moment_of(letter.first_at))[0].row
        except BodyError:
            return None

    def _invalid(self, item: Any, event_id: str | None, wrong: list[Problem], said: _Said) -> Verdict:
        text = self._masker.words(mend(item.text)) if isinstance(item, Broken) else mask_text(self._hidden(item))[0]
        shown = tuple(wrong[:_SHOWN])
        lines = tuple(f"{each.field}: {each.message}" + (f" ({each.fix})" if each.fix else "") for each in shown)
        letter = Letter(text, lines, said.sender.key_id)
        return Verdict(event_id, status="invalid", problems=shown, letter=letter)

    def _hidden(self, item: Any) -> str:
        """The JSON of an item, masked, without its user's id."""
        if isinstance(item, dict) and isinstance(actor := item.get("actor"), dict) and isinstance(
                user := actor.get("user_key"), str):
            item = {**item, "actor": {**actor, "user_key": self.user_key(user)}}
        try:
            return canonical(self._masker.value(item)[0]).decode("utf-8", "replace")
        except (ValueError, RecursionError):
            return "[nested too deep, or no text]"


class _Said:
    """What is the same for all events of a request."""

    def __init__(self, sender: Sender, now: datetime) -> None:
        self.sender = sender
        self.now = now
        self.received_at = time_text(now)
        self.late = time_text(now + timedelta(seconds=SKEW_S))
        self.marks: dict[str, Any] = {"key_id": sender.key_id}
        if sender.response_id is not None:
            self.marks["verified"] = True
        if abs(sender.skew_s) > SKEW_S:
            self.marks["skew_s"] = round(sender.skew_s)

    def marks_of(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """What the collector knows and writes into ``source``."""
        at = event.get("occurred_at", "")
        if at <= self.late or "skew_s" in self.marks:
            return self.marks
        return {**self.marks, "skew_s": round((moment_of(at) - self.now).total_seconds())}


def _not_allowed(item: Mapping[str, Any], sender: Sender) -> Iterator[Problem]:
    """What the key may not say, valid or not."""
    if not sender.erases and item.get("event_type") == "privacy.erased":
        yield Problem(("event_type",), "this key may not erase", "make a secret key with the scope erase")
    if not sender.public:
        return
    kind = str(item.get("event_type"))
    if not kind.startswith(PUBLIC_TYPES):
        yield Problem(("event_type",), f"a publishable key may not send {kind[:60]}",
                      "send it from your server with a secret key")
    elif sender.types and kind not in sender.types:
        yield Problem(("event_type",), f"the token does not allow {kind}", f"it allows {', '.join(sender.types)}")
    source = item.get("source")
    if isinstance(source, dict) and source.get("kind") not in PUBLIC_KINDS:
        yield Problem(("source", "kind"), "a publishable key speaks for an end user",
                      f"use one of: {', '.join(PUBLIC_KINDS)}")
    subject = item.get("subject")
    about = subject.get("response_id") if isinstance(subject, dict) else None
    if sender.response_id is not None and about != sender.response_id:
        yield Problem(("subject", "response_id"), "the token was signed for another response",
                      "ask your server for a token of this response")

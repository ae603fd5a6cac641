"""What users say and do, one method each; every method gives the id of its event and never raises."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar, Unpack, cast

from evalloop.capture.client.events import About

M = TypeVar("M", bound=Callable[..., str])


def quiet(method: M) -> M:
    """Swallows and counts what goes wrong (``""`` instead of an id), but for a client made with ``strict``."""
    @functools.wraps(method)
    def call(self: Feedback, *args: Any, **kwargs: Any) -> str:
        try:
            return method(self, *args, **kwargs)
        except Exception as error:
            self.failed(error)
            return ""
    return cast("M", call)


class Feedback(ABC):
    """Helpers around ``event``; ``response`` is the id that the generation had."""

    @abstractmethod
    def event(self, event_type: str, payload: Mapping[str, Any] | None = None, *, source: str = "end_user",
              links: Mapping[str, Any] | None = None, ask: Mapping[str, Any] | None = None, detector: str | None = None,
              event_id: str | None = None, at: float | None = None, response: str | None = None,
              **about: Unpack[About]) -> str:
        """Hands over one event of any type and gives its id; ``at`` is in seconds since 1970 (default: now)."""

    @abstractmethod
    def failed(self, error: Exception) -> None:
        """Counts an error of the client itself."""

    # ---- said ----------------------------------------------------------------------------------------------------

    @quiet
    def thumbs(self, response: str | None, value: int | bool, *, text: str | None = None,
               reasons: Sequence[str] = (), supersedes: str | None = None, ask: Mapping[str, Any] | None = None,
               **about: Unpack[About]) -> str:
        """A vote: 1 or True for up, -1 or False for down; ``supersedes`` names the vote that it replaces."""
        vote = (1 if value else -1) if isinstance(value, bool) else value
        if vote not in (1, -1):
            raise ValueError(f"a vote is 1 or -1, not {value!r}")
        return self.event("feedback.thumbs", _some(value=vote, text=text, reasons=list(reasons) or None), ask=ask,
                          links=_some(supersedes=supersedes), response=response, **about)

    @quiet
    def rating(self, response: str | None, value: float, low: float = 1, high: float = 5, *,
               supersedes: str | None = None, ask: Mapping[str, Any] | None = None, **about: Unpack[About]) -> str:
        """A rating on the scale from ``low`` to ``high``, such as stars."""
        if not low <= value <= high:
            raise ValueError(f"a rating of {value!r} is not on the scale from {low} to {high}")
        return self.event("feedback.rating", {"value": value, "min": low, "max": high}, ask=ask,
                          links=_some(supersedes=supersedes), response=response, **about)

    @quiet
    def choice(self, response: str | None, labels: str | Sequence[str], **about: Unpack[About]) -> str:
        """One or several labels that the user picked."""
        return self.event("feedback.choice", {"labels": [labels] if isinstance(labels, str) else list(labels)},
                          response=response, **about)

    @quiet
    def comment(self, response: str | None, text: str, *, ask: Mapping[str, Any] | None = None,
                **about: Unpack[About]) -> str:
        """What the user wrote about an answer; cut to 8,000 characters."""
        if not text.strip():
            raise ValueError("a comment without words")
        return self.event("feedback.comment", {"text": text[:8000]}, ask=ask, response=response, **about)

    @quiet
    def correction(self, response: str | None, ideal: Any, **about: Unpack[About]) -> str:
        """What the answer should have been."""
        return self.event("feedback.correction", {"ideal": ideal}, response=response, **about)

    @quiet
    def pairwise(self, chosen: str, rejected: str, *, tie: bool | None = None, shown_order: Sequence[str] = (),
                 **about: Unpack[About]) -> str:
        """Of two answers the user liked ``chosen`` better than ``rejected`` (ids of responses)."""
        payload = _some(chosen=chosen, rejected=rejected, tie=tie, shown_order=list(shown_order) or None)
        return self.event("feedback.pairwise", payload, response=chosen, **about)

    @quiet
    def retract(self, event: str, response: str | None = None, **about: Unpack[About]) -> str:
        """Takes back an earlier event (the id that its method gave)."""
        return self.event("feedback.retracted", links={"retracts": event}, response=response, **about)

    @quiet
    def asked(self, response: str | None, kind: str = "organic", probability: float | None = None,
              ask_id: str | None = None, **about: Unpack[About]) -> str:
        """The user was asked for feedback: the denominator of every rate. ``kind``: organic, random or triggered."""
        ask = _some(kind=kind, probability=probability, ask_id=ask_id)
        return self.event("feedback.prompted", source="system", ask=ask, response=response, **about)

    # ---- done ----------------------------------------------------------------------------------------------------

    @quiet
    def viewed(self, response: str | None, *, visible_ms: int | None = None, focused_ms: int | None = None,
               scroll_max: float | None = None, chars: int | None = None, **about: Unpack[About]) -> str:
        """The answer was on the screen."""
        payload = _some(visible_ms=visible_ms, focused_ms=focused_ms, scroll_max=scroll_max, chars=chars)
        return self.event("response.viewed", payload, response=response, **about)

    @quiet
    def copied(self, response: str | None, chars: int, total: int | None = None, kind: str | None = None,
               **about: Unpack[About]) -> str:
        """``chars`` of the answer's ``total`` characters were copied."""
        return self.event("signal.copied", _some(chars=chars, total=total, kind=kind), response=response, **about)

    @quiet
    def shared(self, response: str | None, kind: str | None = None, **about: Unpack[About]) -> str:
        """The answer was shared or exported."""
        return self.event("signal.shared", _some(kind=kind), response=response, **about)

    @quiet
    def regenerated(self, response: str, new: str | None = None, **about: Unpack[About]) -> str:
        """The user asked for another answer instead of ``response``; ``new`` is the id of the other one."""
        return self.event("signal.regenerated", links={"regenerate_of": response}, response=new or response, **about)

    @quiet
    def stopped(self, response: str | None, chars_shown: int | None = None, at_ms: int | None = None,
                **about: Unpack[About]) -> str:
        """The user stopped the answer while it came."""
        return self.event("signal.stopped", _some(chars_shown=chars_shown, at_ms=at_ms), response=response, **about)

    @quiet
    def shown(self, response: str | None, **about: Unpack[About]) -> str:
        """A suggestion was shown."""
        return self.event("signal.shown", source="system", response=response, **about)

    @quiet
    def accepted(self, response: str | None, time_to_accept_ms: int, fraction: float | None = None,
                 **about: Unpack[About]) -> str:
        """A suggestion was taken over, so many milliseconds after it was shown."""
        payload = _some(time_to_accept_ms=max(int(time_to_accept_ms), 0), fraction=fraction)
        return self.event("signal.accepted", payload, response=response, **about)

    @quiet
    def rejected(self, response: str | None, **about: Unpack[About]) -> str:
        """A suggestion was turned down."""
        return self.event("signal.rejected", response=response, **about)

    @quiet
    def edited(self, response: str | None, delay_ms: int, *, after: str | None = None, similarity: float | None = None,
               retained_chars: int | None = None, original_chars: int | None = None, no_revert: float | None = None,
               accepted_event: str | None = None, **about: Unpack[About]) -> str:
        """What was left of an accepted text after ``delay_ms``."""
        payload = _some(delay_ms=int(delay_ms), after=after, similarity=similarity, retained_chars=retained_chars,
                        original_chars=original_chars, no_revert=no_revert)
        return self.event("signal.edited", payload, links=_some(accepted_event=accepted_event), response=response,
                          **about)

    @quiet
    def followup(self, response: str | None, text: str | None = None, **about: Unpack[About]) -> str:
        """The user wrote again after the answer."""
        return self.event("signal.followup", _some(text=text), response=response, **about)

    @quiet
    def escalated(self, response: str | None = None, **about: Unpack[About]) -> str:
        """The user asked for a person."""
        return self.event("signal.escalated", response=response, **about)

    # ---- what became of it ---------------------------------------------------------------------------------------

    @quiet
    def outcome(self, status: str, kind: str = "task", *, value: float | None = None, response: str | None = None,
                **about: Unpack[About]) -> str:
        """What became of a task, ticket or deal; a task is success, partial, failure, abandoned or unknown."""
        known = ("success", "partial", "failure", "abandoned", "unknown")
        if kind not in ("task", "ticket", "deal", "custom") or (kind == "task" and status not in known):
            raise ValueError(f"an outcome is of kind task ({', '.join(known)}), ticket, deal or custom")
        return self.event(f"outcome.{kind}", _some(status=status, value=value), source="system", response=response,
                          **about)

    @quiet
    def judged(self, response: str | None, name: str, *, score: float | None = None, label: str | None = None,
               explanation: str | None = None, source: str = "llm_judge", **about: Unpack[About]) -> str:
        """A verdict that is not the user's: of a model (``llm_judge``), a check (``code``) or a ``reviewer``."""
        payload = _some(name=name, score=score, label=label, explanation=explanation)
        return self.event("judgment.result", payload, source=source, response=response, **about)


def _some(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


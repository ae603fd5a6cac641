"""Outcomes that name only a task or a user (a ticket, a deal): which response were they about?"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta

from evalloop.records.event import Event
from evalloop.records.times import moment_of, time_text

OUTCOME = "outcome."
WINDOW_S: Mapping[str, float] = {"outcome.ticket": 72 * 3600, "outcome.deal": 30 * 86400}
"""Seconds that may lie between the last response to a user (or in a task) and its outcome; ``payload.window_s`` comes
before."""
OTHER_WINDOW_S = 24 * 3600

Owner = tuple[str, str]
Responses = Mapping[Owner, Sequence[tuple[str, str]]]


def responses_of_owners(generations: Mapping[str, Event], known: Iterable[tuple[Event, str]]) -> Responses:
    """(time, response) of the responses of each task and user, in order: by what the generation names, and by what
    other events about the response name (``known``: event and its response)."""
    found: defaultdict[Owner, set[tuple[str, str]]] = defaultdict(set)
    named = ((event, name) for name, event in generations.items())
    for event, name in (*named, *known):
        if name in generations and not event.event_type.startswith(OUTCOME):
            for owner in owners(event):
                found[owner].add((generations[name].occurred_at, name))
    return {owner: sorted(responses) for owner, responses in found.items()}


def owners(event: Event) -> Iterator[Owner]:
    """Whom an event belongs to, the closest first."""
    if event.subject.get("task_id"):
        yield "task", event.subject["task_id"]
    if event.user_key:
        yield "user", event.user_key


def last_before(responses: Responses, event: Event) -> str | None:
    """The last response of the outcome's task, else of its user, that lies within the window before it."""
    window = event.payload.get("window_s")
    seconds = window if isinstance(window, int | float) else WINDOW_S.get(event.event_type, OTHER_WINDOW_S)
    try:
        since = time_text(moment_of(event.occurred_at) - timedelta(seconds=seconds))
    except (OverflowError, ValueError):
        since = ""
    for owner in owners(event):
        of_owner = responses.get(owner, ())
        at = bisect_right(of_owner, (event.occurred_at, "\U0010ffff")) - 1
        if at >= 0 and of_owner[at][0] >= since:
            return of_owner[at][1]
    return None

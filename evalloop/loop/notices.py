"""Notices: users who complained hear that it got better."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING

from evalloop.errors import EmptyError, UsageError
from evalloop.loop.evidence import add_events, failures, open_log
from evalloop.loop.project import Project
from evalloop.loop.releases import find_release
from evalloop.loop.themes import theme_members

if TYPE_CHECKING:
    from evalloop.contracts import Channel
    from evalloop.notes.notify import Planned
    from evalloop.records.event import Event


def plan_notices(project: Project, name: str, *, every_days: int = 30) -> Planned:
    """Who would hear of a release, and why others do not; EmptyError when production has confirmed nothing."""
    from evalloop.notes.notify import plan
    from evalloop.records.times import now_text

    release = find_release(project, name)
    if not any(each.verdict == "confirmed" for each in release.checks):
        raise EmptyError(f"production has confirmed nothing of {name}", fix=f"evalloop verify {name}")
    members = {failure: [cluster] for failure, cluster in theme_members(project).items()}
    return plan(release, members, failures(project), _sent(project), now=now_text(), every_days=every_days,
                mask=project.masker.words)


def send_notices(project: Project, planned: Planned, place: str, options: Mapping[str, str],
                 progress: Callable[[int], None] = lambda count: None) -> int:
    """Sends planned notices to a place and keeps a ``notice.sent`` event for each; how many went out."""
    from evalloop.notes.notify import send, sent_event

    channel = _channel(project, place)
    count = 0
    for count, _ in enumerate(send(planned.notices, lambda each: channel.send(each, place, options),
                                   lambda each: add_events(project, [sent_event(each, channel.name)])), 1):
        progress(count)
    return count


def _sent(project: Project) -> Iterator[Event]:
    with open_log(project) as log:
        yield from (event for event in log.events() if event.event_type == "notice.sent")


def _channel(project: Project, place: str) -> Channel:
    for channel in project.host.all("channels"):
        if channel.matches(place):
            found: Channel = channel
            return found
    raise UsageError(f"{place}: no channel delivers there",
                     fix="name a .jsonl file, an http(s) address, or smtp://host:port")

"""You said, we fixed: one notice for each consenting user who complained, only after production confirmed it."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from evalloop.records.event import Event
from evalloop.records.failure import Failure
from evalloop.records.notice import Notice
from evalloop.records.release import Check, Release
from evalloop.records.times import moment_of, now_text, time_text

PURPOSE = "notify"
SENT = "notice.sent"
LONGEST_QUOTE = 200


@dataclass(frozen=True)
class Planned:
    """The notices to send, and how many complaints get none, by reason."""

    notices: tuple[Notice, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)


def plan(release: Release, members: Mapping[str, Collection[str]], failures: Iterable[Failure],
         sent: Iterable[Event], *, now: str, every_days: int = 30, mask: Callable[[str], str] = str) -> Planned:
    """One notice for each user whose complaint lies in a theme that is confirmed for the release.

    ``members`` maps a failure id to its clusters. Nobody hears without the purpose ``notify`` on every event behind
    their complaint, twice of one release, or more often than every ``every_days``. Complaints after the release are
    left alone: those users know that it is not fixed for them.
    """
    confirmed = {each.cluster_id: each for each in release.checks if each.verdict == "confirmed"}
    last, told = _history(sent, release.name)
    since = time_text(moment_of(now) - timedelta(days=every_days))
    found: dict[str, Notice] = {}
    left: Counter[str] = Counter()
    for failure in sorted(failures, key=lambda each: (each.occurred_at, each.failure_id), reverse=True):
        cluster = next((name for name in members.get(failure.failure_id, ()) if name in confirmed), None)
        if cluster is None:
            continue
        reason = _why_not(failure, release, told, last, since)
        if reason:
            left[reason] += 1
        elif failure.user_key not in found:
            found[str(failure.user_key)] = _notice(release, confirmed[cluster], failure, mask)
    return Planned(tuple(found[user] for user in sorted(found)), dict(sorted(left.items())))


def _history(sent: Iterable[Event], release: str) -> tuple[dict[str, str], set[str]]:
    """When each user heard of anything last, and who heard of this release."""
    last: dict[str, str] = {}
    told: set[str] = set()
    for event in sent:
        user = event.user_key or ""
        last[user] = max(last.get(user, ""), event.occurred_at)
        if event.context.get("release") == release:
            told.add(user)
    return last, told


def _why_not(failure: Failure, release: Release, told: set[str], last: Mapping[str, str], since: str) -> str:
    if failure.user_key is None:
        return "the user is not known"
    if failure.weight <= 0:
        return "quarantined"
    if PURPOSE not in failure.consent_purposes:
        return "no consent to notices"
    if failure.occurred_at >= (release.shipped_at or release.created_at):
        return "complained after the release"
    if failure.user_key in told:
        return "told already"
    return "told of another release lately" if last.get(failure.user_key, "") >= since else ""


def _notice(release: Release, check: Check, failure: Failure, mask: Callable[[str], str]) -> Notice:
    theme = next((each.theme for each in release.expectations if each.cluster == check.cluster), "") or check.cluster
    own = failure.text if failure.text not in (failure.prompt, "") else ""
    quote = _cut(mask(own))
    said = f'You told us: "{quote}". ' if quote else "You let us know that an answer did not help. "
    text = (f"{said}We changed that ({theme}), and since then fewer people meet it: "
            f"{(check.after or 0) * 100:.1f} of a hundred, before {check.before * 100:.1f}. Thank you.")
    name = hashlib.sha256(f"{release.name}\0{failure.user_key}".encode()).hexdigest()[:24]
    return Notice(f"notice-{name}", release.name, check.cluster_id, theme, str(failure.user_key), text, quote,
                  failure.response_id or "", failure.occurred_at)


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST_QUOTE else line[:LONGEST_QUOTE - 1] + "…"


def sent_event(notice: Notice, channel: str, at: str | None = None) -> Event:
    """The fact that a notice went out; the same notice gives the same event id."""
    subject = {"level": "user", "response_id": notice.response_id} if notice.response_id else {
        "level": "user", "message_id": notice.notice_id}
    return Event(event_id=notice.notice_id, event_type=SENT, occurred_at=at or now_text(), source={"kind": "system"},
                 subject=subject, actor={"user_key": notice.user_key}, context={"release": notice.release},
                 payload={"cluster_id": notice.cluster_id, "channel": channel})


def send(notices: Sequence[Notice], deliver: Callable[[Notice], None],
         keep: Callable[[Notice], None]) -> Iterator[Notice]:
    """Sends one after the other and keeps that each went out before the next is sent: what is killed goes on there."""
    for notice in notices:
        deliver(notice)
        keep(notice)
        yield notice

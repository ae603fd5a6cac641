"""What users take and leave: by user and by segment, drawn towards the rate of all, for prompts and for decisions.

A view of one user needs that user's consent to the purpose ``training``; a view of a group shows no cell under the
least number of users.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import median
from typing import Any

from evalloop import stats
from evalloop.preferences.evidence import allowed
from evalloop.preferences.language import language_of
from evalloop.records.base import Record
from evalloop.records.event import Event
from evalloop.records.turn import Turn

WHOLE = "all"
TAKEN = frozenset({"signal.accepted", "signal.copied"})
CLEAR = 1.25
"""Taken answers must be longer or shorter than left ones by this factor before a hint speaks of length."""
ENOUGH = 8
"""Taken answers that a hint needs."""


@dataclass(frozen=True)
class Seen:
    """One answer as its user met it: ``taken`` is accepted or copied, None when neither could be seen."""

    user: str
    group: str
    taken: bool
    chars: int
    language: str | None
    retained: float | None
    accept_ms: int | None
    consents: bool


@dataclass(frozen=True)
class Profile(Record):
    """What one user or group takes and leaves.

    ``rate`` is the share of answers accepted or copied, ``shrunken`` the same drawn towards all users' rate,
    ``interval`` clustered by user. ``retained`` is the mean share of an accepted text that stayed, ``accept_s`` the
    median time to accept in seconds, ``chars_taken`` and ``chars_left`` median lengths. ``hints`` are sentences that a
    prompt may carry.
    """

    name: str
    answers: int
    users: int
    taken: int
    rate: float
    shrunken: float
    interval: tuple[float, float] | None = None
    retained: float | None = None
    accept_s: float | None = None
    chars_taken: int | None = None
    chars_left: int | None = None
    language: str | None = None
    hints: tuple[str, ...] = ()


@dataclass(frozen=True)
class Contrast(Record):
    """Two groups compared: the difference in rate with the user as the unit, and what ignoring users would claim."""

    first: str
    second: str
    delta: float
    interval: tuple[float, float] | None
    p: float | None
    p_naive: float | None
    users: int
    why: str
    p_holm: float | None = None


@dataclass(frozen=True)
class Profiles(Record):
    """All groups, largest first; ``hidden`` counts the groups with too few users, ``without_consent`` the users."""

    by: str
    least_users: int
    groups: tuple[Profile, ...]
    contrasts: tuple[Contrast, ...] = ()
    hidden: int = 0
    without_consent: int = 0


def by_group(turns: Iterable[Turn], by: str, least_users: int) -> Profiles:
    """One profile for each value of ``by`` (a key of the context or of the user's segment), and their contrasts."""
    rows = list(_seen(turns, _grouper(by)))
    groups = _grouped(rows, lambda row: row.group)
    shown = {name: found for name, found in groups.items() if len({row.user for row in found}) >= least_users}
    return Profiles(by, least_users, _profiles(shown), tuple(_contrasts(shown)), len(groups) - len(shown))


def by_user(turns: Iterable[Turn], users: Sequence[str] = ()) -> Profiles:
    """One profile for each consenting user (or those named); the others count towards the rate of all, unnamed."""
    groups = _grouped(_seen(turns, lambda _: WHOLE), lambda row: row.user)
    willing = {name for name, found in groups.items() if all(row.consents for row in found)}
    made = [each for each in _profiles(groups) if each.name in willing and (not users or each.name in users)]
    return Profiles("user", 1, tuple(made), without_consent=len(groups) - len(willing))


def _seen(turns: Iterable[Turn], group: Callable[[Turn], str]) -> Iterator[Seen]:
    """Answers that a known user met; those that were never shown, and answers without a user, say nothing."""
    for turn in turns:
        if turn.generation is not None and turn.user_key:
            kinds = {event.event_type for event in turn.events}
            own = [turn.generation, *(event for event in turn.events if event.user_key == turn.user_key)]
            language = language_of(turn.prompt) if turn.prompt else None
            yield Seen(turn.user_key, group(turn), bool(kinds & TAKEN), len(turn.response), language,
                       _retained(turn.events), _accept_ms(turn.events), allowed(own))


def _grouper(by: str) -> Callable[[Turn], str]:
    def value(turn: Turn) -> str:
        generation = turn.generation
        segment: Mapping[str, Any] = next((event.actor["segment"] for event in (generation, *turn.events)
                                           if event and event.actor.get("segment")), {})
        context = generation.context if generation else {}
        return str(context.get(by, segment.get(by, "unknown")))

    return value if by != WHOLE else lambda _: WHOLE


def _retained(events: Sequence[Event]) -> float | None:
    """Share of the accepted text that was still there when it was looked at last."""
    edits = [event for event in events if event.event_type == "signal.edited"]
    for edit in sorted(edits, key=lambda each: -each.payload["delay_ms"]):
        payload = edit.payload
        if payload.get("original_chars") and "retained_chars" in payload:
            return min(float(payload["retained_chars"] / payload["original_chars"]), 1.0)
        if "similarity" in payload:
            return float(payload["similarity"])
    return None


def _accept_ms(events: Sequence[Event]) -> int | None:
    times = [event.payload["time_to_accept_ms"] for event in events
             if event.event_type == "signal.accepted" and "time_to_accept_ms" in event.payload]
    return int(times[-1]) if times else None


def _grouped(rows: Iterable[Seen], key: Callable[[Seen], str]) -> dict[str, list[Seen]]:
    groups: defaultdict[str, list[Seen]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return dict(sorted(groups.items(), key=lambda each: (-len(each[1]), each[0])))


def _profiles(groups: Mapping[str, Sequence[Seen]]) -> tuple[Profile, ...]:
    if not groups:
        return ()
    taken = [sum(row.taken for row in found) for found in groups.values()]
    drawn = stats.shrunken_rates(taken, [len(found) for found in groups.values()])
    return tuple(_profile(name, found, rate) for (name, found), rate in zip(groups.items(), drawn.rates, strict=True))


def _profile(name: str, rows: Sequence[Seen], shrunken: float) -> Profile:
    share = stats.share_interval_clustered([float(row.taken) for row in rows], users=[row.user for row in rows])
    kept = [row.retained for row in rows if row.retained is not None]
    times = [row.accept_ms for row in rows if row.accept_ms is not None]
    taken, left = ([row.chars for row in rows if row.taken is side] for side in (True, False))
    languages = Counter(row.language for row in rows if row.language)
    users = len({row.user for row in rows})
    return Profile(
        name, len(rows), users, len(taken), len(taken) / len(rows), shrunken,
        share.interval, sum(kept) / len(kept) if kept else None,
        median(times) / 1000 if times else None, int(median(taken)) if taken else None,
        int(median(left)) if left else None, languages.most_common(1)[0][0] if languages else None,
        tuple(_hints(taken, left, kept, languages)) if users == 1 else ())


def _hints(taken: Sequence[int], left: Sequence[int], kept: Sequence[float], languages: Counter[str]) -> Iterator[str]:
    """What a prompt may say of one user: only what the figures carry."""
    if min(len(taken), len(left)) >= ENOUGH:
        here, there = median(taken), median(left)
        if there and not 1 / CLEAR < here / there < CLEAR:
            yield f"Prefers {'shorter' if here < there else 'longer'} answers: about {round(here, -1):,.0f} characters."
    if len(kept) >= ENOUGH and sum(kept) / len(kept) < 2 / 3:
        yield "Rewrites much of what it takes over: ask before long answers, keep to the user's own style."
    total = sum(languages.values())
    if total >= ENOUGH and languages.most_common(1)[0][1] >= 0.9 * total:
        yield f"Writes in {languages.most_common(1)[0][0]}: answer in that language."


def _contrasts(groups: Mapping[str, Sequence[Seen]]) -> Iterator[Contrast]:
    """Every group against every other, the largest difference first, with Holm's correction over all of them."""
    pairs = [_contrast(one, groups[one], other, groups[other]) for one, other in combinations(groups, 2)]
    tested = [each for each in pairs if each.p is not None]
    held = dict(zip(map(id, tested), stats.holm([each.p or 0.0 for each in tested]), strict=True)) if tested else {}
    for each in sorted(pairs, key=lambda each: -abs(each.delta)):
        yield replace(each, p_holm=held.get(id(each)))


def _contrast(first: str, one: Sequence[Seen], second: str, other: Sequence[Seen]) -> Contrast:
    values = [[float(row.taken) for row in rows] for rows in (one, other)]
    users = [[row.user for row in rows] for rows in (one, other)]
    found = stats.share_difference(*values, first_users=users[0], second_users=users[1])
    naive = stats.share_difference(*values)
    return Contrast(first, second, found.delta, found.interval, found.p, naive.p,
                    len({*users[0], *users[1]}), _why(found.p, naive.p, len(values[0]) + len(values[1]), users))


def _why(p: float | None, naive: float | None, answers: int, users: Sequence[Sequence[str]]) -> str:
    count = len({*users[0], *users[1]})
    if p is None:
        return f"{count} users are too few for an interval"
    if naive is None or count == answers:
        return f"{count} users, one answer each"
    return (f"the unit is the user: {answers:,} answers of {count:,} users are not {answers:,} independent "
            f"observations (counting them so would give p {naive:.3g})")

"""Accounts whose votes do not count: repeated texts, bursts, one side only, several accounts in step.

Judged is the account, never the single vote, and before any weight is fitted: a crowd that is down-weighted afterwards
has bent the fit already. Nothing is deleted: the votes stay with weight 0 (or less weight) and the reason.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from evalloop.records.account import Account
from evalloop.signals.alike import groups_of_like_texts, words_of

if TYPE_CHECKING:
    from evalloop.contracts import Evidence

Table = Any
PEOPLE = ("end_user", "import")


@dataclass(frozen=True)
class AbuseOptions:
    """Limits of the filter.

    A text counts as telling from ``words`` words on, and as one that nobody writes by chance from ``long_words``;
    ``repeats`` like texts of one account are a script. ``window_s`` is the length of a burst and of "at the same time",
    ``burst`` the fewest votes of one. ``together`` accounts in step are a group; ``targets`` shared responses, or like
    texts at the same time, count as in step. ``level`` is the level of the tests, divided by the number of accounts. A
    one-sided rater is often an honest angry user, who then counts ``one_sided`` of the usual weight.
    """

    words: int = 5
    long_words: int = 12
    repeats: int = 5
    window_s: float = 600.0
    burst: int = 8
    together: int = 3
    targets: int = 3
    level: float = 0.001
    one_sided: float = 0.25


@dataclass(frozen=True)
class Vote:
    """One explicit act of a known user."""

    user: str
    at: float
    polarity: float
    response: str
    text: str


def suspicious(votes: Iterable[Vote], options: AbuseOptions | None = None) -> tuple[Account, ...]:
    """The accounts with a reason against them, by falling number of votes."""
    options = options or AbuseOptions()
    by_user: defaultdict[str, list[Vote]] = defaultdict(list)
    for vote in sorted(votes, key=lambda each: (each.user, each.at, each.response)):
        by_user[vote.user].append(vote)
    reasons: defaultdict[str, list[str]] = defaultdict(list)
    groups = groups_of_like_texts([vote.text for votes in by_user.values() for vote in votes], options.words)
    for found in (_repeated(by_user, groups, options), _bursts(by_user, options),
                  _in_step(by_user, groups, options)):
        for user, reason in found.items():
            reasons[user].append(reason)
    one_sided = _one_sided(by_user, options)
    accounts = [_account(user, by_user[user], reasons.get(user, ()), one_sided.get(user), options)
                for user in {*reasons, *one_sided}]
    return tuple(sorted(accounts, key=lambda each: (-each.votes, each.user_key)))


def _account(user: str, votes: Sequence[Vote], reasons: Sequence[str], one_sided: str | None,
             options: AbuseOptions) -> Account:
    told = (*reasons, *((one_sided,) if one_sided else ()))
    return Account(user, len(votes), sum(vote.polarity < 0 for vote in votes), 0.0 if reasons else options.one_sided,
                   told)


def votes_of(evidence: Evidence, signals: Table) -> Iterator[Vote]:
    """The explicit signals of people who are known, one for each event; staff and reviewers are never judged."""
    acts = evidence.acts
    people = acts.filter(acts.event_type.startswith("feedback.") & acts.source_kind.isin(PEOPLE))
    said = signals.filter((signals.kind == "explicit") & signals.user_key.notnull())
    ids = said.select("signal_id", event=said.event_ids.unnest())
    theirs = ids.semi_join(people, ids.event == people.event_id).select("signal_id").distinct()
    kept = said.semi_join(theirs, "signal_id").order_by("detector", "at_us", "signal_id")
    seen: set[tuple[str, ...]] = set()
    for row in evidence.engine.records(kept.select(
            "user_key", "at_us", "polarity", "response_id", "text", "event_ids")):
        key = tuple(row["event_ids"])
        if key not in seen:
            seen.add(key)
            yield Vote(row["user_key"], row["at_us"] / 1e6, row["polarity"], row["response_id"] or "",
                       row["text"] or "")


# ---- the rules -------------------------------------------------------------------------------------------------------


def _repeated(by_user: Mapping[str, Sequence[Vote]], groups: Mapping[str, int],
              options: AbuseOptions) -> dict[str, str]:
    """Accounts that write the same text again and again, or a long one that many others wrote too."""
    users_of: defaultdict[int, set[str]] = defaultdict(set)
    counts: dict[str, Counter[int]] = {}
    for user, votes in by_user.items():
        counts[user] = Counter(groups[vote.text] for vote in votes if vote.text in groups)
        for vote in votes:
            if vote.text in groups and len(words_of(vote.text)) >= options.long_words:
                users_of[groups[vote.text]].add(user)
    found = {}
    for user, count in counts.items():
        most = max(count.values(), default=0)
        others = max((len(users_of[group]) - 1 for group in count if user in users_of[group]), default=0)
        if most >= options.repeats:
            found[user] = f"wrote the same text {most} times"
        elif others + 1 >= options.together:
            found[user] = f"wrote the same long text as {others} other accounts"
    return found


def _bursts(by_user: Mapping[str, Sequence[Vote]], options: AbuseOptions) -> dict[str, str]:
    """Accounts with more votes in one window than a Poisson count around the typical active window explains."""
    from statistics import median

    from evalloop import stats

    if not by_user:
        return {}
    times = {user: list(_judged(votes).values()) for user, votes in by_user.items()}
    windows = {user: Counter(int(at // options.window_s) for at in moments) for user, moments in times.items()}
    typical = max(1.0, median(count.total() / len(count) for count in windows.values()))
    found = {}
    for user, moments in times.items():
        most = _most_within(moments, options.window_s)
        if most >= options.burst and stats.poisson_tail(most, typical) < options.level / len(by_user):
            found[user] = f"{most} votes within {options.window_s / 60:.0f} minutes, usual are {typical:.1f}"
    return found


def _judged(votes: Iterable[Vote]) -> dict[str | float, float]:
    """The answers that votes speak of, each with its first moment: a thumb and its comment are one judgment."""
    first: dict[str | float, float] = {}
    for vote in votes:
        first.setdefault(vote.response or vote.at, vote.at)
    return first


def _most_within(times: Sequence[float], window_s: float) -> int:
    start = most = 0
    for end, at in enumerate(times):
        while at - times[start] > window_s:
            start += 1
        most = max(most, end - start + 1)
    return most


def _one_sided(by_user: Mapping[str, Sequence[Vote]], options: AbuseOptions) -> dict[str, str]:
    """Accounts whose votes all fall on one side, which at the usual shares (each account once) is no chance."""
    sides = {user: (len(_judged(vote for vote in votes if vote.polarity > 0)),
                    len(_judged(vote for vote in votes if vote.polarity < 0))) for user, votes in by_user.items()}
    rated = {user: (up, down) for user, (up, down) in sides.items() if up + down}
    if not rated:
        return {}
    negative = sum(down / (up + down) for up, down in rated.values()) / len(rated)
    found = {}
    for user, (up, down) in rated.items():
        usual = negative if down else 1 - negative
        if not (up and down) and usual ** (up + down) < options.level / len(rated):
            found[user] = f"all {up + down} votes {'negative' if down else 'positive'}, usual are {usual:.0%}"
    return found


def _in_step(by_user: Mapping[str, Sequence[Vote]], groups: Mapping[str, int],
             options: AbuseOptions) -> dict[str, str]:
    """Groups of accounts that wrote like texts at the same time, or voted the same way on the same responses."""
    from evalloop import stats

    users = list(by_user)
    edges = _same_text_and_time(by_user, groups, options) | _same_targets(by_user, options)
    number = {user: place for place, user in enumerate(users)}
    labels = stats.connected([(number[one], number[other]) for one, other in edges], len(users))
    sizes = Counter(labels)
    return {user: f"in step with {sizes[label] - 1} other accounts" for user, label in zip(users, labels, strict=True)
            if sizes[label] >= options.together}


def _same_text_and_time(by_user: Mapping[str, Sequence[Vote]], groups: Mapping[str, int],
                        options: AbuseOptions) -> set[tuple[str, str]]:
    """Pairs of neighbours in time with a like text within the window: once for a long one, else ``targets`` times."""
    said: defaultdict[int, list[tuple[float, str]]] = defaultdict(list)
    long = {group for text, group in groups.items() if len(words_of(text)) >= options.long_words}
    for user, votes in by_user.items():
        for vote in votes:
            if vote.text in groups:
                said[groups[vote.text]].append((vote.at, user))
    times: Counter[tuple[str, str]] = Counter()
    for group, moments in said.items():
        moments.sort()
        for (before, one), (after, other) in pairwise(moments):
            if one != other and after - before <= options.window_s:
                times[min(one, other), max(one, other)] += options.targets if group in long else 1
    return {pair for pair, count in times.items() if count >= options.targets}


def _same_targets(by_user: Mapping[str, Sequence[Vote]], options: AbuseOptions) -> set[tuple[str, str]]:
    """Pairs of accounts with the same vote on ``targets`` responses; a response that a crowd voted on says nothing."""
    voters: defaultdict[tuple[str, bool], set[str]] = defaultdict(set)
    for user, votes in by_user.items():
        for vote in votes:
            if vote.response and vote.polarity:
                voters[vote.response, vote.polarity < 0].add(user)
    shared: Counter[tuple[str, str]] = Counter()
    for crowd in voters.values():
        if 2 <= len(crowd) <= CROWD:
            ordered = sorted(crowd)
            shared.update((one, other) for place, one in enumerate(ordered) for other in ordered[place + 1:])
    return {pair for pair, count in shared.items() if count >= options.targets}


CROWD = 100
"""Voters on one response from which on their agreement is no sign of anything (a shared or public answer)."""

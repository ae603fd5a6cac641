"""Chooses the members of a cluster that become cases: typical ones, varied ones, and hard ones, fair to users.

Every fourth is hard: it lies between clusters (its words speak for another one almost as much), or the evidence against
it is strong. The others are drawn towards what is typical and away from what was chosen before.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from evalloop.near import Near, likeness, tokens
from evalloop.records.failure import Failure

LOOKED_AT = 400
HARD_EVERY = 4

Profile = Mapping[str, float]
"""For each word the share of a cluster's members that hold it."""


@dataclass(frozen=True)
class Choice:
    """A member and why it was chosen: typical, varied or hard."""

    failure: Failure
    why: str


@dataclass
class Chooser:
    """Chooses for one cluster after the other, and remembers what was chosen.

    ``near`` holds the requests that are there already, ``sessions`` the conversations: one gives one case. ``asked`` is
    a failure's request as a case would hold it. ``diversity``: 0 takes the most typical, 1 the most different ones.
    """

    near: Near
    asked: Callable[[Failure], str]
    diversity: float = 0.5
    sessions: set[str] = field(default_factory=set)

    def choose(self, members: Sequence[Failure], others: Sequence[Profile], room: int) -> Iterator[Choice]:
        """Up to ``room`` members, from as many users and segments as possible."""
        pool = _Pool(members, others, self.diversity)
        while pool.left and room > 0:
            best, why = pool.take()
            text = self.asked(best)
            if best.session_id in self.sessions or self.near.has(text):
                continue
            self.near.add(text)
            if best.session_id:
                self.sessions.add(best.session_id)
            pool.note(best)
            room -= 1
            yield Choice(best, why)


class _Pool:
    """The members that are left, and what each of them is worth now."""

    def __init__(self, members: Sequence[Failure], others: Sequence[Profile], diversity: float) -> None:
        self.left = sorted(members, key=lambda each: (-each.weight, digest(each.failure_id)))[:LOOKED_AT]
        self._words = {each.failure_id: words_of(each) for each in self.left}
        own = profile(list(self._words.values()))
        fit = {name: affinity(words, own) for name, words in self._words.items()}
        top = max(fit.values(), default=0.0) or 1.0
        self._typical = {name: value / top for name, value in fit.items()}
        self._hard = {each.failure_id: _hardness(each, fit[each.failure_id], self._words[each.failure_id], others)
                      for each in self.left}
        self._diversity = diversity
        self._closest = dict.fromkeys(fit, 0.0)
        self._users: Counter[str] = Counter()
        self._segments: Counter[str] = Counter()
        self._taken = 0

    def take(self) -> tuple[Failure, str]:
        """Takes the best member out."""
        why = "typical" if not self._taken else "varied" if (self._taken + 1) % HARD_EVERY else "hard"
        best = max(self.left, key=lambda each: self._worth(each, why))
        self.left.remove(best)
        return best, why

    def note(self, chosen: Failure) -> None:
        """Remembers that a member that was taken out is used."""
        self._taken += 1
        self._users[_user(chosen)] += 1
        self._segments[chosen.segment] += 1
        words = self._words[chosen.failure_id]
        for each in self.left:
            name = each.failure_id
            self._closest[name] = max(self._closest[name], likeness(words, self._words[name]))

    def _worth(self, each: Failure, why: str) -> tuple[float, float, float, str]:
        name = each.failure_id
        varied = (1 - self._diversity) * self._typical[name] + self._diversity * (1 - self._closest[name])
        value = self._hard[name] if why == "hard" else varied
        return -self._users[_user(each)], -self._segments[each.segment], value, name


def profile(words: Sequence[frozenset[str]]) -> Profile:
    """The shares of the words of some members."""
    counts = Counter(word for each in words for word in each)
    return {word: count / len(words) for word, count in counts.items()}


def affinity(words: frozenset[str], shares: Profile) -> float:
    """How much a text speaks a cluster's language: the mean share of its words (short texts count a little less)."""
    return sum(shares.get(word, 0.0) for word in words) / (len(words) + 5)


def words_of(failure: Failure) -> frozenset[str]:
    """The words of a failure: what the user said, and what was asked."""
    return tokens(failure.text + " " + failure.prompt)


def digest(text: str) -> str:
    """SHA-256 of a text as hex."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()


def _hardness(each: Failure, own: float, words: frozenset[str], others: Sequence[Profile]) -> float:
    """In [0, 1]: how close the nearest other cluster is, or the probability of failure where that is larger."""
    nearest = max((affinity(words, shares) for shares in others), default=0.0)
    return max(min(nearest / own, 1.0) if own else 1.0, each.probability or 0.0)


def _user(failure: Failure) -> str:
    return failure.user_key or failure.failure_id

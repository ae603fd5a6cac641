"""Rates: a token bucket for each key and for each address."""

from __future__ import annotations

import hashlib
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable

from evalloop.web.answers import Refused

REMEMBERED = 50_000
"""Buckets that are kept; the one unused for longest is dropped, which can only be generous."""


class Limits:
    """``rate`` events a second on average, ``burst`` seconds' worth at once; a rate of 0 is no limit."""

    def __init__(self, *, burst: float = 10.0, clock: Callable[[], float] = time.monotonic) -> None:
        self._burst = burst
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._salt = secrets.token_bytes(16)

    def take(self, name: str, amount: int, rate: float) -> None:
        """Takes ``amount`` from the bucket of ``name``, or raises Refused (429) saying when there will be as much."""
        if rate <= 0:
            return
        size, now = max(rate * self._burst, 1.0), self._clock()
        level, since = self._buckets.pop(name, (size, now))
        level = min(size, level + (now - since) * rate)
        wanted = min(float(amount), size)  # a batch larger than the bucket waits for a full one
        self._buckets[name] = (level if level < wanted else level - wanted, now)
        if len(self._buckets) > REMEMBERED:
            self._buckets.popitem(last=False)
        if level < wanted:
            raise Refused(429, f"more than {rate:g} events a second",
                          "send the same batch again later, or make a key with a higher --rate",
                          retry_after=(wanted - level) / rate)

    def address(self, host: str) -> str:
        """The name of an address's bucket: a hash that nobody can turn back after the process has ended."""
        return hashlib.blake2b(host.encode(), key=self._salt, digest_size=16).hexdigest()

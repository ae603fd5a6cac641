"""Notice: one user hears that what they complained of got better."""

from __future__ import annotations

from dataclasses import dataclass

from evalloop.records.base import Record


@dataclass(frozen=True)
class Notice(Record):
    """A message to one user (``user_key``, pseudonymous) about one theme of one release.

    ``quote`` are the user's own words, masked; empty when they only acted. ``response_id`` is the answer that they
    complained of. ``notice_id`` is the same in every repetition, so that a receiver can drop a second one.
    """

    notice_id: str
    release: str
    cluster_id: str
    theme: str
    user_key: str
    text: str
    quote: str = ""
    response_id: str = ""
    complained_at: str = ""

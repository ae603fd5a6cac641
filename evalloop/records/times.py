"""Times of records: RFC 3339 texts in UTC, all of one width, so that sorting the texts sorts the times."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_IN_UTC = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?Z")
_REST = {20: ".000000Z", **{21 + digits: "0" * (6 - digits) + "Z" for digits in range(1, 7)}}
"""What a text of that length lacks after its last digit."""


def time_text(moment: datetime) -> str:
    """``2026-11-23T09:30:00.000000Z``; a moment without a zone is taken as UTC."""
    if moment.tzinfo is not None and moment.tzinfo is not UTC:
        moment = moment.astimezone(UTC)
    return moment.isoformat("T", "microseconds")[:26] + "Z"


def moment_of(text: str) -> datetime:
    """The moment that an RFC 3339 text names, in UTC; ValueError when it is none."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is UTC:
        return moment
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def utc_text(text: str) -> str:
    """The moment that an RFC 3339 text names as a text of this form; ValueError when it is none."""
    moment = datetime.fromisoformat(text)
    if _IN_UTC.fullmatch(text):  # what most clients write: nothing is to be computed
        return text[:-1] + _REST[len(text)]
    return time_text(moment)


def now_text() -> str:
    """The present moment as such a text."""
    return time_text(datetime.now(UTC))


def weeks_text(week: str, since: str = "") -> str:
    """``2026-W38 to 2026-W47``, or one week where it began in the same one."""
    return f"{since} to {week}" if since and since != week else week


def time_of_us(micros: int) -> str:
    """The text of a moment given in microseconds since 1970 (UTC)."""
    return time_text(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros))


def us_of(text: str) -> int:
    """The moment that an RFC 3339 text names, in microseconds since 1970 (UTC)."""
    return (moment_of(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)

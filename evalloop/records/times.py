"""Times of records: RFC 3339 texts in UTC, all of one width, so that sorting the texts sorts the times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta


def time_text(moment: datetime) -> str:
    """``2026-11-23T09:30:00.000000Z``; a moment without a zone is taken as UTC."""
    aware = moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    return aware.isoformat(timespec="microseconds") + "Z"


def moment_of(text: str) -> datetime:
    """The moment that an RFC 3339 text names, in UTC; ValueError when it is none."""
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def now_text() -> str:
    """The present moment as such a text."""
    return time_text(datetime.now(UTC))


def time_of_us(micros: int) -> str:
    """The text of a moment given in microseconds since 1970 (UTC)."""
    return time_text(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros))

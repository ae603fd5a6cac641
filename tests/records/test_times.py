"""Times are texts of one width in UTC."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evalloop.records.times import moment_of, time_text, utc_text

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(2, 1, 1), datetime(9998, 1, 1), timezones=ZONES)


@given(MOMENTS, st.integers(0, 6), st.booleans())
def test_every_way_to_write_a_moment_gives_the_same_text(moment: datetime, digits: int, zulu: bool) -> None:
    """Any zone and any number of decimals; the short way for UTC and the long way agree."""
    moment = moment.replace(microsecond=moment.microsecond // 10 ** (6 - digits) * 10 ** (6 - digits))
    written = time_text(moment)[:20 + digits].removesuffix(".") + "Z" if zulu else moment.isoformat()
    assert utc_text(written) == time_text(moment_of(written)) == time_text(moment)
    assert len(utc_text(written)) == 27


@pytest.mark.parametrize("text", ["", "now", "2026-13-01T00:00:00Z", "2026-01-05T25:00:00Z", "2026-01-05T10:00:60.5Z"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """ValueError, also where only the numbers are wrong."""
    with pytest.raises(ValueError, match=r"."):
        utc_text(text)

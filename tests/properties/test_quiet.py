"""Wherever and whenever: what the clock shows decides, and the end is an end."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from eventflow.model.quiet import QuietHours

ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/Havana",  # changes at midnight
    "America/Santiago",  # goes back from midnight into the day before
    "Australia/Lord_Howe",  # by half an hour
    "Asia/Kathmandu",
    "Pacific/Apia",  # has left out a day
    "Africa/Casablanca",
]
CHANGES = [
    datetime(2026, 3, 29, 1, tzinfo=UTC),
    datetime(2026, 10, 25, 1, tzinfo=UTC),
    datetime(2026, 3, 8, 5, tzinfo=UTC),
    datetime(2026, 11, 1, 5, tzinfo=UTC),
    datetime(2026, 4, 5, 3, tzinfo=UTC),
    datetime(2026, 9, 6, 4, tzinfo=UTC),
    datetime(2026, 4, 4, 15, tzinfo=UTC),
    datetime(2011, 12, 30, 10, tzinfo=UTC),
]
"""Moments near which clocks are put forward or back somewhere."""

minutes = st.integers(0, 24 * 60 - 1)
clocks = minutes.map(lambda one: f"{one // 60:02}:{one % 60:02}")
hours = (
    st.tuples(clocks, clocks, st.sampled_from(ZONES))
    .filter(lambda one: one[0] != one[1])
    .map(lambda one: QuietHours(one[0], one[1], tz=one[2]))
)
moments = st.builds(
    lambda change, seconds: change + timedelta(seconds=seconds),
    st.sampled_from(CHANGES),
    st.integers(-48 * 3600, 48 * 3600),
) | st.datetimes(datetime(1990, 1, 1), datetime(2037, 1, 1)).map(lambda one: one.replace(tzinfo=UTC))


def shows(quiet: QuietHours, now: datetime) -> bool:
    """Whether the time that the clock shows is one of the quiet ones."""
    clock = now.astimezone(ZoneInfo(quiet.tz)).time()
    start, end = time.fromisoformat(quiet.start), time.fromisoformat(quiet.end)
    return start <= clock < end if start < end else clock >= start or clock < end


def changes(quiet: QuietHours, now: datetime) -> bool:
    """Whether clocks change there within two days of it."""
    zone = ZoneInfo(quiet.tz)
    offsets = {(now + timedelta(hours=hour)).astimezone(zone).utcoffset() for hour in range(-48, 49)}
    return len(offsets) > 1


@given(hours, moments)
def test_it_is_quiet_when_the_clock_shows_it(quiet: QuietHours, now: datetime) -> None:
    end = quiet.ends(now)

    if shows(quiet, now):
        assert end is not None
    elif not changes(quiet, now):
        assert end is None


@given(hours, moments)
def test_quiet_hours_end_and_are_quiet_until_then(quiet: QuietHours, now: datetime) -> None:
    end = quiet.ends(now)

    if end is not None:
        assert now < end <= now + timedelta(days=2, hours=3)
        assert quiet.ends(end) is None
        assert quiet.ends(now + (end - now) / 2) == end
        assert quiet.ends(end - timedelta(microseconds=1)) == end
        assert changes(quiet, now) or end.astimezone(ZoneInfo(quiet.tz)).strftime("%H:%M") == quiet.end

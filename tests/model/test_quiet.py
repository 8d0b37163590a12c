"""When it is quiet."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from eventflow.errors import Misconfigured
from eventflow.model.quiet import QuietHours


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


LAST_TEN = QuietHours("23:50", "00:00", tz="Europe/Berlin")


@pytest.mark.parametrize(
    ("now", "end"),
    [
        ("2026-07-01T21:49:59.999999", None),
        ("2026-07-01T21:50", "2026-07-01T22:00"),
        ("2026-07-01T21:59:59.999999", "2026-07-01T22:00"),
        ("2026-07-01T22:00", None),
        ("2026-01-01T22:50", "2026-01-01T23:00"),  # an hour later by the sun
        ("2026-01-01T21:50", None),
    ],
)
def test_the_last_minutes_of_a_day_are_those_of_the_place(now: str, end: str | None) -> None:
    assert LAST_TEN.ends(at(now)) == (end and at(end))


def test_quiet_hours_go_on_behind_midnight() -> None:
    night = QuietHours("22:00", "06:00", tz="Asia/Tokyo")

    assert night.ends(at("2026-05-01T13:00")) == at("2026-05-01T21:00")
    assert night.ends(at("2026-05-01T20:59")) == at("2026-05-01T21:00")
    assert night.ends(at("2026-05-01T12:59")) is None


@pytest.mark.parametrize(
    ("hours", "now", "end"),
    [
        # In Berlin the clock is put from 02:00 to 03:00 at 01:00 UTC.
        (("02:15", "02:45"), "2026-03-29T01:00", None),
        (("01:30", "02:30"), "2026-03-29T00:45", "2026-03-29T01:00"),
        (("02:30", "03:30"), "2026-03-29T01:00", "2026-03-29T01:30"),
        # It goes back from 03:00 to 02:00 at 01:00 UTC, so that 02:30 comes twice.
        (("02:15", "02:45"), "2026-10-25T00:15", "2026-10-25T01:45"),
        (("23:50", "02:30"), "2026-10-25T00:45", "2026-10-25T01:30"),
        (("02:30", "04:00"), "2026-10-25T00:30", "2026-10-25T03:00"),
    ],
)
def test_what_a_changing_clock_shows_is_what_counts(hours: tuple[str, str], now: str, end: str | None) -> None:
    assert QuietHours(*hours, tz="Europe/Berlin").ends(at(now)) == (end and at(end))


def test_a_day_that_a_place_skipped_has_no_quiet_hours() -> None:
    # Samoa went from the 29th of December 2011 to the 31st.
    assert QuietHours("12:00", "13:00", tz="Pacific/Apia").ends(at("2011-12-30T10:00")) is None
    assert QuietHours("23:50", "00:10", tz="Pacific/Apia").ends(at("2011-12-30T09:55")) == at("2011-12-30T10:10")


def test_everything_that_is_wrong_with_quiet_hours_is_said_at_once() -> None:
    wrong: Any = 7

    with pytest.raises(Misconfigured) as refused:
        QuietHours("24:00", wrong, tz="Europe/Berln")

    assert [one.split(":")[0] for one in refused.value.problems] == [
        "QuietHours(start='24",
        "QuietHours(end=7)",
        "QuietHours(tz='Europe/Berln')",
    ]
    assert 'Did you mean "Europe/Berlin"?' in refused.value.problems[2]


@pytest.mark.parametrize("tz", ["", "Europe", "/etc/localtime", "../UTC"])
def test_what_is_no_time_zone_is_refused(tz: str) -> None:
    with pytest.raises(Misconfigured, match="a time zone such as"):
        QuietHours("23:50", "00:00", tz=tz)


def test_quiet_hours_are_never_the_whole_day() -> None:
    with pytest.raises(Misconfigured, match="no time at all, or all of it"):
        QuietHours("12:00", "12:00")
